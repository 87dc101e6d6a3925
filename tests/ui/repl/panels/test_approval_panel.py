"""The panel that asks about tool calls: focus, order of questions, and what is in sight when a letter answers."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prompt_toolkit.key_binding import KeyPress
from prompt_toolkit.keys import Keys

from termchat.core.approval import ApprovalRequest, PreviewKind, ToolEffect
from termchat.core.messages import ToolCall
from termchat.ui.repl.input.late_keys import LateKeys
from termchat.ui.repl.panels.approval_panel import LOW_ROWS, SHOWN_SECONDS, ApprovalPanel, Writing
from termchat.ui.text.fit import text_width
from termchat.ui.text.line import plain_text
from termchat.ui.tools.approval_card import RequestPreview


def command(text: str, *, rules: tuple[str, ...] = ("run_shell(ls)",)) -> ApprovalRequest:
    call = ToolCall("c", "run_shell", "{}")
    return ApprovalRequest(call, ToolEffect.RUN, text, PreviewKind.COMMAND, ("sandboxed",), rules, "command")


class Panel:
    """A panel with the answers it gave and the letters it returned to the input."""

    def __init__(self, *requests: ApprovalRequest) -> None:
        self.answered: list[tuple[str, str]] = []
        self.typed: list[str] = []
        self.panel = ApprovalPanel(self._answer, self.typed.append, lambda: None)
        self.panel.ask(requests)

    def _answer(self, letter: str) -> None:
        assert self.panel.request
        self.answered.append((letter, self.panel.request.preview))

    def key(self, letter: str) -> None:
        """Press a key on an empty input, as the application does."""
        self.panel.key_pressed(empty_input=True)
        if self.panel.takes_keys:
            self.panel.press(letter)

    def shown(self, columns: int = 80, rows: int = 40) -> list[str]:
        return [str(plain_text(line)) for line in self.panel.lines(columns, rows, empty_input=True)]


class Gone:
    """A panel with late keys; `drops` tells which keys that come now do nothing."""

    def __init__(self, *requests: ApprovalRequest, focused: bool = True) -> None:
        self.late = LateKeys(seconds=60)
        self.panel = ApprovalPanel(lambda _: None, lambda _: None, lambda: None, late=self.late)
        self.panel.ask(requests)
        if focused:
            self.panel.toggle_focus()

    def drops(self, *keys: str) -> str:
        names = {"esc": Keys.Escape, "enter": Keys.ControlM}
        return " ".join(key for key in keys if not self.late.sift([KeyPress(names.get(key, key))]))


def test_panel_question_that_goes_by_itself_takes_its_late_letter() -> None:
    gone = Gone(command("first"), command("second"))
    gone.panel.ask((command("third"),))
    assert gone.drops("x", "esc", "y", "y") == "y"


def test_panel_question_that_goes_takes_no_letter_of_a_typist() -> None:
    gone = Gone(command("first"), focused=False)
    gone.panel.lines(80, 40, empty_input=False)
    gone.panel.ask(())
    assert gone.drops("y", "enter", "esc") == ""


def test_panel_list_whose_question_goes_takes_late_letter_and_escape() -> None:
    first, second = command("first"), command("second")
    for keys, dropped in (("yy", "y"), (("esc", "n"), "esc"), (("Y", "enter"), "Y")):
        gone = Gone(first, second)
        gone.panel.open_list()
        gone.panel.toggle_focus()
        gone.panel.ask((first,))
        assert gone.drops(*keys) == dropped


def test_panel_list_that_goes_before_it_has_the_focus_takes_only_escape() -> None:
    first, second = command("first"), command("second")
    gone = Gone(first, second)
    gone.panel.open_list()
    gone.panel.ask((first,))
    assert gone.drops("y", "enter", "esc", "y") == "esc"


@pytest.mark.parametrize("left", [(), (command("second"),)])
def test_panel_question_that_was_answered_takes_no_late_key(left: tuple[ApprovalRequest, ...]) -> None:
    gone = Gone(command("first"), *left)
    gone.panel.acted()
    gone.panel.ask(left)
    assert gone.drops("y", "enter", "esc") == ""


def test_panel_question_that_goes_takes_the_reason_that_is_being_written() -> None:
    gone = Gone(command("first"))
    gone.panel.write(Writing.REASON, "because")
    gone.panel.ask(())
    assert gone.drops("i", "t", "enter", "x") == "i t enter"


def test_panel_letter_right_after_question_is_no_answer() -> None:
    panel = Panel(command("ls"))
    panel.key("y")
    assert panel.answered == []


def test_panel_tab_gives_focus_for_one_question_only() -> None:
    first, second = command("first"), command("second")
    panel = Panel(first, second)
    panel.panel.toggle_focus()
    panel.key("y")
    panel.panel.ask((second,))
    for _ in range(8):
        panel.key("y")
    assert panel.answered == [("y", "first")]


async def test_panel_tab_of_a_typist_lets_no_following_text_answer() -> None:
    panel = Panel(command("ls"))
    panel.panel.key_pressed(empty_input=False)  # Tab, meant for a word in the input
    panel.panel.toggle_focus()
    for letter in "yes":
        panel.panel.key_pressed(empty_input=False)
        if panel.panel.takes_keys:
            panel.panel.press(letter)
        else:
            panel.typed.append(letter)
    assert (panel.answered, panel.typed) == ([], ["y", "e", "s"])


def test_panel_view_counts_at_its_end_for_the_question_that_was_shown() -> None:
    first, second = command("x\n" * 90), command("y\n" * 90)
    panel = Panel(first, second)
    panel.shown(rows=20)
    seen = panel.panel.viewing()
    assert panel.panel.answers()[0].letter == "v"
    panel.panel.ask((second,))
    panel.shown(rows=20)
    seen()
    assert panel.panel.answers()[0].letter == "v"
    panel.panel.viewing()()
    assert panel.panel.answers()[0].letter == "y"


def test_panel_newcomer_never_takes_the_place_of_the_question_on_screen() -> None:
    shown, earlier = command("shown"), command("earlier call, judged later")
    panel = Panel(shown)
    panel.panel.toggle_focus()
    panel.panel.ask((earlier, shown))
    panel.key("y")
    assert panel.answered == [("y", "shown")]


def test_panel_counts_questions_of_the_turn() -> None:
    requests = [command(str(n)) for n in range(3)]
    panel = Panel(*requests)
    assert panel.shown()[0].endswith("1 of 3")
    panel.panel.ask(requests[1:])
    assert panel.shown()[0].endswith("2 of 3")
    panel.panel.ask(())
    panel.panel.ask((command("next"),))
    assert " of " not in panel.shown()[0]


def test_panel_typing_takes_focus_away() -> None:
    panel = Panel(command("ls"))
    panel.panel.toggle_focus()
    panel.panel.text_typed()
    panel.key("y")
    assert panel.answered == []


def test_panel_command_that_does_not_fit_offers_no_run_before_it_is_viewed() -> None:
    panel = Panel(command("\n".join(f"echo {n}" for n in range(100))))
    panel.shown()
    assert [answer.letter for answer in panel.panel.answers()] == ["v", "e", "n"]
    panel.panel.viewing()()
    assert panel.panel.answers()[0].letter == "y"


@pytest.mark.parametrize(
    "hiding",
    [
        "ls" + " " * 900 + "; touch hidden",
        "ls" + "\n" * 200 + "touch hidden",
        "echo " + "x" * 10_000 + "; touch hidden",
    ],
)
@pytest.mark.parametrize("rows", [12, 24, 40])
def test_panel_shows_end_of_every_command(hiding: str, rows: int) -> None:
    shown = "".join(row.strip() for row in Panel(command(hiding)).shown(rows=rows))
    assert "touch hidden" in shown


@given(
    st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=3000), st.integers(20, 120), st.integers(1, 30)
)
def test_preview_is_bounded_and_never_wider_than_the_screen(text: str, columns: int, rows: int) -> None:
    request = command(text)
    lines = RequestPreview(request).lines(columns, rows)
    assert len(lines) <= max(rows, 3) + 2  # the title and the facts
    assert all(text_width(plain_text(line)) <= columns for line in lines[1:])


def test_preview_of_long_line_has_every_character_once() -> None:
    line = "".join(chr(33 + n % 90) for n in range(100_000))
    rows = RequestPreview(command(line)).rows(80)
    assert len(rows) < 1400
    assert "".join(str(plain_text(row)).removeprefix("  $ ").removeprefix("    ") for row in rows) == line


def test_preview_of_huge_diff_is_laid_out_once_and_partly() -> None:
    request = ApprovalRequest(ToolCall("c", "edit_file", "{}"), ToolEffect.WRITE, "+line\n" * 100_000, PreviewKind.DIFF)
    preview = RequestPreview(request)
    assert len(preview.rows(80)) == 400
    assert preview.rows(80) is preview.rows(80)
    assert any("99990 more rows" in str(plain_text(line)) for line in preview.lines(82, 11))


@pytest.mark.parametrize(("columns", "rows"), [(40, 12), (50, 12), (80, 24), (90, 30), (200, 50)])
def test_panel_leaves_room_for_all_answers(columns: int, rows: int) -> None:
    panel = Panel(command("make all"))
    panel.panel.toggle_focus()
    shown = panel.shown(columns, rows)
    assert len(shown) <= max(rows - 4, 8)
    words = " ".join(" ".join(shown).split())
    for answer in ("run once", "edit first", "no, and say why", "stop the turn"):
        assert answer in words


@pytest.mark.parametrize("lines", [1, 6, 100])
@pytest.mark.parametrize(("columns", "rows"), [(80, 10), (80, 12), (40, 14), (80, 16), (40, 24), (80, 24)])
def test_panel_with_reason_leaves_room_for_its_answers(columns: int, rows: int, lines: int) -> None:
    """The rest of the screen: the input, the status, a blank row and one that stays free; running calls if not low."""
    text = "\n".join(f"echo {n} && make" for n in range(lines))
    panel = Panel(replace(command(text, rules=()), reason="The command has a list (&&), so no rule can allow it."))
    panel.panel.toggle_focus()
    for _ in range(2):
        shown = panel.shown(columns, rows)
        assert len(shown) <= rows - (4 if rows < LOW_ROWS else 6)
        assert "no, and stop the turn" in " ".join(" ".join(shown).split())


def test_panel_on_low_screen_tells_of_the_network_before_the_directory() -> None:
    facts = ("in /a/directory/with/a/long/name", "sandboxed · network")
    panel = Panel(replace(command("git log", rules=("run_shell(git log)",)), facts=facts))
    panel.panel.toggle_focus()
    assert "  sandboxed · network" in panel.shown(40, 12)


@pytest.mark.parametrize("lines", range(20, 34))
def test_panel_offers_the_same_answers_in_each_frame(lines: int) -> None:
    panel = Panel(command("\n".join(f"echo {n}" for n in range(lines))))
    panel.panel.toggle_focus()
    frames = [panel.shown() for _ in range(3)]
    assert frames[0] == frames[1] == frames[2]
    assert ("y  run once" in "".join(frames[0])) is ("more rows" not in "".join(frames[0]))


@pytest.mark.parametrize("rows", [12, 20, 40])
def test_panel_marks_answer_that_enter_gives(rows: int) -> None:
    panel = Panel(command("make all"))
    panel.panel.move(1)
    shown = "\n".join(panel.shown(rows=rows))
    assert shown.count("❯") == 1
    assert " ".join(shown[shown.index("❯") :].split()).startswith("❯ y run once")


def test_panel_highlight_of_view_does_not_become_run_after_the_view() -> None:
    panel = Panel(command("\n".join(f"echo {n}" for n in range(100))))
    panel.shown()
    panel.panel.move(1)
    assert panel.panel.highlighted() == "v"
    panel.panel.viewing()()
    assert panel.panel.highlighted() == "v"
    panel.panel.move(1)
    assert panel.panel.highlighted() == "y"


def test_panel_writing_hides_answers_and_keeps_question() -> None:
    panel = Panel(command("make all"))
    panel.panel.toggle_focus()
    panel.panel.write(Writing.REASON)
    assert not panel.panel.takes_keys
    assert any("make all" in row for row in panel.shown())


@pytest.mark.parametrize("columns", [30, 40, 80])
@pytest.mark.parametrize("rule", ["run_shell(git log)", "mcp_demo_" + "long_" * 8 + "name", "write_file(说明/文档/**)"])
def test_panel_shows_offered_rule_whole(columns: int, rule: str) -> None:
    panel = Panel(command("git log", rules=(rule,)))
    panel.panel.toggle_focus()
    rows = panel.shown(columns, 50)
    assert all(text_width(row) < columns for row in rows)
    answers = "".join(row[5:] for row in rows)
    assert f"allow {rule} until you leave this chat" in answers or f"allow {rule} this session" in answers
    assert f"always allow {rule}" in answers


def test_panel_offers_no_run_while_rows_of_its_commands_are_not_on_screen() -> None:
    panel = Panel(command("one"), command("two")).panel
    rows = len(panel.lines(80, 40, empty_input=True))
    panel.painted(rows)
    assert panel.answers()[0].letter == "y"
    panel.painted(2)
    assert [answer.letter for answer in panel.answers()] == ["v", "Y", "e", "n"]
    panel.open_list()
    rows = len(panel.lines(80, 40, empty_input=True))
    panel.painted(3)
    assert [answer.letter for answer in panel.answers()] == ["v", "n"]
    assert panel.take_list() == ()
    panel.painted(rows)
    assert panel.answers()[0].letter == "Y"


def test_panel_covered_question_takes_no_letter_before_it_was_in_sight() -> None:
    now = 100.0
    panel = ApprovalPanel(lambda _: None, lambda _: None, lambda: None, clock=lambda: now)
    panel.ask([command("one")])
    now += 60
    panel.covered()
    now += SHOWN_SECONDS / 2
    assert not panel.has_focus(empty_input=True)
    now += SHOWN_SECONDS
    assert panel.has_focus(empty_input=True)
