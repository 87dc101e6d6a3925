"""Replies in the format of Gemini, where every chunk is a complete response."""

from __future__ import annotations

from collections.abc import Iterator

from tests.gateway.quirks import Quirk
from tests.gateway.render.errors import error_body
from tests.gateway.render.frames import Ask, Frame, Item, Json, Stream, compact
from tests.gateway.script import (
    PASSED,
    Block,
    Call,
    Citation,
    Cut,
    ErrorEvent,
    Finish,
    Garbage,
    Piece,
    Raw,
    Reasoning,
    Refusal,
    Reply,
    Search,
    Text,
    pieces,
)

FINISHES = {
    Finish.STOP: "STOP",
    Finish.TOOL_CALLS: "STOP",
    Finish.LENGTH: "MAX_TOKENS",
    Finish.CONTENT_FILTER: "SAFETY",
    Finish.REFUSAL: "PROHIBITED_CONTENT",
    Finish.PAUSED: "CONTINUATION",
    Finish.MALFORMED_TOOL: "MALFORMED_FUNCTION_CALL",
    Finish.ERROR: "OTHER",
}


def stream(reply: Reply, ask: Ask) -> Stream:
    """The chunks of a reply; the last one has the finish reason."""
    for item in _chunks(reply, ask):
        yield Frame(None, compact(item)) if isinstance(item, dict) else item


def whole(reply: Reply, ask: Ask) -> Json:
    """The same reply as one body."""
    if Quirk.PROMPT_BLOCKED in reply.quirks:
        return _blocked(reply, ask)
    parts = [part for piece in pieces(reply) for part in _parts(piece, reply, ask)]
    return _response(reply, ask, [*parts, *_last_parts(reply, ask)], reply.usage.output, last=True)


def usage(reply: Reply, output_tokens: int) -> Json:
    """Running total of tokens; the prompt includes cached ones, candidates exclude thoughts."""
    u = reply.usage
    thoughts = min(u.reasoning, output_tokens)
    counted: Json = {"promptTokenCount": u.input, "candidatesTokenCount": output_tokens - thoughts}
    counted |= {"totalTokenCount": u.input + output_tokens}
    counted |= {"promptTokensDetails": [{"modality": "TEXT", "tokenCount": u.input}]}
    if u.cached:
        counted["cachedContentTokenCount"] = u.cached
    if thoughts:
        counted["thoughtsTokenCount"] = thoughts
    if u.tier:
        counted["serviceTier"] = u.tier
    return counted


def _chunks(reply: Reply, ask: Ask) -> Iterator[Json | Item]:
    """Chunks as objects, and acts between them."""
    if Quirk.PROMPT_BLOCKED in reply.quirks:
        yield _blocked(reply, ask)
        return
    if Quirk.NULL_CANDIDATES in reply.quirks:
        yield {"candidates": None, "modelVersion": ask.model}
    if Quirk.UNKNOWN_EVENTS in reply.quirks:
        yield {"brandNew": {"note": "processing"}}
    output_tokens = 0
    held: list[Json] = []
    inside_call = False
    for piece in pieces(reply):
        if isinstance(piece.step, Cut) and inside_call and piece.step.inside is None:
            yield Cut(piece.step.how, "json")  # a call is one chunk, with its arguments inside the JSON
        elif isinstance(piece.step, PASSED):
            yield piece.step
        elif isinstance(piece.step, Garbage):
            yield Frame(None, '{"candidates":[{"content":{"par')
        elif isinstance(piece.step, ErrorEvent):
            yield _error(piece.step, ask)
            return
        else:
            inside_call = isinstance(piece.step, Call) and not piece.last
            parts = _parts(piece, reply, ask)
            output_tokens = min(output_tokens + len(parts), reply.usage.output)
            if Quirk.CALLS_TOGETHER in reply.quirks and isinstance(piece.step, Call):
                held += parts
            elif parts:
                yield _response(reply, ask, [*held, *parts], output_tokens)
                held = []
    yield _response(reply, ask, [*held, *_last_parts(reply, ask)], reply.usage.output, last=True)


