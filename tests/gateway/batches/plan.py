"""The script of a batch, and the batch as the server keeps it."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from tests.gateway import fault
from tests.gateway.render.frames import compact
from tests.gateway.script import Reply, Text
from tests.gateway.signatures import Origin

Json: TypeAlias = dict[str, Any]
Step = Literal["upload", "create", "list", "status", "results", "cancel"]
EXPIRED: Final = "expired"
CANCELLED: Final = "cancelled"
RowEnd: TypeAlias = Reply | fault.Status | str  # an answer, an error, or a row that was never run


class Ended(StrEnum):
    """The end of a batch."""

    COMPLETED = "completed"
    FAILED = "failed"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


def _answer(text: str) -> RowEnd:
    return Reply(Text(f"re: {text}"))


@dataclass(frozen=True, slots=True)
class BatchPlan:
    """The course of one batch.

    polls   requests for the status that find it running
    end     its end
    row     the end of a row, by the text of its last user message
    silent  rows, by text, that have no line in the results
    broken  rows, by text, whose line is no JSON (OpenAI)
    """

    polls: int = 1
    end: Ended = Ended.COMPLETED
    row: Callable[[str], RowEnd] = _answer
    silent: frozenset[str] = frozenset()
    broken: frozenset[str] = frozenset()


@dataclass(slots=True)
class Row:
    """A request of a batch."""

    id: str
    body: Json
    origin: Origin

    @property
    def text(self) -> str:
        """The text of the last user message."""
        turns = self.body.get("messages") or self.body.get("input") or self.body.get("contents") or []
        turn = turns[-1] if turns else {}
        content = turn.get("content") or turn.get("parts") or ""
        return content if isinstance(content, str) else "".join(part.get("text", "") for part in content)


@dataclass(slots=True)
class Batch:
    """A batch on the server; `prefix` is the path before `/v1`, `about` what the client said about it."""

    id: str
    prefix: str
    rows: list[Row]
    plan: BatchPlan
    about: Json
    seen: int = 0
    cancelling: bool = False
    created: float = field(default_factory=time.time)
    ends: dict[str, RowEnd] | None = None  # by id of the row, once the batch has ended

    @property
    def ended(self) -> bool:
        return self.ends is not None

    @property
    def end(self) -> Ended:
        return Ended.CANCELLED if self.cancelling else self.plan.end

    def lines(self) -> list[tuple[Row, RowEnd]]:
        """The rows that have a line in the results."""
        ends = self.ends or {}
        return [(row, ends[row.id]) for row in self.rows if row.id in ends and row.text not in self.plan.silent]


class Answer(NamedTuple):
    """The answer to a request, and the complaints about it."""

    body: bytes
    status: int = 200
    kind: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()
    complaints: tuple[str, ...] = ()


def encoded(value: object) -> bytes:
    """JSON as bytes."""
    return compact(value).encode()


def new_id(prefix: str) -> str:
    """A unique id."""
    return prefix + uuid.uuid4().hex


def unknown(words: str) -> Answer:
    """The answer to a request for something that is not there."""
    error = {"message": words, "type": "not_found_error", "code": 404, "status": "NOT_FOUND"}
    return Answer(encoded({"type": "error", "error": error}), 404)
