"""Panel above the input that asks about a tool call. It never takes the keys of someone who types.

A letter answers only while the panel has the focus: after Tab, or by itself once the input is empty, no key was pressed
for a second and the question has been on screen for half of one. In the second case the letter has to stay alone for a
moment: with another key behind it, it is the beginning of a text and goes to the input. Each question has to get the
focus for itself, and none takes the place of the one on screen, so that an answer is for the question that was read. A
command that does not fit has to be viewed whole before it can be run.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from enum import Enum, auto
from time import monotonic
from typing import NamedTuple

from prompt_toolkit.buffer import Buffer

from termchat.config.keys.key_bindings import DEFAULT_KEYS, Action, KeyMap
from termchat.core.approval import ApprovalRequest, PreviewKind
from termchat.core.sanitize import EMPTY, Safe, join, safe, safe_format, safe_line
from termchat.core.style import TextRole
from termchat.ui.text.fit import fitting_head, text_width, truncate, truncate_middle, wrap
from termchat.ui.text.line import Line, styled_line
from termchat.ui.text.row import Segment
from termchat.ui.tools.approval_card import RequestPreview, fact_lines, shown_first

IDLE_SECONDS = 1.0  # without a key before the panel takes the focus by itself
SHOWN_SECONDS = 0.5  # a question is on screen before it takes the focus by itself
ALONE_SECONDS = 0.35  # that a letter must stay alone after the panel took the focus by itself
_LIST_ROWS = 24  # rows of the screen from which each answer has a row of its own
_ANSWER_ROWS = 4  # rows of an answer
LOW_ROWS = 16  # rows of the screen below which no running calls are shown beside a question
_OTHER_ROWS = 6  # rows of the screen for the running calls, the input and the status
_OTHER_ROWS_IF_LOW = 4  # the same on a low screen
_LEAST_ROWS = 3  # of a preview, before the reason is shown


class Answer(NamedTuple):
    """An answer that the panel offers: its letter, its words, and fewer words for a small screen, if there are any."""

    letter: str
    words: Safe
    brief: Safe = EMPTY


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
    ) -> None:
        """Create a panel without a question.

        answered   performs the answer of a letter
        typed      puts a letter into the input: it was the beginning of a text
        changed    redraws
        """
        self.keys = keys
        self._answered = answered
        self._typed = typed
        self._changed = changed
        self.text = Buffer(multiline=False)
        self._requests: tuple[ApprovalRequest, ...] = ()
        self._preview: RequestPreview | None = None
        self._done = 0  # questions that are gone, since one was first shown
        self._viewed = False
        self._fits = True  # the whole preview is in sight
        self._shown_at = 0.0
        self._last_key = -1e9
        self._focused = False  # by Tab
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

    def ask(self, requests: Sequence[ApprovalRequest]) -> bool:
        """Show the questions that wait, the first of them in full; return True if a new one is shown."""
        before = self.request
        gone = sum(all(kept is not request for kept in requests) for request in self._requests)
        self._requests = shown_first(before, requests)
        self._done = self._done + gone if self._requests else 0
        if self.request is before:
            return False
        self._drop_pending()
        self._preview = RequestPreview(self.request) if self.request else None
        self._focused = self._auto = self._viewed = False
        self._fits, self._highlighted, self._shown_at = True, "", monotonic()
        self.writing = Writing.NOTHING
        self.text.reset()
        return self.request is not None

    def has_focus(self, *, empty_input: bool) -> bool:
        """Return True if the next letter that stays alone is an answer."""
        return self._focused or self._is_idle(monotonic(), empty_input=empty_input)

    def key_pressed(self, *, empty_input: bool) -> None:
        """Note a key before it is processed."""
        now = monotonic()
        if self._pending:
            letter = self._pending[0]
            self._drop_pending()
            self._typed(letter)
            empty_input = False
        self._auto = self._is_idle(now, empty_input=empty_input)
        self._last_key = now

    def text_typed(self) -> None:
        """Give the focus back to the input: the user types a message."""
        self._focused = self._auto = False

    def toggle_focus(self) -> None:
        """Move the focus to the panel or back to the input."""
        self._focused = not self._focused
        self._highlighted = ""

    def press(self, letter: str) -> None:
        """Answer with a letter, at once after Tab, otherwise if it stays alone."""
        if self._focused:
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

    def mark_viewed(self) -> None:
        """Note that the user has seen all of the question."""
        self._viewed = True

    def answers(self) -> list[Answer]:
        """Return the answers for the question that is shown."""
        request = self.request
        if request is None:
            return []
        if request.kind is PreviewKind.COMMAND and not (self._fits or self._viewed):
            return [
                Answer("v", safe_format("view all of it, then answer")),
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
            Answer("e", safe_format("edit first")),
            Answer("n", safe_format("no, and say why")),
            Answer("v", safe_format("view all")),
        ]

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
        request, preview = self.request, self._preview
        if request is None or preview is None:
            return ()
        number = self._done + len(self._requests)
        place = EMPTY
        if number > 1:
            place = safe_format("{k} of {n}", k=safe(str(self._done + 1)), n=safe(str(number)))
        everything = len(
            self._choices(self._all_answers(request), columns, rows)
        )  # the room does not depend on what fits
        left = rows - (_OTHER_ROWS_IF_LOW if rows < LOW_ROWS else _OTHER_ROWS) - 1 - everything
        facts = fact_lines(request, columns)
        if left - len(facts) < min(_LEAST_ROWS, len(preview.rows(columns - 2))):
            facts = fact_lines(request, columns, brief=True)[: max(0, left - 1)]
        room = max(1, left - len(facts))
        self._fits = preview.fits(columns - 2, room)
        shown = preview.lines(columns, room, place=place, more=safe_format(" · v shows all"), facts=facts)
        if self.is_writing:
            return shown
        has_focus = self.has_focus(empty_input=empty_input)
        focus = self.keys.hint(Action.COMPLETE, safe_format("to answer"))
        stop = self.keys.hint(Action.ESCAPE, safe_format("stops the turn"))
        words = Safe(f"  {join(' · ', [part for part in (focus, stop) if part])}")
        answers = self._choices(self.answers(), columns, rows)
        return (*shown, *(answers if has_focus else [styled_line(truncate(words, columns - 1), TextRole.ACCENT)]))

    def _choices(self, answers: Sequence[Answer], columns: int, rows: int) -> list[Line]:
        """Return the answers, each on a row of its own or, on a low screen, as a sentence."""
        esc = self.keys.hint(Action.ESCAPE, safe_format("no, and stop the turn"))
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
            first, *others = _answer_rows(answer, columns - 6)
            shown.append((sign, letter, Segment(first, roles)))
            shown += [(Segment(Safe(f"     {row}"), roles),) for row in others]
        return [*shown, styled_line(Safe(f"  {esc}"), TextRole.DIM)]

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


def _answer_rows(answer: Answer, columns: int) -> list[Safe]:
    """Return an answer on as many rows as show its rule whole; the middle of a very long one is cut."""
    words = answer.words if text_width(answer.words) <= columns else answer.brief or answer.words
    rest = truncate_middle(words, _ANSWER_ROWS * columns)
    rows: list[Safe] = []
    while rest:
        row = fitting_head(rest, columns) or rest[0]
        rows.append(Safe(row))
        rest = Safe(rest[len(row) :])
    return rows
