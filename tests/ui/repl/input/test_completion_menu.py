"""The `/` menu: its rows fit and stand under each other, on a narrow screen too."""

from __future__ import annotations

import pytest

from termchat.commands.builtin import builtin
from termchat.commands.registry import Context
from termchat.ui.blocks import words_of
from termchat.ui.repl.input.completion_menu import Menu
from termchat.ui.text.fit import cells
from tests.ui.fakes import FakeProviders, fake_session


@pytest.mark.parametrize("columns", [20, 30, 40, 60, 80, 200])
def test_the_rows_fit_and_their_words_begin_below_each_other(columns: int) -> None:
    registry = builtin()
    menu = Menu(lambda text: registry.menu(Context(fake_session(), FakeProviders(), registry), text))
    menu.follow("/")
    rows = menu.lines(columns)
    assert 1 < len(rows) <= 8
    assert all(cells(words_of(row)) <= columns - 1 for row in rows)
    told = [row for row in rows if words_of(row[-1:]).strip()]
    assert len({cells(words_of(row)) - cells(words_of(row[-1:]).lstrip(" ")) for row in told}) == (columns > 30)
