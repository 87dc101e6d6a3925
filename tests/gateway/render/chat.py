"""Replies in the format of OpenAI Chat Completions."""

from __future__ import annotations

import time
from typing import Any

from tests.gateway.quirks import Quirk
from tests.gateway.render.chat_calls import call_deltas, whole_calls
from tests.gateway.render.errors import error_body
from tests.gateway.render.frames import Ask, Frame, Item, Json, Stream, compact
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

FINISHES = {
    Finish.STOP: "stop",
    Finish.TOOL_CALLS: "tool_calls",
    Finish.LENGTH: "length",
    Finish.CONTENT_FILTER: "content_filter",
    Finish.REFUSAL: "stop",
    Finish.PAUSED: "stop",
    Finish.MALFORMED_TOOL: "stop",
    Finish.ERROR: "error",
}


def stream(reply: Reply, ask: Ask) -> Stream:
    """The chunks of a reply, `[DONE]` included."""
    quirks = reply.quirks
    yield from _opening(reply, ask)
    for piece in pieces(reply):
        if isinstance(piece.step, PASSED):
            yield piece.step
        elif isinstance(piece.step, Garbage):
            yield Frame(None, '{"id":"chatcmpl-1","object":"chat.completion.chunk","choices":[{"del')
        elif isinstance(piece.step, ErrorEvent):
            yield from _error(piece.step, ask)
            return
        else:
            for delta in _deltas(piece, reply, ask):
                yield _chunk(ask, reply, delta)
    yield _chunk(ask, reply, {}, finish=_finish(reply), counted=Quirk.USAGE_WITH_FINISH in quirks)
    if _wants_usage(ask) and Quirk.NO_USAGE not in quirks and Quirk.USAGE_WITH_FINISH not in quirks:
        yield Frame(None, compact(_head(ask) | {"choices": [], "usage": usage(reply)} | _tier(reply)))
    if Quirk.NO_DONE not in quirks:
        yield Frame(None, "[DONE]")


def whole(reply: Reply, ask: Ask) -> Json:
    """The same reply as one body."""
    message: Json = {"role": "assistant", "content": reply.words or None, "refusal": None, "annotations": []}
    thoughts = "".join(step.text for step in reply.steps if isinstance(step, Reasoning))
    if thoughts:
        message["reasoning_content"] = thoughts
    if reply.calls:
        message["tool_calls"] = whole_calls(reply, ask)
    for step in reply.steps:
        if isinstance(step, Refusal):
            message["refusal"] = step.text
        if isinstance(step, Citation):
            message["annotations"].append(_annotation(step, reply.words))
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": _finish(reply)}
    return _head(ask) | {"object": "chat.completion", "choices": [choice], "usage": usage(reply)} | _tier(reply)


