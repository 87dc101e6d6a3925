"""Scripted answers as immutable values, independent of the protocol.

A `Reply` is a sequence of steps (text, reasoning, calls, and faults between them). The renderers turn the same reply
into each vendor's frames, so one table of cases serves all four protocols.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Final, Literal, TypeAlias

from tests.gateway.quirks import Quirk
from tests.gateway.signals import Gate

AUTO: Final = "auto"  # the renderer chooses a call id in its vendor's format


class Finish(StrEnum):
    """Finish reason independent of the protocol; each renderer maps it to its vendor's value."""

    STOP = "stop"
    TOOL_CALLS = "tool_calls"
    LENGTH = "length"
    CONTENT_FILTER = "content_filter"
    REFUSAL = "refusal"
    CONTEXT_FULL = "context_full"
    PAUSED = "paused"
    MALFORMED_TOOL = "malformed_tool"
    ERROR = "error"


@dataclass(frozen=True, slots=True, init=False)
class Text:
    """Text; each chunk is one event."""

    chunks: tuple[str, ...]

    def __init__(self, *chunks: str) -> None:
        object.__setattr__(self, "chunks", chunks)

    @classmethod
    def words(cls, text: str) -> Text:
        """The text in chunks of one word with its trailing spaces."""
        return cls(*re.findall(r"\S+\s*|\s+", text))

    @property
    def text(self) -> str:
        return "".join(self.chunks)


@dataclass(frozen=True, slots=True, init=False)
class Reasoning:
    """Reasoning. `signed`: with the vendor's signature; `redacted`: only the signature."""

    chunks: tuple[str, ...]
    signed: bool
    redacted: bool

    def __init__(self, *chunks: str, signed: bool = True, redacted: bool = False) -> None:
        object.__setattr__(self, "chunks", chunks)
        object.__setattr__(self, "signed", signed)
        object.__setattr__(self, "redacted", redacted)

    @property
    def text(self) -> str:
        return "".join(self.chunks)


@dataclass(frozen=True, slots=True)
class Call:
    """A tool call.

    arguments   a mapping, or raw text (to send invalid JSON)
    id          AUTO, a fixed id, or None for a server that sends none
    pieces      the raw text in the fragments to send; empty: two of about the same length
    """

    name: str
    arguments: Mapping[str, Any] | str = field(default_factory=dict[str, Any])
    id: str | None = AUTO
    pieces: tuple[str, ...] = ()

    @property
    def raw(self) -> str:
        """The arguments as raw text."""
        if self.pieces:
            return "".join(self.pieces)
        if isinstance(self.arguments, str):
            return self.arguments
        return json.dumps(dict(self.arguments), ensure_ascii=False)

    @property
    def value(self) -> Any:
        """The arguments as a JSON value, for protocols that send one; invalid JSON stays text."""
        try:
            return json.loads(self.raw)
        except ValueError:
            return self.raw

    @property
    def chunks(self) -> tuple[str, ...]:
        if self.pieces:
            return self.pieces
        middle = len(self.raw) // 2
        return (self.raw[:middle], self.raw[middle:])


@dataclass(frozen=True, slots=True)
class Citation:
    """A citation for the preceding text."""

    url: str
    title: str = ""


@dataclass(frozen=True, slots=True)
class Search:
    """A web search by the vendor: query and found pages, or the error (only Anthropic sends it)."""

    query: str
    found: tuple[Citation, ...] = ()
    failed: str = ""


@dataclass(frozen=True, slots=True)
class Refusal:
    """The text of a refusal."""

    text: str = "I can't help with that."


@dataclass(frozen=True, slots=True)
class Block:
    """End the open text block, so that the next text starts another one."""


@dataclass(frozen=True, slots=True)
class Cut:
    """End of the body.

    how      end: a proper end of the body; fin: the connection closes; rst: it is reset
    inside   None: between two events; json: in the middle of the next event; utf8: between two bytes of the
             next character that has more than one
    """

    how: Literal["end", "fin", "rst"] = "end"
    inside: Literal["json", "utf8"] | None = None


@dataclass(frozen=True, slots=True)
class Stall:
    """A pause until the client leaves, or for some seconds.

    keep_alive   comment: SSE comments; ping: the vendor's ping events; None: silence
    every        seconds between two of them
    """

    seconds: float | None = None
    keep_alive: Literal["comment", "ping"] | None = None
    every: float = 0.02


@dataclass(frozen=True, slots=True)
class ErrorEvent:
    """The vendor's error event within a stream.

    form   native: as documented; nested: as gateways wrap it; bare: without an `event:` line and `error` key
    """

    status: int = 529
    message: str = ""
    form: Literal["native", "nested", "bare"] = "native"


