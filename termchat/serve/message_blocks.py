"""Blocks of the Messages dialect as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, cast

from termchat.serve.pieces import PartKind, Piece


def block_json(piece: Piece) -> dict[str, Any]:
    """Return the empty block that a piece begins."""
    match piece.kind:
        case PartKind.TEXT:
            return {"type": "text", "text": ""}
        case PartKind.REASONING:
            return {"type": "thinking", "thinking": "", "signature": ""}
        case PartKind.CALL | PartKind.ARGUMENTS | PartKind.CALL_END:
            return {"type": "tool_use", "id": piece.id, "name": piece.name, "input": {}}


def delta_json(piece: Piece) -> dict[str, Any] | None:
    """Return what a piece adds to its block, None for nothing."""
    match piece.kind:
        case PartKind.TEXT:
            return {"type": "text_delta", "text": piece.text}
        case PartKind.REASONING:
            return {"type": "thinking_delta", "thinking": piece.text}
        case PartKind.ARGUMENTS:
            return {"type": "input_json_delta", "partial_json": piece.text}
        case PartKind.CALL | PartKind.CALL_END:
            return None


def input_object(arguments: str) -> Mapping[str, Any]:
    """Return the arguments of a call as an object; those that are no JSON object are under the name `arguments`."""
    try:
        value: object = json.loads(arguments)
    except (ValueError, RecursionError):
        return {"arguments": arguments}
    return cast("Mapping[str, Any]", value) if isinstance(value, dict) else {"arguments": value}


def compact_json(value: Mapping[str, Any]) -> str:
    """Return an object as JSON text, as vendors write the arguments of a call."""
    return json.dumps(value, ensure_ascii=False)
