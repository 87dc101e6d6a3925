"""The batches of OpenAI, with files for input and output, and those of OpenRouter, with neither.

Sources: https://platform.openai.com/docs/guides/batch, https://openrouter.ai/docs/batch-quickstart
"""

from __future__ import annotations

import json
import re
from email.parser import BytesParser
from typing import TYPE_CHECKING

from tests.gateway import fault, render
from tests.gateway.batches.plan import (
    CANCELLED,
    Answer,
    Batch,
    Ended,
    Json,
    Row,
    RowEnd,
    Step,
    encoded,
    new_id,
    unknown,
)
from tests.gateway.render.errors import error_body
from tests.gateway.render.frames import Ask
from tests.gateway.requests import RecordedRequest, protocol_of_path
from tests.gateway.script import Reply
from tests.gateway.signatures import Origin

if TYPE_CHECKING:
    from tests.gateway.batches.service import BatchService

_PLACE = re.compile(r"^(.*)/v1/(files|batches)(?:/([^/]+))?(?:/(content|cancel|results))?$")
_STATES = ("validating", "in_progress", "finalizing")
_UNRUN = {
    "expired": ("batch_expired", "This request could not be executed before the completion window expired."),
    "cancelled": ("batch_cancelled", "This request was not executed because the batch was cancelled."),
}


def step(request: RecordedRequest) -> Step:
    """The step of a request."""
    found = _PLACE.match(request.path)
    assert found
    kind, name, act = found[2], found[3], found[4]
    if kind == "files":
        return "upload" if request.method == "POST" else "results"
    if act in ("cancel", "results"):
        return "cancel" if act == "cancel" else "results"
    if request.method == "POST":
        return "create"
    return "status" if name else "list"


def answer(service: BatchService, step: Step, request: RecordedRequest) -> Answer:
    """The answer to a request."""
    found = _PLACE.match(request.path)
    assert found
    prefix, name = found[1], found[3] or ""
    if step == "upload":
        return _upload(service, request)
    if step == "create":
        return _create(service, prefix, request)
    if step == "list":
        rows = [_about(batch, listed=True) for batch in service.listed(prefix)]
        names = [row["id"] for row in rows]
        first, last = (names[0], names[-1]) if names else (None, None)
        return Answer(encoded({"object": "list", "data": rows, "first_id": first, "last_id": last, "has_more": False}))
    if found[2] == "files":
        data = _results(service, name)
        return unknown("No such File object") if data is None else Answer(data, kind="application/octet-stream")
    batch = service.find(name)
    if batch is None:
        return unknown(f"No batch found with id '{name}'.")
    if step == "cancel":
        if batch.about.get("inline"):
            return unknown("Not found")  # OpenRouter cannot cancel
        batch.cancelling = not batch.ended
    elif step == "status":
        service.advance(batch)
    else:
        lines = [_line(batch, row, end) for row, end in batch.lines()]
        return Answer(encoded({"object": "list", "data": lines, "next_cursor": None}))
    return Answer(encoded(_about(batch)))


def _upload(service: BatchService, request: RecordedRequest) -> Answer:
    kind = request.headers.get("content-type", "")
    form = BytesParser().parsebytes(b"content-type: " + kind.encode() + b"\r\n\r\n" + request.raw)
    parts = {
        str(part.get_param("name", header="content-disposition")): part.get_payload(decode=True)
        for part in form.walk()
        if not part.is_multipart()
    }
    problems = () if parts.get("purpose") == b"batch" else ("purpose: a batch file needs the purpose `batch`",)
    data, name = parts.get("file"), new_id("file-")
    assert isinstance(data, bytes)
    service.files[name] = data
    made = {"id": name, "object": "file", "bytes": len(data), "created_at": 0, "filename": "b", "purpose": "batch"}
    return Answer(encoded(made), complaints=problems)


