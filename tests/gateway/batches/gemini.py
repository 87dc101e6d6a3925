"""The batches of Gemini, with inline requests or a file: https://ai.google.dev/gemini-api/docs/batch-api."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tests.gateway import fault, render
from tests.gateway.batches.plan import Answer, Batch, Ended, Json, Row, RowEnd, Step, encoded, new_id, unknown
from tests.gateway.render.errors import error_body
from tests.gateway.render.frames import Ask
from tests.gateway.requests import RecordedRequest
from tests.gateway.script import Reply
from tests.gateway.signatures import Origin, Protocol

if TYPE_CHECKING:
    from tests.gateway.batches.service import BatchService

_CREATE = re.compile(r"^(.*)/v1beta/models/(.+):batchGenerateContent$")
_BATCH = re.compile(r"^(.*)/v1beta/batches(?:/([^/:]+))?(:cancel)?$")
_UPLOAD = re.compile(r"^(.*)/upload/v1beta/files$")
_FILE = re.compile(r"^(.*)/v1beta/files/(.+):download$")
_UNRUN = {"expired": (4, "Deadline expired."), "cancelled": (1, "The batch was cancelled.")}


def step(request: RecordedRequest) -> Step:
    """The step of a request."""
    if _CREATE.match(request.path):
        return "create"
    if _UPLOAD.match(request.path):
        return "upload"
    found = _BATCH.match(request.path)
    if found is None:
        return "results"
    if found[3]:
        return "cancel"
    return "status" if found[2] else "list"


def answer(service: BatchService, step: Step, request: RecordedRequest) -> Answer:
    """The answer to a request."""
    if step == "create":
        return _create(service, request)
    if step == "upload":
        return _upload(service, request)
    if step == "results":
        found = _FILE.match(request.path)
        batch = service.find(found[2].removeprefix("out-")) if found else None
        if batch is None:
            return unknown("File not found.")
        lines = [{"key": row.id} | _line(batch, row, end) for row, end in batch.lines()]
        return Answer(b"".join(encoded(line) + b"\n" for line in lines), kind="application/octet-stream")
    found = _BATCH.match(request.path)
    assert found
    if step == "list":
        return Answer(encoded({"operations": [_about(batch, listed=True) for batch in service.listed(found[1])]}))
    batch = service.find(found[2])
    if batch is None:
        return unknown("Requested entity was not found.")
    if step == "cancel":
        batch.cancelling = not batch.ended
        return Answer(b"{}")
    service.advance(batch)
    return Answer(encoded(_about(batch)))


def _upload(service: BatchService, request: RecordedRequest) -> Answer:
    """Begin a resumable upload, or take its bytes: https://ai.google.dev/gemini-api/docs/files."""
    if request.headers.get("x-goog-upload-command") == "start":
        name = new_id("")
        service.files[name] = b""
        url = f"http://{request.headers.get('host')}{request.path}?upload_id={name}"
        return Answer(b"{}", headers=(("x-goog-upload-url", url), ("x-goog-upload-status", "active")))
    name = request.query["upload_id"]
    service.files[name] += request.raw
    final = "finalize" in request.headers.get("x-goog-upload-command", "")
    made = {"file": {"name": f"files/{name}", "mimeType": "application/jsonl", "sizeBytes": "1", "state": "ACTIVE"}}
    return Answer(encoded(made), headers=(("x-goog-upload-status", "final" if final else "active"),))


def _create(service: BatchService, request: RecordedRequest) -> Answer:
    found = _CREATE.match(request.path)
    assert found
    prefix, model = found[1], found[2]
    about: Json = request.body["batch"]
    source: Json = about["inputConfig"]
    if name := source.get("fileName", "").removeprefix("files/"):
        if name not in service.files:
            return unknown("File not found.")
        given: list[Any] = [json.loads(line) for line in service.files[name].splitlines()]
        names = [row["key"] for row in given]
    else:
        given = source["requests"]["requests"]
        names = [row["metadata"]["key"] for row in given]
    origin = Origin(prefix, Protocol.GEMINI, model)
    rows = [Row(name, row["request"], origin) for name, row in zip(names, given, strict=True)]
    problems = service.complaints(rows, f"{prefix}/v1beta/models/{model}:generateContent", dict(request.headers))
    batch = service.create(new_id(""), prefix, rows, about | {"file": bool(name)})
    return Answer(encoded(_about(batch)), complaints=tuple(problems))


def _about(batch: Batch, *, listed: bool = False) -> Json:
    """The batch as an operation."""
    ends = {Ended.COMPLETED: "SUCCEEDED"}
    state = ends.get(batch.end, batch.end.value.upper()) if batch.ended else "RUNNING" if batch.seen else "PENDING"
    made: Json = {
        "@type": "type.googleapis.com/google.ai.generativelanguage.v1main.GenerateContentBatch",
        "displayName": batch.about.get("displayName", ""),
        "model": f"models/{batch.rows[0].origin.model}",
        "name": f"batches/{batch.id}",
        "state": f"BATCH_STATE_{state}",
        "createTime": datetime.fromtimestamp(batch.created, UTC).isoformat(),
        "batchStats": _stats(batch),
    }
    operation: Json = {"name": f"batches/{batch.id}", "metadata": made}
    if not batch.ended:
        return operation
    if batch.end is Ended.FAILED:
        return operation | {"done": True, "error": {"code": 3, "message": "The input file is invalid."}}
    if batch.end is not Ended.COMPLETED or listed:
        return operation | {"done": True}  # an expired or cancelled batch has no results
    if batch.about["file"]:
        made["output"] = {"responsesFile": f"files/out-{batch.id}"}
    else:  # in the order of the requests, without their metadata
        lines = [_line(batch, row, end) for row, end in batch.lines()]
        made["output"] = {"inlinedResponses": {"inlinedResponses": lines}}
    return operation | {"done": True, "response": made["output"]}


def _stats(batch: Batch) -> Json:
    lines = batch.lines()
    good = sum(1 for _, end in lines if isinstance(end, Reply))
    pending = 0 if batch.ended else len(batch.rows)
    counts = {"requestCount": len(batch.rows), "successfulRequestCount": good}
    counts |= {"failedRequestCount": len(lines) - good, "pendingRequestCount": pending}
    return {name: str(count) for name, count in counts.items() if count}


def _line(batch: Batch, row: Row, end: RowEnd) -> Json:
    if isinstance(end, Reply):
        return {"response": render.whole(end, Ask(row.origin, row.body, f"{batch.id}-{row.id}"))}
    if isinstance(end, fault.Status):
        error = error_body(Protocol.GEMINI, end.code, kind=end.kind, message=end.message)["error"]
        return {"error": {"code": error["code"], "message": error["message"]}}
    code, words = _UNRUN[end]
    return {"error": {"code": code, "message": words}}