@dataclass(frozen=True, slots=True)
class Raw:
    """Bytes written into the body unchanged."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Garbage:
    """An event of the vendor with broken JSON."""


@dataclass(frozen=True, slots=True)
class Repeat:
    """Send the next event `times` times."""

    times: int


Content: TypeAlias = Text | Reasoning | Call | Citation | Search | Refusal | Block
Act: TypeAlias = Cut | Stall | ErrorEvent | Raw | Garbage | Gate | Repeat
Step: TypeAlias = Content | Act

PASSED: Final = (Cut, Stall, Raw, Gate, Repeat)  # steps that renderers pass on to the transport


@dataclass(frozen=True, slots=True)
class Usage:
    """Token counts; input includes cached and cache_write, output includes reasoning.

    tier   the service tier or speed that is billed, "" for the standard one
    """

    input: int = 25
    output: int = 12
    cached: int = 0
    cache_write: int = 0
    reasoning: int = 0
    tier: str = ""


@dataclass(frozen=True, slots=True)
class Wire:
    """Wire format of the bytes; the events stay the same.

    line_end, space    the SSE dialect: `\\r\\n`, `data:{...}` without the space
    comments, ids      a comment, or an `id:`/`retry:` block without data, before each event
    gzip               compressed, flushed after each event
    framing            chunked, until the connection closes, or with a content length
    split              offsets at which the body is split into writes, or one length for all
    pace               seconds between two writes; header_pace: between two bytes of the head
    plain              one JSON body, although the request asked for a stream
    """

    line_end: str = "\n"
    space: bool = True
    comments: bool = False
    ids: bool = False
    gzip: bool = False
    framing: Literal["chunked", "close", "length"] = "chunked"
    split: tuple[int, ...] | int | None = None
    pace: float = 0
    header_pace: float = 0
    plain: bool = False
    content_type: str = "text/event-stream; charset=utf-8"
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, init=False)
class Reply:
    """One complete answer.

    steps        content and faults, in order
    finish       a `Finish`, or a vendor's value sent unchanged; None: derived from the steps
    usage        tokens reported at the end
    quirks       deviations of real servers; those of other protocols are ignored
    wire         wire format of the bytes
    breaks       (k, act): the act follows k chunks of content, inside arguments too
    """

    steps: tuple[Step, ...]
    finish: str | None
    usage: Usage
    quirks: frozenset[Quirk]
    wire: Wire
    breaks: tuple[tuple[int, Act], ...]

    def __init__(
        self,
        *steps: Step,
        finish: str | None = None,
        usage: Usage = Usage(),
        quirks: frozenset[Quirk] | set[Quirk] = frozenset(),
        wire: Wire = Wire(),
        breaks: tuple[tuple[int, Act], ...] = (),
    ) -> None:
        for name, value in (
            ("steps", steps),
            ("finish", finish),
            ("usage", usage),
            ("quirks", frozenset(quirks)),
            ("wire", wire),
            ("breaks", breaks),
        ):
            object.__setattr__(self, name, value)

    @classmethod
    def text(cls, text: str, **options: Any) -> Reply:
        """A reply of text only, one chunk per word."""
        return cls(Text.words(text), **options)

    @classmethod
    def call(cls, name: str, arguments: Mapping[str, Any] | str = "{}", **options: Any) -> Reply:
        """A reply that is one tool call."""
        return cls(Call(name, arguments), **options)

    def after(self, chunks: int, *acts: Act) -> Reply:
        """The same reply with an act after `chunks` chunks of content."""
        return self._but(breaks=(*self.breaks, *((chunks, act) for act in acts)))

    def on(self, **options: Any) -> Reply:
        """The same reply in another wire format: `reply.on(line_end="\\r\\n", gzip=True)`."""
        return self._but(wire=replace(self.wire, **options))

    def like(self, *quirks: Quirk) -> Reply:
        """The same reply with these quirks added."""
        return self._but(quirks=self.quirks | set(quirks))

    def _but(self, **changes: Any) -> Reply:
        now = {name: getattr(self, name) for name in ("finish", "usage", "quirks", "wire", "breaks")}
        return Reply(*self.steps, **(now | changes))

    @property
    def calls(self) -> tuple[Call, ...]:
        return tuple(step for step in self.steps if isinstance(step, Call))

    @property
    def words(self) -> str:
        """The whole text of the reply."""
        return "".join(step.text for step in self.steps if isinstance(step, Text))

    @property
    def ends(self) -> str:
        """The scripted finish, or the one derived from the steps."""
        if self.finish is not None:
            return self.finish
        if any(isinstance(step, Refusal) for step in self.steps):
            return Finish.REFUSAL
        return Finish.TOOL_CALLS if self.calls else Finish.STOP


@dataclass(frozen=True, slots=True)
class Piece:
    """One chunk of a content step, or an act.

    number   number of its step in the reply
    chunk    its text or fragment of arguments
    first, last   true for the first and the last chunk of its step
    """

    step: Step
    number: int
    chunk: str = ""
    first: bool = True
    last: bool = True


def pieces(reply: Reply) -> Iterator[Piece]:
    """The reply chunk by chunk, with its breaks inserted."""
    waiting = sorted(reply.breaks, key=lambda pair: pair[0])
    chunks_sent = 0
    for piece in _arranged(reply):
        while waiting and waiting[0][0] <= chunks_sent:
            yield Piece(waiting.pop(0)[1], -1)
        yield piece
        chunks_sent += isinstance(piece.step, (Text, Reasoning, Call, Refusal))
    for _, act in waiting:
        yield Piece(act, -1)


def _arranged(reply: Reply) -> Iterator[Piece]:
    """All pieces in order; CALLS_INTERLEAVED alternates those of neighbouring calls."""
    rows = [list(_split(step, number)) for number, step in enumerate(reply.steps)]
    if Quirk.CALLS_INTERLEAVED not in reply.quirks:
        yield from (piece for row in rows for piece in row)
        return
    calls: list[list[Piece]] = []
    for row in [*rows, [Piece(Block(), -1)]]:
        if isinstance(row[0].step, Call):
            calls.append(row)
            continue
        while any(calls):
            yield from (waiting.pop(0) for waiting in calls if waiting)
        calls = []
        yield from row


def _split(step: Step, number: int) -> Iterator[Piece]:
    if not isinstance(step, (Text, Reasoning, Call)):
        yield Piece(step, number)
        return
    chunks = step.chunks or ("",)
    for index, chunk in enumerate(chunks):
        yield Piece(step, number, chunk, index == 0, index == len(chunks) - 1)