def _parts(piece: Piece, reply: Reply, ask: Ask) -> list[Json]:
    step = piece.step
    if isinstance(step, Text):
        return _text(piece, reply, ask) if piece.chunk else []
    if isinstance(step, Reasoning):
        return [{"text": piece.chunk, "thought": True}] if piece.chunk and not step.redacted else []
    if isinstance(step, Call):
        return [_call(step, piece, reply, ask)] if piece.last else []
    if isinstance(step, (Citation, Search, Refusal, Block)):
        return []
    raise TypeError(f"no content: {step}")


def _text(piece: Piece, reply: Reply, ask: Ask) -> list[Json]:
    part: Json = {"text": piece.chunk}
    last = all(not isinstance(step, Text) for step in reply.steps[piece.number + 1 :])
    if Quirk.SIGNED_TEXT in reply.quirks and piece.last and last and _thinks(reply):
        part["thoughtSignature"] = ask.seal("text", piece.chunk)
    return [part]


def _call(step: Call, piece: Piece, reply: Reply, ask: Ask) -> Json:
    call: Json = {"name": step.name, "args": step.value}
    known = ask.call_id(step, piece.number, "")
    if known is not None and Quirk.NO_CALL_IDS not in reply.quirks:
        call["id"] = known
    part: Json = {"functionCall": call}
    first = not any(isinstance(other, Call) for other in reply.steps[: piece.number])
    if first and Quirk.UNSIGNED_CALLS not in reply.quirks:
        part["thoughtSignature"] = ask.seal("call", [step.name, step.value])
    return part


def _last_parts(reply: Reply, ask: Ask) -> list[Json]:
    """Parts of the last chunk: an empty text, signed after reasoning without a call."""
    part: Json = {"text": ""}
    if _thinks(reply) and not reply.calls and Quirk.SIGNED_TEXT not in reply.quirks:
        part["thoughtSignature"] = ask.seal("text", "")
    return [part]


def _thinks(reply: Reply) -> bool:
    return any(isinstance(step, Reasoning) and step.signed for step in reply.steps)


def _response(reply: Reply, ask: Ask, parts: list[Json], output_tokens: int, *, last: bool = False) -> Json:
    candidate: Json = {"content": {"parts": parts, "role": "model"}, "index": 0}
    if last:
        ends = reply.ends
        candidate["finishReason"] = FINISHES[Finish(ends)] if ends in FINISHES else ends
        candidate |= _sources(reply)
    response: Json = {"candidates": [candidate]}
    if Quirk.NO_USAGE not in reply.quirks:
        response["usageMetadata"] = usage(reply, output_tokens)
    return response | {"modelVersion": ask.model, "responseId": ask.word("id")}


def _sources(reply: Reply) -> Json:
    cited = [step for step in reply.steps if isinstance(step, Citation)]
    asked = [step.query for step in reply.steps if isinstance(step, Search)]
    if not cited and not asked:
        return {}
    chunks = [{"web": {"uri": step.url, "title": step.title}} for step in cited]
    supports = [
        {"segment": {"endIndex": len(reply.words), "text": reply.words}, "groundingChunkIndices": [number]}
        for number in range(len(cited))
    ]
    metadata: Json = {"groundingChunks": chunks, "groundingSupports": supports}
    if asked:
        metadata |= {"webSearchQueries": asked, "searchEntryPoint": {"renderedContent": "<div>\u2026</div>"}}
    return {"groundingMetadata": metadata}


def _blocked(reply: Reply, ask: Ask) -> Json:
    counted: Json = {"promptTokenCount": reply.usage.input, "totalTokenCount": reply.usage.input}
    feedback = {"blockReason": "PROHIBITED_CONTENT"}
    return {"promptFeedback": feedback, "usageMetadata": counted, "modelVersion": ask.model}


def _error(event: ErrorEvent, ask: Ask) -> Item:
    body = error_body(ask.origin.protocol, event.status, message=event.message)
    if event.form == "bare":
        return Frame("error", compact(body))
    if event.form == "nested":
        return Raw(compact(body).encode() + b"\n\n")
    return Frame(None, compact(body))
