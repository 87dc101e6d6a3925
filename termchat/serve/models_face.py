"""The list of models, in the shape of OpenAI's dialects or of Anthropic's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC
from typing import Any

from termchat.core.models import ModelInfo
from termchat.core.numbers import moment


def openai_models(models: Sequence[ModelInfo]) -> Mapping[str, Any]:
    """Return a list of models (https://platform.openai.com/docs/api-reference/models)."""
    return {"object": "list", "data": [openai_model(info) for info in models]}


def openai_model(info: ModelInfo) -> Mapping[str, Any]:
    """Return one model; what is not known is left out."""
    limits = {"context_length": info.context, "max_output_tokens": info.max_output}
    return {
        "id": str(info.ref), "object": "model", "created": info.created or 0, "owned_by": info.ref.provider,
        **{name: value for name, value in limits.items() if value},
    }  # fmt: skip


def anthropic_models(models: Sequence[ModelInfo]) -> Mapping[str, Any]:
    """Return a list of models (https://docs.anthropic.com/en/api/models-list)."""
    rows = [anthropic_model(info) for info in models]
    ids = [row["id"] for row in rows]
    return {"data": rows, "has_more": False, "first_id": next(iter(ids), None), "last_id": ids[-1] if ids else None}


def anthropic_model(info: ModelInfo) -> Mapping[str, Any]:
    """Return one model."""
    created = moment(info.created or 0, UTC).isoformat().replace("+00:00", "Z")
    return {"type": "model", "id": str(info.ref), "display_name": info.title or str(info.ref), "created_at": created}
