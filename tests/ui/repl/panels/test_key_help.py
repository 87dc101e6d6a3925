"""Test the key help: at most eight rows, none truncated, with a reference to /keys if some do not fit."""

from __future__ import annotations

import pytest

from termchat.config.keys.key_bindings import DEFAULT_KEYS, KEYS
from termchat.ui.repl.panels.key_help import key_help_lines
from termchat.ui.text.fit import text_width
from termchat.ui.text.line import plain_text


@pytest.mark.parametrize("columns", [40, 60, 80, 100, 120, 160, 200])
def test_key_help_fits_eight_rows_without_truncation(columns: int) -> None:
    rows = [plain_text(row) for row in key_help_lines(DEFAULT_KEYS, columns)]
    assert len(rows) <= 8
    assert all(text_width(row) <= columns - 1 for row in rows)
    assert "…" not in "".join(rows)
    shown = [key for key in KEYS if any(key.help in row for row in rows)]
    assert shown == list(KEYS[: len(shown)])
    assert any("/keys" in row for row in rows) is (len(shown) < len(KEYS))


def test_key_help_twenty_columns_truncates_rows() -> None:
    assert all(text_width(plain_text(row)) <= 19 for row in key_help_lines(DEFAULT_KEYS, 20))
