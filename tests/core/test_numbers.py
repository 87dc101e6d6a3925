"""Numbers that others wrote."""

from __future__ import annotations

from datetime import UTC

import pytest

from termchat.core.numbers import finite_number, moment, whole_number

TOO_LONG = "9" * 5000  # Python refuses to read so many digits


@pytest.mark.parametrize(
    ("text", "number"),
    [("12", 12), ("007", 7), (b"12", 12), ("9" * 18, 10**18 - 1), ("9" * 19, None), (TOO_LONG, None), ("", None),
     ("-1", None), ("1.0", None), (" 1", None), ("1_0", None), ("²", None), ("１２", None), (b"x", None)],
)  # fmt: skip
def test_whole_number_is_of_few_ascii_digits(text: str | bytes, number: int | None) -> None:
    assert whole_number(text) == number


@pytest.mark.parametrize(
    ("value", "number"),
    [(1, 1.0), (0.5, 0.5), ("2.5", 2.5), (10**400, None), (TOO_LONG, None), ("nan", None), (float("inf"), None),
     (True, None), (None, None), ("x", None), ([1], None)],
)  # fmt: skip
def test_finite_number_is_none_for_what_no_float_holds(value: object, number: float | None) -> None:
    assert finite_number(value) == number


@pytest.mark.parametrize(
    ("seconds", "date"), [(0, "1970-01-01"), (-1e12, "1970-01-01"), (86400, "1970-01-02"), (1e14, "9999-12-31")]
)
def test_moment_is_within_the_calendar(seconds: float, date: str) -> None:
    assert moment(seconds, UTC).date().isoformat() == date
    assert moment(seconds).year in (1969, 1970, 9999)