def _create(service: BatchService, prefix: str, request: RecordedRequest) -> Answer:
    body: Json = request.body
    inline = "requests" in body
    problems: list[str] = []
    if inline:
        rows = body["requests"]
        if list(body).index("requests") < max(list(body).index(name) for name in ("endpoint", "model")):
            problems.append("requests: must come after endpoint and model")
    else:
        data = service.files.get(body.get("input_file_id", ""))
        if data is None:
            return unknown("No such File object")
        rows = [json.loads(line) for line in data.splitlines()]
        problems += [f"url: {row.get('url')}" for row in rows if row.get("url") != body["endpoint"]]
        problems += ["method: must be POST" for row in rows if row.get("method") != "POST"]
        if body.get("completion_window") != "24h":
            problems.append("completion_window: must be 24h")
    path = prefix + body["endpoint"]
    origin = protocol_of_path(path)
    made = [Row(row["custom_id"], row["body"], Origin(prefix, origin, row["body"].get("model", ""))) for row in rows]
    problems += service.complaints(made, path, dict(request.headers))
    if len({row.origin.model for row in made}) != 1:
        problems.append("model: a batch has one model")
    batch = service.create(new_id("batch_"), prefix, made, {"inline": inline, "metadata": None} | body)
    return Answer(encoded(_about(batch)), 202 if inline else 200, complaints=tuple(problems))


def _about(batch: Batch, *, listed: bool = False) -> Json:
    """The batch as an object."""
    inline = batch.about["inline"]
    state = batch.end.value if batch.ended else _STATES[min(batch.seen, len(_STATES) - 1)]
    state = "cancelling" if batch.cancelling and not batch.ended else state
    lines = batch.lines()
    answered = sum(1 for _, end in lines if isinstance(end, Reply))
    counts = {"total": len(batch.rows), "completed": answered, "failed": len(lines) - answered}
    made: Json = {"id": batch.id, "object": "batch", "endpoint": batch.about["endpoint"], "status": state}
    made |= {"created_at": int(batch.created), "expires_at": int(batch.created) + 86400, "request_counts": counts}
    failed = batch.ended and batch.end is Ended.FAILED
    words = "Enqueued token limit reached for this model in this organization."
    if inline:
        results = [_line(batch, row, end) for row, end in lines] if batch.ended and not listed else None
        return made | {
            "model": batch.about["model"],
            "results": results,
            "error": {"message": words} if failed else None,
        }
    errors = {"object": "list", "data": [{"code": "token_limit_exceeded", "message": words, "line": None}]}
    made |= {"completion_window": "24h", "input_file_id": batch.about["input_file_id"]}
    return made | {
        "metadata": batch.about.get("metadata"),
        "errors": errors if failed else None,
        "output_file_id": f"file-out-{batch.id}" if answered else None,
        "error_file_id": f"file-err-{batch.id}" if len(lines) > answered else "",  # empty: seen on the wire
    }


def _results(service: BatchService, name: str) -> bytes | None:
    batch = service.find(name.removeprefix("file-out-").removeprefix("file-err-"))
    if batch is None:
        return None
    good = name.startswith("file-out-")
    data = b""
    for row, end in reversed(batch.lines()):
        if isinstance(end, Reply) is good:
            line = encoded(_line(batch, row, end))
            data += (line[:-5] if row.text in batch.plan.broken else line) + b"\n"
    return data


def _line(batch: Batch, row: Row, end: RowEnd) -> Json:
    made: Json = {"id": f"batch_req_{row.id}", "custom_id": row.id, "response": None, "error": None}
    if isinstance(end, Reply):
        body = render.whole(end, Ask(row.origin, row.body, f"{batch.id}-{row.id}"))
        return made | {"response": {"status_code": 200, "request_id": f"req_{row.id}", "body": body}}
    if isinstance(end, fault.Status):
        body = error_body(row.origin.protocol, end.code, kind=end.kind, message=end.message)
        return made | {"response": {"status_code": end.code, "request_id": f"req_{row.id}", "body": body}}
    code, words = _UNRUN[end if end in _UNRUN else CANCELLED]
    return made | {"error": {"code": code, "message": words}}
