"""Tool calls of Chat Completions, in all variants of servers."""

from __future__ import annotations

from typing import Any

from tests.gateway.quirks import Quirk
from tests.gateway.render.frames import Ask, Json
from tests.gateway.script import Call, Piece, Reply


def call_deltas(piece: Piece, reply: Reply, ask: Ask) -> list[Json]:
    """The `delta` objects for one fragment of a call."""
    call, quirks = piece.step, reply.quirks
    assert isinstance(call, Call)
    if Quirk.CALL_LEGACY in quirks:
        named = {"name": call.name} if piece.first else {}
        return [{"function_call": named | {"arguments": piece.chunk}}]
    if Quirk.CALL_DICT_ARGUMENTS in quirks and not piece.first:
        return []
    rows = [{"tool_calls": [_fragment(piece, call, reply, ask)]}]
    if piece.first and Quirk.CALL_NULL_FUNCTION in quirks:
        rows.append({"tool_calls": [_index(piece, reply) | {"function": None}]})
    return rows


def whole_calls(reply: Reply, ask: Ask) -> list[Json]:
    """The calls of a reply that is one body."""
    return [
        {
            "id": ask.call_id(call, number, "call_"),
            "type": "function",
            "function": {"name": call.name, "arguments": call.raw},
        }
        for number, call in _numbered(reply)
    ]


def _fragment(piece: Piece, call: Call, reply: Reply, ask: Ask) -> Json:
    quirks = reply.quirks
    fragment = _index(piece, reply) | _identity(piece, call, reply, ask)
    if piece.first:
        fragment["type"] = "function"
        if Quirk.CALL_SIGNED in quirks:
            signature = ask.seal("call", [call.name, call.value], piece.number)
            fragment["extra_content"] = {"google": {"thought_signature": signature}}
    fragment["function"] = _name(piece, call, quirks) | {"arguments": _arguments(piece, call, quirks)}
    return fragment


def _index(piece: Piece, reply: Reply) -> Json:
    """The `index` field, or its replacement under a quirk."""
    number = sum(isinstance(step, Call) for step in reply.steps[: piece.number])
    if Quirk.CALL_NO_INDEX in reply.quirks:
        return {}
    if Quirk.CALL_NULL_INDEX in reply.quirks:
        return {"index": None}
    if Quirk.CALL_TEXT_INDEX in reply.quirks:
        return {"index": str(number)}
    return {"index": 0 if Quirk.CALL_SAME_INDEX in reply.quirks else number}


def _identity(piece: Piece, call: Call, reply: Reply, ask: Ask) -> Json:
    if not piece.first:
        return {"id": ""} if Quirk.CALL_ID_BLANK in reply.quirks else {}
    if Quirk.CALL_ID_NUMBER in reply.quirks:
        return {"id": 4000 + piece.number}
    known = ask.call_id(call, piece.number, "call_")
    return {} if known is None else {"id": known}


def _name(piece: Piece, call: Call, quirks: frozenset[Quirk]) -> Json:
    if piece.first or Quirk.CALL_NAME_REPEATED in quirks:
        return {"name": call.name}
    return {"name": ""} if Quirk.CALL_NAME_BLANK in quirks else {}


def _arguments(piece: Piece, call: Call, quirks: frozenset[Quirk]) -> Any:
    if Quirk.CALL_DICT_ARGUMENTS in quirks:
        return call.value
    if Quirk.CALL_NULL_ARGUMENTS in quirks and piece.first and not piece.chunk:
        return None
    return piece.chunk


def _numbered(reply: Reply) -> list[tuple[int, Call]]:
    """The calls with the numbers of their steps, from which their ids derive."""
    return [(number, step) for number, step in enumerate(reply.steps) if isinstance(step, Call)]
