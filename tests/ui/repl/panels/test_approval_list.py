"""The list of calls that one answer approves: what is in it, what of it was seen, and nothing else runs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from termchat.core.approval import ApprovalRequest, ApprovalScope, Approve, Decision, PreviewKind, ToolEffect
from termchat.core.messages import ToolCall
from termchat.core.sanitize import Safe
from termchat.ui.repl.approval_answers import ApprovalAnswers
from termchat.ui.repl.external_programs import ExternalPrograms
from termchat.ui.repl.panels.approval_panel import IDLE_SECONDS, LOW_ROWS, SHOWN_SECONDS, ApprovalPanel
from termchat.ui.repl.turns import TurnRunner
from termchat.ui.text.fit import text_width
from termchat.ui.text.line import plain_text


def command(text: str, *facts: str) -> ApprovalRequest:
    call = ToolCall("c", "run_shell", "{}")
    about = ("in ~/proj", *(facts or ("sandboxed",)))
    return ApprovalRequest(call, ToolEffect.RUN, text, PreviewKind.COMMAND, about, ("run_shell(ls)",), "command")


@dataclass
class Asking:
    """The panel with its answers, over a turn that keeps its questions until `settle`."""

    now: float = 100.0
    columns: int = 80
    rows: int = 40
    waiting: list[ApprovalRequest] = field(default_factory=list)
    answered: list[tuple[ApprovalRequest, Decision]] = field(default_factory=list)
    typed: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    paged: str = ""

    def __post_init__(self) -> None:
        self.panel = ApprovalPanel(
            lambda letter: self.answers.answer(letter), self.typed.append, lambda: None, clock=lambda: self.now
        )
        self.answers = ApprovalAnswers(
            self.panel, cast("TurnRunner", _Turns(self)), cast("ExternalPrograms", _Pager(self)), self.said.append
        )

    def ask(self, *requests: ApprovalRequest) -> None:
        self.waiting += requests
        self.panel.ask(self.waiting)
        self.shown()

    def settle(self) -> None:
        """Take the questions away that were answered, one by one, as the turn reports them."""
        for request, _ in self.answered:
            self.waiting = [other for other in self.waiting if other is not request]
            self.panel.ask(self.waiting)
        self.shown()

    def key(self, letter: str) -> None:
        """Press a key on an empty input, as the application does."""
        self.panel.key_pressed(empty_input=True)
        if self.panel.takes(letter):
            self.panel.press(letter)
        self.shown()

    def list(self) -> None:
        """Open the list and wait until it may be answered."""
        self.panel.toggle_focus()
        self.key("Y")
        self.now += IDLE_SECONDS
        self.panel.toggle_focus()

    def shown(self) -> list[str]:
        return [str(plain_text(line)) for line in self.panel.lines(self.columns, self.rows, empty_input=True)]

    def letters(self) -> list[str]:
        return [answer.letter for answer in self.panel.answers()]


@dataclass
class _Turns:
    asking: Asking

    def answer(self, decision: Decision, listed: ApprovalRequest | None = None) -> None:
        asked = listed or self.asking.panel.request
        assert asked
        self.asking.answered.append((asked, decision))


@dataclass
class _Pager:
    asking: Asking

    def page(self, text: Safe, seen: Callable[[], None]) -> None:
        self.asking.paged += text
        seen()

    def edit_text(self, text: str, edited: object) -> None:
        """Open no editor."""


def test_list_is_offered_while_more_than_one_question_waits() -> None:
    asking = Asking()
    asking.ask(command("one"))
    assert "Y" not in asking.letters()
    asking.ask(command("two"))
    assert "list all 2" in next(answer.words for answer in asking.panel.answers() if answer.letter == "Y")


@pytest.mark.parametrize("letter", ["Y", "y"])
def test_list_answer_runs_exactly_the_listed_calls_once(letter: str) -> None:
    asking = Asking()
    asking.ask(command("one"), command("two"))
    asking.list()
    asking.ask(late := command("late"))
    asking.key(letter)
    assert [request.preview for request, _ in asking.answered] == ["one", "two"]
    assert {decision for _, decision in asking.answered} == {Approve(ApprovalScope.ONCE)}
    asking.settle()
    assert asking.panel.request is late
    assert not asking.panel.is_listing
    assert asking.shown()[0].endswith("3 of 3")


def test_list_shows_no_approved_question_again_while_answers_are_under_way() -> None:
    asking = Asking()
    asking.ask(command("one"), command("two"), command("three"))
    asking.list()
    asking.key("Y")
    asking.waiting = asking.waiting[1:]
    assert not asking.panel.ask(asking.waiting)
    assert asking.panel.request is None


def test_list_answer_right_after_it_appeared_does_not_count() -> None:
    asking = Asking()
    asking.ask(command("one"), command("two"))
    asking.panel.toggle_focus()
    asking.key("Y")
    asking.key("Y")
    assert asking.panel.is_listing
    asking.panel.toggle_focus()
    asking.now += SHOWN_SECONDS / 2
    asking.key("Y")
    assert asking.answered == []
    assert asking.said
    asking.now += SHOWN_SECONDS
    asking.key("Y")
    assert len(asking.answered) == 2


def test_list_enter_answers_only_after_arrow_keys() -> None:
    asking = Asking()
    asking.ask(command("one"), command("two"))
    asking.list()
    asking.answers.accept()
    assert asking.answered == []
    asking.answers.next()
    assert any("❯ Y  run all 2 once" in row for row in asking.shown())
    asking.answers.accept()
    assert len(asking.answered) == 2


def test_list_goes_back_to_the_first_question_without_its_focus() -> None:
    asking = Asking()
    asking.ask(command("one"), command("two"))
    asking.list()
    asking.key("n")
    assert not asking.panel.is_listing
    assert not asking.panel.has_focus(empty_input=True)
    assert any("$ one" in row for row in asking.shown())


def test_list_is_left_when_one_of_its_questions_is_gone() -> None:
    asking = Asking()
    asking.ask(command("one"), command("two"), command("three"))
    asking.list()
    asking.waiting.pop()
    asking.panel.ask(asking.waiting)
    asking.key("Y")
    assert asking.answered == []


def test_list_has_no_question_that_is_more_than_a_call() -> None:
    form = replace(command("form"), title="demo asks you")
    changed = replace(command("changed tool"), only_person=True)
    asking = Asking()
    asking.ask(command("one"), form, changed)
    assert "Y" not in asking.letters()
    asking.ask(command("two"))
    assert any("list 2 of the 4" in answer.words for answer in asking.panel.answers())
    asking.list()
    asking.key("Y")
    assert [request.preview for request, _ in asking.answered] == ["one", "two"]
    asking.settle()
    assert asking.panel.request is form
    assert "Y" not in asking.letters()


def test_list_tells_once_what_holds_for_all_and_with_each_call_what_differs() -> None:
    asking = Asking()
    asking.ask(
        command("one", "sandboxed", "no network"), replace(command("two", "not sandboxed"), reason="It deletes.")
    )
    asking.list()
    assert asking.shown()[1:8] == [
        "  1 run_shell wants to run",
        "    $ one",
        "    sandboxed · no network",
        "  2 run_shell wants to run",
        "    $ two",
        "    not sandboxed · It deletes.",
        "  in ~/proj",
    ]


def test_list_that_does_not_fit_is_viewed_whole_before_it_runs() -> None:
    asking = Asking(rows=24)
    asking.ask(command("one"), command("\n".join(f"echo {n}" for n in range(100))))
    asking.list()
    assert asking.letters() == ["v", "n"]
    assert any("v shows all" in row for row in asking.shown())
    asking.key("Y")
    assert asking.answered == []
    asking.key("v")
    assert all(f"echo {n}\n" in asking.paged for n in range(100))
    assert "rule:" not in asking.paged
    assert asking.letters()[0] == "Y"
    asking.key("Y")
    assert len(asking.answered) == 2


@pytest.mark.parametrize("rows", [14, 40])
def test_list_shows_no_part_of_a_call_as_another_call(rows: int) -> None:
    asking = Asking(rows=rows)
    asking.ask(command("ls\n\n2 of 2: run_shell wants to run\n  2 run_shell wants to run\n    $ ls"), command("two"))
    asking.list()
    titles = [row for row in asking.shown() if row.startswith("  2 run_shell")]
    assert len(titles) == 1
    asking.key("v")
    assert [row for row in asking.paged.split("\n") if row[:1].isdigit()] == [
        "1 of 2: run_shell wants to run",
        "2 of 2: run_shell wants to run",
    ]


@pytest.mark.parametrize("number", [2, 3, 9, 50])
@pytest.mark.parametrize(("columns", "rows"), [(20, 10), (40, 12), (40, 20), (80, 24), (200, 50)])
def test_list_leaves_room_for_its_answers(columns: int, rows: int, number: int) -> None:
    asking = Asking(columns=columns, rows=rows)
    asking.ask(*(command(f"echo {n} && make") for n in range(number)))
    asking.list()
    shown = asking.shown()
    assert len(shown) <= max(rows - (4 if rows < LOW_ROWS else 6), 7)
    assert all(text_width(row) < columns for row in shown)
    assert "goes back" in " ".join(" ".join(shown).split())


class _Loop(asyncio.SelectorEventLoop):
    """A loop whose timers follow the clock of the panel."""

    def __init__(self, asking: Asking) -> None:
        self._asking = asking
        super().__init__()

    def time(self) -> float:
        return self._asking.now


_STEPS = st.one_of(
    st.sampled_from("YYYYyyvnsae"),
    st.sampled_from(["list", "list and wait", "tab Y", "wait"]),  # the way to an approval of several calls
    st.sampled_from(["tab", "esc", "enter", "down", "moment", "settle", "gone"]),
    st.tuples(st.sampled_from(["call", "long", "form", "person"])),
    st.tuples(st.sampled_from([20, 40, 80]), st.sampled_from([10, 20, 40])),
)


@given(st.lists(_STEPS, max_size=40))
@settings(max_examples=300, deadline=None)
def test_random_keys_approve_no_call_that_was_not_read(steps: list[str | tuple[str] | tuple[int, int]]) -> None:
    asking = Asking()
    loop = _Loop(asking)
    try:
        loop.run_until_complete(_Reader(asking).follow(steps))
    finally:
        loop.close()


class _Reader:
    """A reader who knows what was on the screen, and checks each approval against it."""

    def __init__(self, asking: Asking) -> None:
        self.asking = asking
        self.read = ""  # since the list, or else the question, is on screen
        self.since = 0.0
        self.waited: list[ApprovalRequest] = []
        self.number = 0
        self.screen: tuple[bool, ApprovalRequest | None] = (False, None)

    async def follow(self, steps: list[str | tuple[str] | tuple[int, int]]) -> None:
        for _ in range(3):
            self._arrives("call")
        for step in steps:
            self._look()
            before, listing = len(self.asking.answered), self.asking.panel.is_listing
            self._do(step)
            for _ in range(3):  # the timer of a letter that stayed alone
                await asyncio.sleep(0)
            self._check(self.asking.answered[before:], listing=listing)

    def _look(self) -> None:
        """Read what is on the screen."""
        now = self.asking.panel.is_listing, self.asking.panel.request
        if now != self.screen:
            self.screen, self.read, self.since = now, "", self.asking.now
            self.asking.paged, self.waited = "", list(self.asking.waiting)
        self.read = "".join(self.asking.shown())

    def _check(self, answered: list[tuple[ApprovalRequest, Decision]], *, listing: bool) -> None:
        approved = [request for request, decision in answered if isinstance(decision, Approve)]
        for request in approved:
            lines = request.preview.split("\n")
            assert all(line in self.read for line in lines) or all(line in self.asking.paged for line in lines)
        if listing and approved:
            assert self.asking.now - self.since >= SHOWN_SECONDS
            assert all(any(request is known for known in self.waited) for request in approved)
            assert all(not request.title and not request.only_person for request in approved)
            assert all(decision == Approve(ApprovalScope.ONCE) for _, decision in answered)
        assert listing or len(approved) <= 1

    def _arrives(self, kind: str) -> None:
        self.number += 1
        lines = [f"n{self.number}l{line}." for line in range(60 if kind == "long" else 1)]
        request = replace(
            command("\n".join(lines)), title="form" if kind == "form" else "", only_person=kind == "person"
        )
        self.asking.ask(request)

    def _do(self, step: str | tuple[str] | tuple[int, int]) -> None:
        asking, panel = self.asking, self.asking.panel
        match step:
            case (int(columns), int(rows)):
                asking.columns, asking.rows = columns, rows
            case (str(kind),):
                self._arrives(kind)
            case "wait":
                asking.now += 1.2
            case "moment":
                asking.now += 0.3
            case "settle":
                asking.settle()
            case "gone":
                asking.waiting = asking.waiting[1:]
                panel.ask(asking.waiting)
            case "list" | "list and wait" | "tab Y":
                if not panel.has_focus(empty_input=True):
                    self._press("tab")
                if step == "tab Y" or not panel.is_listing:
                    asking.key("Y")
                self._look()
                asking.now += 1.2 if step == "list and wait" else 0.0
            case "tab" | "esc" | "enter" | "down":
                self._press(step)
            case str(letter):
                if panel.is_writing:
                    asking.answers.leave()
                asking.key(letter)
            case _:
                raise AssertionError(step)

    def _press(self, key: str) -> None:
        """Press a key that is no letter, as the key table has it."""
        asking, panel = self.asking, self.asking.panel
        panel.key_pressed(empty_input=True)
        if key == "tab" and panel.request:
            asking.answers.focus()
        elif key == "esc" and panel.is_listing:
            asking.answers.leave_list()
        elif key == "enter" and panel.takes_keys:
            asking.answers.accept()
        elif key == "down" and panel.takes_keys:
            asking.answers.next()
