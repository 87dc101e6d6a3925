"""The records of `--json` and `--ndjson`: values of a turn as JSON.

`ndjson.schema.json` and `json.schema.json` beside this file describe them. The formats are frozen: fields are only
added.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from termchat.core.errors import failure_record
from termchat.core.messages import Citation, ToolCall, ToolResult
from termchat.core.outcomes import ExitCode, Outcome
from termchat.core.usage import usage_record
from termchat.ui.oneshot.formats import RunEnd

VERSION = 1
SCHEMA_NAMES = ("json", "ndjson")
# Characters that JSON allows in a string, but a terminal, a line reader or a strict parser may take for more: DEL, C1,
# line and paragraph separators, bidi controls.
_ESCAPED = re.compile(r"[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
_LONE = re.compile(r"[\ud800-\udfff]")
_OUTCOMES = {
    ExitCode.LENGTH: Outcome.LENGTH,
    ExitCode.CUT: Outcome.CUT,
    ExitCode.STALLED: Outcome.STALLED,
    ExitCode.BUDGET: Outcome.BUDGET,
    ExitCode.CANCELLED: Outcome.CANCELLED,
    ExitCode.SIGTERM: Outcome.CANCELLED,
    ExitCode.SIGHUP: Outcome.CANCELLED,
    ExitCode.SIGPIPE: Outcome.CANCELLED,
}


def json_line(record: Mapping[str, Any]) -> bytes:
    """Return a record as one line of JSON in UTF-8, with its line end; every control character is escaped."""
    text = json.dumps(record, ensure_ascii=False, separators=(",", ":"), default=str)
    if not text.isascii():
        text = _ESCAPED.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
        try:
            return f"{text}\n".encode()
        except UnicodeEncodeError:
            text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")  # joins pairs
            text = _LONE.sub("\ufffd", text)
    return f"{text}\n".encode().replace(b"\x7f", b"\\u007f")


def record_schema(name: str) -> bytes:
    """Return the JSON Schema of a format, one of SCHEMA_NAMES, as text in UTF-8."""
    return (Path(__file__).parent / f"{name}.schema.json").read_bytes()


def cost_record(cost: Decimal | None) -> float | None:
    """Return US dollars as a number, None if they are unknown."""
    return None if cost is None else float(cost)


def call_record(call: ToolCall) -> dict[str, Any]:
    """Return a tool call; `arguments` is the text that the model wrote."""
    return {"id": call.id, "name": call.name, "arguments": call.arguments}


def result_record(call: ToolCall, result: ToolResult, seconds: float) -> dict[str, Any]:
    """Return the result of a tool call; `status` is `ran`, or how else the call ended."""
    return {
        "id": call.id,
        "name": call.name,
        "text": result.text,
        "is_error": result.is_error,
        "status": result.status.value or "ran",
        "seconds": round(seconds, 3),
    }


def source_records(sources: Iterable[Citation]) -> list[dict[str, Any]]:
    """Return cited sources."""
    return [{"url": source.url, "title": source.title} for source in sources]


def end_record(end: RunEnd) -> dict[str, Any]:
    """Return the end of a run: `outcome` is `complete` exactly if the reply is complete and valid."""
    ended = end.ended
    return {
        "outcome": outcome_of_code(end.code, ended.outcome if ended else Outcome.FAILED).value,
        "exit_code": int(end.code),
        "finish_reason": ended.finish.value if ended and ended.finish else None,
        "model": str(ended.model) if ended else None,
        "usage": usage_record(end.usage) if ended else None,
        "cost": cost_record(end.cost) if ended else None,
        "chat_id": end.chat_id or None,
        "error": failure_record(end.failure),
        "denied": [call_record(call) for call in end.denied],
    }


def outcome_of_code(code: ExitCode, outcome: Outcome) -> Outcome:
    """Return the outcome that an exit code stands for; `outcome`, that of the turn, where several share the code."""
    match code:
        case ExitCode.COMPLETE:
            return Outcome.COMPLETE
        case ExitCode.REFUSED if outcome in (Outcome.REFUSED, Outcome.FILTERED):
            return outcome
        case ExitCode.DENIED if outcome in (Outcome.COMPLETE, Outcome.LIMIT):
            return outcome
        case _:
            return _OUTCOMES.get(code, Outcome.FAILED)
