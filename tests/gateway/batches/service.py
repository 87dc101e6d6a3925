"""The server's side of batches: files, batches, their course, and connections that are lost."""

from __future__ import annotations

from collections import Counter, deque
from typing import Literal

from tests.gateway.batches import anthropic, gemini, openai
from tests.gateway.batches.plan import CANCELLED, Batch, BatchPlan, Ended, Json, Row, RowEnd, Step
from tests.gateway.connection import Connection
from tests.gateway.requests import RecordedRequest
from tests.gateway.script import Reply
from tests.gateway.signatures import Protocol
from tests.gateway.transport import head
from tests.gateway.validate import problems

When = Literal["before", "after", "within", "short", "silent"]
_VENDORS = {Protocol.CHAT: openai, Protocol.ANTHROPIC: anthropic, Protocol.GEMINI: gemini}


class BatchService:
    """All files and batches of a gateway.

    plans     for the next batches, in their order; then `default`
    batches   in the order of their creation
    paid      answered rows, by the text of the last user message
    steps     the steps of all requests, in their order
    """

    def __init__(self) -> None:
        self.default = BatchPlan()
        self.plans: deque[BatchPlan] = deque()
        self.batches: list[Batch] = []
        self.files: dict[str, bytes] = {}
        self.paid: Counter[str] = Counter()
        self.steps: list[str] = []
        self._losses: list[tuple[Step, When]] = []

    def lose(self, step: Step, when: When) -> None:
        """Drop the connection of the next request of a step: before it is read, after it is done, or in its answer.

        `short` drops nothing, but sends only the first line of the answer; `silent` sends nothing and waits.
        """
        self._losses.append((step, when))

    async def serve(self, conn: Connection, request: RecordedRequest) -> list[str]:
        """Answer a request; return the complaints about it."""
        assert request.origin is not None
        vendor = _VENDORS[request.origin.protocol]
        step = vendor.step(request)
        self.steps.append(step)
        found = next((pair for pair in self._losses if pair[0] == step), None)
        if found:
            self._losses.remove(found)
        loss = found[1] if found else None
        if loss == "before":
            conn.reset()
            return []
        if loss == "silent":
            await conn.idle(None)
        given = vendor.answer(self, step, request)
        if loss == "short":
            given = given._replace(body=given.body.partition(b"\n")[0] + b"\n")
        headers = (("content-type", given.kind), ("content-length", str(len(given.body))), *given.headers)
        if loss == "after":
            conn.reset()
        elif loss == "within":
            await conn.send(head(given.status, headers) + given.body[: len(given.body) // 2])
            conn.reset()
        else:
            await conn.send(head(given.status, headers) + given.body)
        return list(given.complaints)

    def create(self, identity: str, prefix: str, rows: list[Row], about: Json) -> Batch:
        """Begin a batch."""
        plan = self.plans.popleft() if self.plans else self.default
        batch = Batch(identity, prefix, rows, plan, about)
        self.batches.append(batch)
        return batch

    def find(self, identity: str) -> Batch | None:
        """The batch of this id."""
        return next((batch for batch in self.batches if batch.id == identity), None)

    def listed(self, prefix: str) -> list[Batch]:
        """The batches of a provider, newest first; the list moves them on, too, as time does."""
        found = [batch for batch in reversed(self.batches) if batch.prefix == prefix]
        for batch in found:
            self.advance(batch)
        return found

    def advance(self, batch: Batch) -> None:
        """Move a batch one state on; at its end, run its rows."""
        batch.seen += 1
        if batch.ended or batch.seen <= batch.plan.polls:
            return
        rows = [] if batch.end is Ended.FAILED else batch.rows
        ends: dict[str, RowEnd] = {row.id: batch.plan.row(row.text) for row in rows}
        if batch.cancelling:
            ends = dict.fromkeys(ends, CANCELLED)
        batch.ends = ends
        self.paid.update(row.text for row in batch.rows if isinstance(ends.get(row.id), Reply))

    def complaints(self, rows: list[Row], path: str, headers: dict[str, str]) -> list[str]:
        """The problems of the rows, as requests of their own."""
        found: list[str] = []
        names = [row.id for row in rows]
        if len(set(names)) != len(names):
            found.append("custom_id: not unique")
        for row in rows:
            found += problems(row.body, headers | {"content-type": "application/json"}, path)
            if row.body.get("stream"):
                found.append("stream: a row of a batch cannot be streamed")
        return found
