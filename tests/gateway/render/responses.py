"""Replies in the format of OpenAI Responses."""

from __future__ import annotations

import time
from collections.abc import Iterator

from tests.gateway.quirks import Quirk
from tests.gateway.render.errors import error_body
from tests.gateway.render.frames import Ask, Frame, Item, Json, Stream, compact
from tests.gateway.render.responses_items import Items
from tests.gateway.script import (
    PASSED,
    Block,
    Call,
    Citation,
    ErrorEvent,
    Finish,
    Garbage,
    Piece,
    Reasoning,
    Refusal,
    Reply,
    Search,
    Text,
    pieces,
)

INCOMPLETE = {Finish.LENGTH: "max_output_tokens", Finish.CONTENT_FILTER: "content_filter"}


def stream(reply: Reply, ask: Ask) -> Stream:
    """The events of a reply, from `response.created` to its terminal one."""
    for item in _events(reply, ask):
        yield _frame(item) if isinstance(item, dict) else item


def whole(reply: Reply, ask: Ask) -> Json:
    """The same reply as one body: the response object of the terminal event."""
    last: Json = {}
    for item in _events(Reply(*reply.steps, finish=reply.finish, usage=reply.usage), ask):
        if isinstance(item, dict):
            last = item
    return last["response"]


def usage(reply: Reply) -> Json:
    """Token counts: cached ones inside the input, reasoning inside the output."""
    u = reply.usage
    return {
        "input_tokens": u.input,
        "input_tokens_details": {"cached_tokens": u.cached, "cache_write_tokens": u.cache_write},
        "output_tokens": u.output,
        "output_tokens_details": {"reasoning_tokens": u.reasoning},
        "total_tokens": u.input + u.output,
    }


def _events(reply: Reply, ask: Ask) -> Iterator[Json | Item]:
    """Numbered events as objects, and acts between them."""
    number = 0

    def numbered(event: Json) -> Json:
        nonlocal number
        number += 1
        return {"type": event.pop("type"), "sequence_number": number - 1, **event}

    yield numbered({"type": "response.created", "response": _response(ask, "in_progress")})
    yield numbered({"type": "response.in_progress", "response": _response(ask, "in_progress")})
    if Quirk.UNKNOWN_EVENTS in reply.quirks:
        yield numbered({"type": "response.brand_new", "note": "processing"})
    items = Items(reply, ask)
    for piece in pieces(reply):
        if isinstance(piece.step, PASSED):
            yield piece.step
        elif isinstance(piece.step, Garbage):
            yield Frame("response.output_text.delta", '{"type":"response.output_text.delta","delta":"x')
        elif isinstance(piece.step, ErrorEvent):
            yield _error(piece.step, ask, number)
            return
        else:
            for event in _content(items, piece):
                yield numbered(event)
    for event in items.close(_unfinished(reply)):
        yield numbered(event)
    yield numbered(_terminal(reply, ask, items.output))


def _content(items: Items, piece: Piece) -> list[Json]:
    step = piece.step
    if isinstance(step, Text):
        return items.text(piece.chunk)
    if isinstance(step, Reasoning):
        return items.reasoning(step, piece)
    if isinstance(step, Call):
        return items.call(step, piece)
    if isinstance(step, Search):
        return items.search(step)
    if isinstance(step, Citation):
        return items.citation(step)
    if isinstance(step, Refusal):
        return items.refusal(step)
    if isinstance(step, Block):
        return items.close()
    raise TypeError(f"no content: {step}")


def _terminal(reply: Reply, ask: Ask, output: list[Json]) -> Json:
    ends = reply.ends
    fields: Json = {"output": [] if Quirk.CUT_OUTPUT in reply.quirks else output}
    fields["usage"] = None if Quirk.NO_USAGE in reply.quirks else usage(reply)
    fields["service_tier"] = reply.usage.tier or "default"
    if ends == Finish.ERROR:
        error = {"code": "server_error", "message": "The server had an error while processing your request."}
        return {"type": "response.failed", "response": _response(ask, "failed", error=error, **fields)}
    if _unfinished(reply):
        reason = INCOMPLETE.get(Finish(ends)) if ends in list(Finish) else ends
        details = {"reason": reason}
        response = _response(ask, "incomplete", incomplete_details=details, **fields)
        return {"type": "response.incomplete", "response": response}
    response = _response(ask, "completed", completed_at=int(time.time()), **fields)
    return {"type": "response.completed", "response": response}


def _unfinished(reply: Reply) -> bool:
    """True if the reply ends `incomplete`, for a known or a custom reason."""
    return reply.ends not in list(Finish) or Finish(reply.ends) in INCOMPLETE


def _response(ask: Ask, status: str, **fields: object) -> Json:
    body = ask.body
    return {
        "id": f"resp_{ask.word('id', length=48)}",
        "object": "response",
        "created_at": int(time.time()),
        "status": status,
        "background": False,
        "error": None,
        "incomplete_details": None,
        "instructions": body.get("instructions"),
        "max_output_tokens": body.get("max_output_tokens"),
        "max_tool_calls": None,
        "model": ask.model,
        "output": [],
        "parallel_tool_calls": body.get("parallel_tool_calls", True),
        "previous_response_id": None,
        "prompt_cache_key": None,
        "reasoning": {"effort": None, "summary": None},
        "safety_identifier": None,
        "service_tier": "default",
        "store": body.get("store", True),
        "temperature": 1.0,
        "text": {"format": {"type": "text"}, "verbosity": "medium"},
        "tool_choice": body.get("tool_choice", "auto"),
        "tools": body.get("tools", []),
        "top_logprobs": 0,
        "top_p": 1.0,
        "truncation": "disabled",
        "usage": None,
        "user": None,
        "metadata": {},
    } | fields


def _error(event: ErrorEvent, ask: Ask, number: int) -> Frame:
    error = error_body(ask.origin.protocol, event.status, message=event.message)["error"]
    plain = {"code": error["code"] or error["type"], "message": error["message"], "param": None}
    if event.form == "bare":
        return Frame("error", compact(plain))
    if event.form == "nested":
        return Frame("error", compact({"type": "error", "error": error, "sequence_number": number}))
    return Frame("error", compact({"type": "error", **plain, "sequence_number": number}))


def _frame(event: Json) -> Frame:
    return Frame(event["type"], compact(event))
