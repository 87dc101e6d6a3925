"""The Message Batches of Anthropic: https://platform.claude.com/docs/en/build-with-claude/batch-processing."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tests.gateway import fault, render
from tests.gateway.batches.plan import Answer, Batch, Ended, Json, Row, RowEnd, Step, encoded, new_id, unknown
from tests.gateway.render.errors import error_body
from tests.gateway.render.frames import Ask
from tests.gateway.requests import RecordedRequest
from tests.gateway.script import Reply
from tests.gateway.signatures import Origin, Protocol

if TYPE_CHECKING:
    from tests.gateway.batches.service import BatchService

_PLACE = re.compile(r"^(.*)/v1/messages/batches(?:/([^/]+))?(?:/(results|cancel))?$")
_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_UNRUN = {"expired": "expired", "cancelled": "canceled"}


def step(request: RecordedRequest) -> Step:
    """The step of a request."""
    found = _PLACE.match(request.path)
    assert found
    if found[3]:
        return "cancel" if found[3] == "cancel" else "results"
    if request.method == "POST":
        return "create"
    return "status" if found[2] else "list"


def answer(service: BatchService, step: Step, request: RecordedRequest) -> Answer:
    """The answer to a request."""
    found = _PLACE.match(request.path)
    assert found
    prefix, host = found[1], request.headers.get("host", "")
    if step == "create":
        return _create(service, prefix, request)
    if step == "list":
        rows = [_about(batch, host) for batch in service.listed(prefix)]
        names = [row["id"] for row in rows]
        first, last = (names[0], names[-1]) if names else (None, None)
        return Answer(encoded({"data": rows, "has_more": False, "first_id": first, "last_id": last}))
    batch = service.find(found[2])
    if batch is None:
        return unknown("batch: not found")
    if step == "results":
        lines = [{"custom_id": row.id, "result": _result(batch, row, end)} for row, end in reversed(batch.lines())]
        return Answer(b"".join(encoded(line) + b"\n" for line in lines), kind="application/x-jsonl")
    if step == "cancel":
        batch.cancelling = not batch.ended
    else:
        service.advance(batch)
    return Answer(encoded(_about(batch, host)))


def _create(service: BatchService, prefix: str, request: RecordedRequest) -> Answer:
    origin = Origin(prefix, Protocol.ANTHROPIC, "")
    rows = [
        Row(row["custom_id"], row["params"], Origin(prefix, origin.protocol, row["params"].get("model", "")))
        for row in request.body["requests"]
    ]
    problems = service.complaints(rows, f"{prefix}/v1/messages", dict(request.headers))
    problems += [f"custom_id: {row.id}" for row in rows if not _NAME.fullmatch(row.id)]
    problems += [f"params: {name}" for row in rows for name in ("speed", "stream") if name in row.body]
    batch = service.create(new_id("msgbatch_"), prefix, rows, {})
    return Answer(encoded(_about(batch, request.headers.get("host", ""))), complaints=tuple(problems))


def _about(batch: Batch, host: str) -> Json:
    counts: dict[str, int] = dict.fromkeys(("processing", "succeeded", "errored", "canceled", "expired"), 0)
    if not batch.ended:
        counts["processing"] = len(batch.rows)
    for _, end in batch.lines():
        counts[_kind(end)] += 1
    running = "canceling" if batch.cancelling else "in_progress"
    made = datetime.fromtimestamp(batch.created, UTC).isoformat()
    url = f"http://{host}{batch.prefix}/v1/messages/batches/{batch.id}/results"
    return {
        "id": batch.id,
        "type": "message_batch",
        "processing_status": "ended" if batch.ended else running,
        "request_counts": counts,
        "created_at": made,
        "expires_at": datetime.fromtimestamp(batch.created + 86400, UTC).isoformat(),
        "ended_at": made if batch.ended else None,
        "cancel_initiated_at": made if batch.cancelling else None,
        "archived_at": made if batch.ended and batch.end is Ended.FAILED else None,
        "results_url": url if batch.ended and batch.end is not Ended.FAILED else None,
    }


def _kind(end: RowEnd) -> str:
    if isinstance(end, Reply):
        return "succeeded"
    return "errored" if isinstance(end, fault.Status) else _UNRUN[end]


def _result(batch: Batch, row: Row, end: RowEnd) -> Json:
    made: Json = {"type": _kind(end)}
    if isinstance(end, Reply):
        made["message"] = render.whole(end, Ask(row.origin, row.body, f"{batch.id}-{row.id}"))
    elif isinstance(end, fault.Status):
        made["error"] = error_body(Protocol.ANTHROPIC, end.code, kind=end.kind, message=end.message)
    return made
