"""Descriptions of parameters in docstrings."""

from __future__ import annotations

import inspect

import pytest
from hypothesis import given
from hypothesis import strategies as st

from termchat.tools.functions.docstring import parse_docstring

GOOGLE = """Forecast the weather.

More words.

Args:
    city (str): The city,
        or a village: any place.
    days: Number of days

Returns:
    The weather.
"""
NUMPY = """Forecast the weather.

More words.

Parameters
----------
city : str
    The city,
    or a village: any place.
days : int, optional
    Number of days

Returns
-------
    The weather.
"""
REST = """Forecast the weather.

More words.

:param str city: The city,
    or a village: any place.
:type city: str
:param days: Number of days
:rtype: str
"""


@pytest.mark.parametrize("text", [GOOGLE, NUMPY, REST], ids=["google", "numpy", "rest"])
def test_docstring_parameters_are_split_from_description(text: str) -> None:
    found = parse_docstring(inspect.cleandoc(text))
    assert found.parameters == {"city": "The city, or a village: any place.", "days": "Number of days"}
    first, _, rest = found.description.partition(" Returns")
    assert first == "Forecast the weather. More words."
    assert rest in ("", ": The weather.", " The weather.")


@pytest.mark.parametrize("text", ["", "One line.", "Note: this is text.\n\nExample::\n\n    f(1)"])
def test_docstring_without_parameters_is_kept(text: str) -> None:
    assert parse_docstring(text) == (" ".join(text.split()), {})


@given(st.text(alphabet="ab:- \n\t*()Args", max_size=200), st.sampled_from([GOOGLE, NUMPY, REST]))
def test_docstring_of_any_text_is_parsed(text: str, after: str) -> None:
    found = parse_docstring(text + after)
    assert "\n" not in found.description
    assert all(words and "\n" not in words for words in found.parameters.values())
