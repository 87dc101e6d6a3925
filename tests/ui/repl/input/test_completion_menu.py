"""Test the slash command menu: its rows fit any width and its summaries are aligned."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from termchat.commands.builtin import builtin
from termchat.commands.registry import CommandContext, MenuItem
from termchat.core.sanitize import safe_line
from termchat.ui.repl.input.completion_menu import CompletionMenu
from termchat.ui.text.fit import text_width
from termchat.ui.text.line import plain_text
from tests.commands.test_commands import two_questions_session
from tests.ui.fakes import FakeProviders, fake_session


@pytest.mark.parametrize("columns", [20, 30, 40, 60, 80, 200])
def test_command_menu_fits_and_aligns_summaries_above_30_columns(columns: int) -> None:
    registry = builtin()
    menu = CompletionMenu(lambda text: registry.menu(CommandContext(fake_session(), FakeProviders(), registry), text))
    menu.update("/")
    rows = menu.lines(columns)
    assert 1 < len(rows) <= 8
    assert all(text_width(plain_text(row)) <= columns - 1 for row in rows)
    rows_with_summary = [row for row in rows if plain_text(row[-1:]).strip()]
    starts = {text_width(plain_text(row)) - text_width(plain_text(row[-1:]).lstrip(" ")) for row in rows_with_summary}
    assert len(starts) == (1 if columns > 30 else 0)


@pytest.mark.parametrize(
    ("text", "accepted"),
    [("/vs", True), ("/vs ", False), ("/drop ", False), ("/drop 1", True), ("/budget ", False), ("/budget o", True)],
)
def test_menu_row_is_accepted_by_enter_once_its_argument_began(text: str, accepted: bool) -> None:
    registry = builtin()
    context = CommandContext(two_questions_session(), FakeProviders(), registry)
    menu = CompletionMenu(lambda typed: registry.menu(context, typed))
    menu.update(text)
    assert menu.is_open
    assert menu.by_enter is accepted
    assert plain_text(menu.lines(80)[0]).startswith("❯") is accepted
    first = menu.marked
    menu.move(1)
    assert menu.by_enter
    assert accepted or menu.marked is first
    assert any(plain_text(row).startswith("❯") for row in menu.lines(80))


def test_menu_pages_stop_at_both_ends() -> None:
    items = [MenuItem(f"/c{n}", safe_line(f"/c{n}")) for n in range(20)]
    menu = CompletionMenu(lambda _: items)
    menu.update("/")
    down = [_marked_after(menu, menu.page_down) for _ in range(4)]
    assert down == ["/c8", "/c16", "/c19", "/c19"]
    assert menu.chosen
    assert [_marked_after(menu, menu.page_up) for _ in range(4)] == ["/c11", "/c3", "/c0", "/c0"]


def _marked_after(menu: CompletionMenu, move: Callable[[], None]) -> str:
    move()
    return menu.marked.label
