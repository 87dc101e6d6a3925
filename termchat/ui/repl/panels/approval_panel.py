"""Panel above the input that asks about a tool call. It never takes the keys of someone who types.

A letter answers only while the panel has the focus: after Tab, or by itself once the input is empty, no key was pressed
for a second and the question has been on screen for half of one. In the second case the letter has to stay alone for a
moment: with another key behind it, it is the beginning of a text and goes to the input. Each question has to get the
focus for itself, and none takes the place of the one on screen, so that an answer is for the question that was read. A
command that does not fit has to be viewed whole before it can be run.

One answer approves several calls only after their list was read: it is a new thing on screen, which has to get the
focus for itself, and a question that arrives meanwhile is not part of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from enum import Enum, auto
from time import monotonic

from prompt_toolkit.buffer import Buffer

from termchat.config.keys.key_bindings import DEFAULT_KEYS, Action, KeyMap
from termchat.core.approval import ApprovalRequest, PreviewKind
from termchat.core.sanitize import EMPTY, Safe, join, safe, safe_format, safe_line
from termchat.core.style import TextRole
from termchat.ui.repl.input.late_keys import LateKeys
from termchat.ui.repl.panels.approval_answer import ALL, LETTERS, Answer
from termchat.ui.repl.panels.approval_list import ApprovalList, list_answers
from termchat.ui.text.fit import truncate, wrap
from termchat.ui.text.line import Line, styled_line
from termchat.ui.text.row import Segment
from termchat.ui.tools.approval_card import RequestPreview, fact_lines, runs_with_others, shown_first

IDLE_SECONDS = 1.0  # without a key before the panel takes the focus by itself
SHOWN_SECONDS = 0.5  # a question is on screen before it takes the focus by itself
ALONE_SECONDS = 0.35  # that a letter must stay alone after the panel took the focus by itself
_LIST_ROWS = 24  # rows of the screen from which each answer has a row of its own
LOW_ROWS = 16  # rows of the screen below which no running calls are shown beside a question
_OTHER_ROWS = 6  # rows of the screen for the running calls, the input and the status
_OTHER_ROWS_IF_LOW = 4  # the same on a low screen
_LEAST_ROWS = 3  # of a preview, before the reason is shown


class Writing(Enum):
    """The text that is written in the panel."""

    NOTHING = auto()
    REASON = auto()
    EDIT = auto()


class ApprovalPanel:
    """The state of the panel and its lines.

    text   the buffer for a reason or an edited argument
    keys   the keys that the hints name
    """

    def __init__(
        self,
        answered: Callable[[str], None],
        typed: Callable[[str], None],
        changed: Callable[[], None],
        keys: KeyMap = DEFAULT_KEYS,
        clock: Callable[[], float] = monotonic,
        late: LateKeys | None = None,
    ) -> None:
        """Create a panel without a question.

        answered   performs the answer of a letter
        typed      puts a letter into the input: it was the beginning of a text
        changed    redraws
        clock      returns seconds
        late       drops keys that come just after their question has gone by itself
        """
        self.keys = keys
        self._clock = clock
        self._late = late or LateKeys(keys)
        self._acted = False  # the user has answered, or stopped the turn: what is shown may go
        self._answered = answered
        self._typed = typed
        self._changed = changed
        self.text = Buffer(multiline=False)
        self._requests: tuple[ApprovalRequest, ...] = ()
        self._list: ApprovalList | None = None
        self._approved: tuple[ApprovalRequest, ...] = ()  # from the list; their answers are under way
        self._preview: RequestPreview | None = None
        self._done = 0  # questions that are gone, since one was first shown
        self._viewed = False
        self._fits = True  # the whole preview is in sight, if all rows above the answers are
        self._asked_rows = 0  # drawn above the answers
        self._cut = False  # some of these rows are not on screen
        self._shown_at = 0.0
        self._last_key = -1e9
        self._focused = False  # by Tab
        self._hasty = False  # that Tab may have been for a text in the input: the question had only just appeared
        self._empty_input = True  # at the last key
        self._empty_shown = True  # when the panel was drawn
        self._auto = False  # the key that is being processed may be an answer
        self._highlighted: str = ""  # its letter: what an answer stands beside may change
        self._pending: tuple[str, asyncio.TimerHandle] | None = None
        self.writing = Writing.NOTHING

    @property
    def request(self) -> ApprovalRequest | None:
        """The question that is shown, None without one."""
        return self._requests[0] if self._requests else None

    @property
    def takes_keys(self) -> bool:
        """True if the letter that is being processed is an answer."""
        return self.request is not None and self.writing is Writing.NOTHING and (self._focused or self._auto)

    @property
    def is_writing(self) -> bool:
        return self.request is not None and self.writing is not Writing.NOTHING

    @property
    def is_listing(self) -> bool:
        """True while the list of calls is shown instead of one question."""
        return self._list is not None

    def ask(self, requests: Sequence[ApprovalRequest]) -> bool:
        """Show the questions that wait, the first of them in full; return True if a new one is shown."""
        before, has_focus = self.request, self.has_focus(empty_input=self._empty_shown)
        self._approved = tuple(request for request in self._approved if _has(requests, request))
        requests = [request for request in requests if not _has(self._approved, request)]
        gone = sum(not _has(requests, request) for request in self._requests)
        self._requests = shown_first(before, requests)
        self._done = self._done + gone if self._requests else 0
        if self._list and not all(_has(requests, request) for request in self._list.requests):
            self._gone(has_focus=has_focus)
            self.leave_list()
        elif before and self.request is not before:
            self._gone(has_focus=has_focus)
        if self.request is before:
            return False
        self._appear()
        self._preview = RequestPreview(self.request) if self.request else None
        self._viewed, self._fits = False, True
        self.writing = Writing.NOTHING
        self.text.reset()
        return self.request is not None

    def acted(self) -> None:
        """Note that the user has answered the question, or stopped the turn."""
        self._acted = True

    def open_list(self) -> None:
        """Show the list of the calls that wait now, if it can be offered."""
        if listed := self._listable():
            self._list = ApprovalList(listed)
            self._appear()

    def leave_list(self) -> None:
        """Go back from the list to the question; it has to get the focus again."""
        self._list = None
        self._appear()

    def take_list(self) -> tuple[ApprovalRequest, ...]:
        """Return the listed calls, to be approved; none if the list was hardly or not wholly seen."""
        if self._list is None or not self._was_in_sight(self._list) or self._clock() - self._shown_at < SHOWN_SECONDS:
            return ()
        self._approved = (*self._approved, *self._list.requests)
        return self._list.requests

    @property
    def listed(self) -> tuple[ApprovalRequest, ...]:
        """The calls of the list, none if it is not shown."""
        return self._list.requests if self._list else ()

    def takes(self, letter: str) -> bool:
        """Return True if a letter that is being processed is for the panel: `ALL` only where it is offered."""
        return self.takes_keys and (letter != ALL or self.is_listing or bool(self._listable()))

    def has_focus(self, *, empty_input: bool) -> bool:
        """Return True if the next letter that stays alone is an answer."""
        return self._focused or self._is_idle(self._clock(), empty_input=empty_input)

    def key_pressed(self, *, empty_input: bool) -> None:
        """Note a key before it is processed."""
        now, self._empty_input = self._clock(), empty_input
        if self._pending:
            letter = self._pending[0]
            self._drop_pending()
            self._typed(letter)
            self._focused = empty_input = False
        self._auto = self._is_idle(now, empty_input=empty_input)
        self._last_key = now

    def text_typed(self) -> None:
        """Give the focus back to the input: the user types a message."""
        self._focused = self._auto = False

    def toggle_focus(self) -> None:
        """Move the focus to the panel or back to the input."""
        self._focused = not self._focused
        self._hasty = not self._empty_input and self._clock() - self._shown_at < SHOWN_SECONDS
        self._highlighted = ""

    def press(self, letter: str) -> None:
        """Answer with a letter, at once after Tab, otherwise if it stays alone."""
        if self._focused and not self._hasty:
            self._answered(letter)
            return
        timer = asyncio.get_running_loop().call_later(ALONE_SECONDS, self._alone)
        self._pending = letter, timer

    def move(self, by: int) -> None:
        """Highlight another answer; this takes the focus."""
        letters = [answer.letter for answer in self.answers()]
        at = letters.index(self._highlighted) if self._highlighted in letters else min(0, -by)
        self._highlighted = letters[(at + by) % len(letters)]
        self._focused = True

    def highlighted(self) -> str:
        """Return the letter of the highlighted answer, "" if the user has not moved the highlight."""
        return self._highlighted if any(a.letter == self._highlighted for a in self.answers()) else ""

    def covered(self) -> None:
        """Note that something else is shown in the place of the question: its time on screen begins afterwards."""
        self._shown_at, self._asked_rows = self._clock(), 0

    def painted(self, rows: int) -> None:
        """Note how many rows of the panel are on screen."""
        self._cut = rows < self._asked_rows

    def viewing(self) -> Callable[[], None]:
        """Return a function that notes that the user has seen all of what is shown now, the question or the list."""
        listed, question = self._list, self.request

        def seen() -> None:
            if listed:
                listed.viewed = True
            elif self.request is question:
                self._viewed = True

        return seen

    def answers(self) -> list[Answer]:
        """Return the answers for the question or the list that is shown."""
        request = self.request
        if request is None:
            return []
        if self._list:
            return list_answers(self._list, in_sight=self._was_in_sight(self._list))
        if request.kind is PreviewKind.COMMAND and not (self._viewed or (self._fits and not self._cut)):
            return [
                Answer("v", safe_format("view all of it, then answer")),
                *self._list_offer(),
                Answer("e", safe_format("edit first")),
                Answer("n", safe_format("no, and say why")),
            ]
        return self._all_answers(request)

    def _all_answers(self, request: ApprovalRequest) -> list[Answer]:
        """Return the answers for a question that is in sight as a whole."""
        rule = safe_line(" and ".join(request.rules))
        lasting = [
            Answer(
                "s",
                safe_format("allow {rule} until you leave this chat", rule=rule),
                safe_format("allow {rule} this session", rule=rule),
            ),
            Answer("a", safe_format("always allow {rule}", rule=rule)),
        ]
        return [
            Answer("y", safe_format("send it" if request.title else "run once")),
            *(lasting if rule else []),
            *self._list_offer(),
            Answer("e", safe_format("edit first")),
            Answer("n", safe_format("no, and say why")),
            Answer("v", safe_format("view all")),
        ]

    def _was_in_sight(self, listed: ApprovalList) -> bool:
        return listed.viewed or (listed.fits and not self._cut)

    def _listable(self) -> tuple[ApprovalRequest, ...]:
        """Return the waiting calls that one answer may approve: none unless the one on screen and another are."""
        found = tuple(request for request in self._requests if runs_with_others(request))
        return found if len(found) > 1 and found[0] is self.request else ()

    def _list_offer(self) -> list[Answer]:
        number, waiting = len(self._listable()), len(self._requests)
        words = safe_format("list all {n}", n=safe(str(number)))
        if number < waiting:
            words = safe_format("list {n} of the {all}", n=safe(str(number)), all=safe(str(waiting)))
        return [Answer(ALL, words)] if number else []

    def write(self, kind: Writing, text: str = "") -> None:
        """Begin to write a reason or to edit the argument."""
        self.writing = kind
        self.text.reset()
        self.text.insert_text(text)

    def prompt(self) -> Safe:
        """Return the words before the text that is written."""
        return safe_format("Why not? ") if self.writing is Writing.REASON else safe_format("Edit: ")

    def lines(self, columns: int, rows: int, *, empty_input: bool) -> Sequence[Line]:
        """Return the question and its answers; only the question while a text is written."""
        request, preview, self._empty_shown = self.request, self._preview, empty_input
        if request is None or preview is None:
            return ()
        if self._list:
            return self._list_lines(self._list, columns, rows, empty_input=empty_input)
        number = self._done + len(self._requests)
        place = safe_format("{k} of {n}", k=safe(str(self._done + 1)), n=safe(str(number))) if number > 1 else EMPTY
        everything = len(self._choices(self._all_answers(request), columns, rows))  # whether or not all fits
        left = _room(rows) - everything
        facts = fact_lines(request, columns)
        if left - len(facts) < min(_LEAST_ROWS, len(preview.rows(columns - 2))):
            facts = fact_lines(request, columns, brief=True)[: max(0, left - 1)]
        room = max(1, left - len(facts))
        self._fits = preview.fits(columns - 2, room)
        shown = preview.lines(columns, room, place=place, more=safe_format(" · v shows all"), facts=facts)
        self._asked_rows = len(shown)
        if self.is_writing:
            return shown
        return (*shown, *self._offered(columns, rows, empty_input=empty_input))

    def _list_lines(self, listed: ApprovalList, columns: int, rows: int, *, empty_input: bool) -> Sequence[Line]:
        """Return the list and its answers."""
        choices = (self._choices(list_answers(listed, in_sight=seen), columns, rows) for seen in (False, True))
        everything = max(len(offered) for offered in choices)  # the room does not depend on what fits
        title = safe_format("{n} calls want to run", n=safe(str(len(listed.requests))))
        shown = listed.lines(columns, max(1, _room(rows) - everything))
        head = styled_line(truncate(title, columns - 1), TextRole.WARNING, TextRole.STRONG)
        self._asked_rows = 1 + len(shown)
        return (head, *shown, *self._offered(columns, rows, empty_input=empty_input))

    def _offered(self, columns: int, rows: int, *, empty_input: bool) -> list[Line]:
        """Return the answers, or the key that leads to them."""
        if self.has_focus(empty_input=empty_input):
            return self._choices(self.answers(), columns, rows)
        focus = self.keys.hint(Action.COMPLETE, safe_format("to answer"))
        stop = self.keys.hint(Action.ESCAPE, safe_format("goes back" if self._list else "stops the turn"))
        words = Safe(f"  {join(' · ', [part for part in (focus, stop) if part])}")
        return [styled_line(truncate(words, columns - 1), TextRole.ACCENT)]

    def _choices(self, answers: Sequence[Answer], columns: int, rows: int) -> list[Line]:
        """Return the answers, each on a row of its own or, on a low screen, as a sentence."""
        esc = self.keys.hint(Action.ESCAPE, safe_format("goes back" if self._list else "no, and stop the turn"))
        if rows < _LIST_ROWS:
            signs = {self._highlighted: "❯ "}
            offered = (Safe(f"{signs.get(a.letter, '')}{a.letter} {a.brief or a.words}") for a in answers)
            words = join(" · ", [*offered, esc])
            return list(wrap(styled_line(Safe(f"  {words}"), TextRole.TEXT), columns - 1))
        shown: list[Line] = []
        for answer in answers:
            marked = answer.letter == self._highlighted
            sign = Segment(Safe("❯ " if marked else "  "), (TextRole.ACCENT,))
            letter = Segment(Safe(f"{answer.letter}  "), (TextRole.ACCENT, TextRole.STRONG))
            roles = (TextRole.STRONG,) if marked else ()
            first, *others = answer.rows(columns - 6)
            shown.append((sign, letter, Segment(first, roles)))
            shown += [(Segment(Safe(f"     {row}"), roles),) for row in others]
        return [*shown, styled_line(Safe(f"  {esc}"), TextRole.DIM)]

    def _appear(self) -> None:
        """Take the focus from what was on screen: what is there now has to get it for itself."""
        self._drop_pending()
        self._acted = False
        self._focused = self._auto = False
        self._highlighted, self._shown_at = "", self._clock()

    def _gone(self, *, has_focus: bool) -> None:
        """Note that what is shown goes, unless the user wanted it to: the next keys may be for it."""
        if self._acted:
            return
        if self.writing is Writing.NOTHING:
            self._late.question_closed(LETTERS if has_focus else "", escape=self.is_listing)
        else:
            self._late.writing_closed()

    def _is_idle(self, now: float, *, empty_input: bool) -> bool:
        waited = now - self._last_key >= IDLE_SECONDS and now - self._shown_at >= SHOWN_SECONDS
        return self.request is not None and empty_input and waited

    def _alone(self) -> None:
        if self._pending:
            letter = self._pending[0]
            self._pending = None
            self._answered(letter)
            self._changed()

    def _drop_pending(self) -> None:
        if self._pending:
            self._pending[1].cancel()
            self._pending = None


def _has(requests: Sequence[ApprovalRequest], wanted: ApprovalRequest) -> bool:
    return any(request is wanted for request in requests)


def _room(rows: int) -> int:
    """Return the rows of the screen for what is asked and its answers, below the title."""
    return rows - (_OTHER_ROWS_IF_LOW if rows < LOW_ROWS else _OTHER_ROWS) - 1