def usage(reply: Reply) -> Json:
    """Token counts: cached ones inside the prompt, reasoning inside the completion."""
    u = reply.usage
    return {
        "prompt_tokens": u.input,
        "completion_tokens": u.output,
        "total_tokens": u.input + u.output,
        "prompt_tokens_details": {
            "cached_tokens": u.cached,
            "cache_write_tokens": u.cache_write,
            "audio_tokens": 0,
        },
        "completion_tokens_details": {
            "reasoning_tokens": u.reasoning,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def _opening(reply: Reply, ask: Ask) -> Stream:
    quirks = reply.quirks
    if Quirk.EMPTY_CHOICES_FIRST in quirks:
        filters = {"prompt_index": 0, "content_filter_results": {}}
        yield Frame(None, compact(_head(ask) | {"choices": [], "prompt_filter_results": [filters]}))
    if Quirk.NULL_CHOICES in quirks:
        yield Frame(None, compact(_head(ask) | {"choices": None}))
    if Quirk.NULL_DELTA in quirks:
        choice = {"index": 0, "delta": None, "finish_reason": None}
        yield Frame(None, compact(_head(ask) | {"choices": [choice]}))
    if Quirk.ODD_FRAMES in quirks:
        yield from (Frame(None, text) for text in ("null", "7", "[]"))
    if Quirk.EMPTY_DATA in quirks:
        yield Frame(None, "")
    if Quirk.UNKNOWN_EVENTS in quirks:
        yield Frame("vendor.note", compact({"object": "vendor.note", "note": "processing"}))
    yield _chunk(ask, reply, {"role": "assistant", "content": "", "refusal": None})


def _deltas(piece: Piece, reply: Reply, ask: Ask) -> list[Json]:
    """The `delta` objects for one piece of content."""
    step = piece.step
    if isinstance(step, Text):
        if Quirk.CONTENT_PARTS in reply.quirks:
            return [{"content": [{"type": "text", "text": piece.chunk}]}]
        return [{"content": piece.chunk}]
    if isinstance(step, Reasoning):
        return _thoughts(step, piece, reply, ask)
    if isinstance(step, Call):
        return call_deltas(piece, reply, ask)
    if isinstance(step, Citation):
        return [{"annotations": [_annotation(step, reply.words)]}]
    if isinstance(step, Refusal):
        return [{"refusal": step.text}]
    if isinstance(step, (Search, Block)):
        return []
    raise TypeError(f"no content: {step}")


def _thoughts(step: Reasoning, piece: Piece, reply: Reply, ask: Ask) -> list[Json]:
    if step.redacted:
        return []
    quirks, chunk = reply.quirks, piece.chunk
    if Quirk.THINK_TAGS in quirks:
        return [{"content": "<think>" * piece.first + chunk + "</think>\n\n" * piece.last}]
    if Quirk.REASONING_BOTH in quirks:
        return [{"reasoning": chunk, "reasoning_content": chunk}]
    if Quirk.REASONING_DETAILS in quirks:
        detail: Json = {"type": "reasoning.text", "text": chunk, "index": piece.number, "format": "unknown"}
        rows: list[Json] = [{"reasoning": chunk, "reasoning_details": [detail]}]
        if piece.last and step.signed:
            signed = {"type": "reasoning.text", "text": "", "index": piece.number, "format": "unknown"}
            signed["signature"] = ask.seal("reasoning", step.text, piece.number)
            rows.append({"reasoning": "", "reasoning_details": [signed]})
        return rows
    key = "reasoning" if Quirk.REASONING_KEY in quirks else "reasoning_content"
    return [{"content": None, key: chunk}]


def _chunk(ask: Ask, reply: Reply, delta: Json, *, finish: str | None = None, counted: bool = False) -> Item:
    blank = "" if Quirk.BLANK_FINISH in reply.quirks else None
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish or blank}
    chunk = _head(ask) | {"choices": [choice]}
    if counted or Quirk.USAGE_EVERYWHERE in reply.quirks:
        chunk |= {"usage": usage(reply)} | _tier(reply)
    elif _wants_usage(ask):
        chunk["usage"] = None
    if _option(ask, "include_obfuscation") is not False:
        chunk["obfuscation"] = ask.word(delta, length=8)
    return Frame(None, compact(chunk))


def _head(ask: Ask) -> Json:
    return {
        "id": f"chatcmpl-{ask.word('id')}",
        "object": "chat.completion.chunk",
        "created": int(time.time()),
        "model": ask.model,
        "service_tier": "default",
        "system_fingerprint": "fp_gateway",
    }


def _tier(reply: Reply) -> Json:
    return {"service_tier": reply.usage.tier or "default"}


def _error(event: ErrorEvent, ask: Ask) -> Stream:
    body = error_body(ask.origin.protocol, event.status, message=event.message)
    if event.form == "bare":
        yield Frame("error", compact(body["error"]))
    elif event.form == "nested":
        code = body["error"] | {"code": str(event.status)}
        choice = {"index": 0, "delta": {"content": ""}, "finish_reason": "error"}
        yield Frame(None, compact(_head(ask) | {"error": code, "choices": [choice]}))
    else:
        yield Frame(None, compact(body))


def _finish(reply: Reply) -> str:
    if Quirk.CALL_FINISH_STOP in reply.quirks and reply.calls:
        return "stop"
    if Quirk.CALL_LEGACY in reply.quirks and reply.calls:
        return "function_call"
    return FINISHES.get(Finish(reply.ends), "stop") if reply.ends in list(Finish) else reply.ends


def _annotation(step: Citation, words: str) -> Json:
    cited = {"url": step.url, "title": step.title, "start_index": 0, "end_index": len(words)}
    return {"type": "url_citation", "url_citation": cited}


def _wants_usage(ask: Ask) -> bool:
    return _option(ask, "include_usage") is True


def _option(ask: Ask, name: str) -> Any:
    options = ask.body.get("stream_options")
    return options.get(name) if isinstance(options, dict) else None
