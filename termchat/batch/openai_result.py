"""Lines of results in OpenAI's batch format, for programs that read it.

Source: https://developers.openai.com/api/docs/guides/batch (`id`, `custom_id`, `response`, `error`)
"""

from __future__ import annotations

import json
from typing import Any

from termchat.batch.batch_result import as_line
from termchat.batch.items import BatchItem
from termchat.batch.rows import RowFormat
from termchat.core.outcomes import FinishReason, Outcome

_FINISH = {
    FinishReason.LENGTH: "length",
    FinishReason.CONTEXT_FULL: "length",
    FinishReason.FILTER: "content_filter",
    FinishReason.REFUSAL: "content_filter",
}


def openai_result_line(item: BatchItem, kept: str) -> bytes:
    """Return the line of an item: a response for a reply that has ended, else an error."""
    end: dict[str, Any] = json.loads(kept)
    ended = end["outcome"] in (Outcome.COMPLETE, Outcome.LENGTH, Outcome.REFUSED, Outcome.FILTERED)
    ended = ended and end["error"] is None
    body = (_response if item.format is RowFormat.RESPONSES else _chat_completion)(item, end)
    error = end["error"] or {"kind": end["outcome"], "message": f"The reply is incomplete: {end['outcome']}."}
    return as_line(
        {
            **item.fields,
            "id": f"batch_req_{item.digest[:24]}",
            "custom_id": item.id,
            "response": {"status_code": 200, "request_id": end["reply_id"], "body": body} if ended else None,
            "error": None if ended else {"code": error["kind"], "message": error["message"]},
        }
    )


def _chat_completion(item: BatchItem, end: dict[str, Any]) -> dict[str, Any]:
    usage = end["usage"]
    finish = end["finish_reason"]
    refused = end["outcome"] == Outcome.REFUSED
    return {
        "id": end["reply_id"] or f"chatcmpl-{item.digest[:24]}",
        "object": "chat.completion",
        "created": 0,
        "model": item.model.model,
        "choices": [
            {
                "index": 0,
                "message": {
                    "role": "assistant",
                    "content": None if refused else end["text"],
                    "refusal": end["text"] if refused else None,
                },
                "logprobs": None,
                "finish_reason": _FINISH.get(FinishReason(finish), "stop") if finish else "stop",
            }
        ],
        "usage": {
            "prompt_tokens": usage["input"],
            "completion_tokens": usage["output"],
            "total_tokens": usage["input"] + usage["output"],
            "prompt_tokens_details": {"cached_tokens": usage["cached"]},
            "completion_tokens_details": {"reasoning_tokens": usage["reasoning"]},
        },
    }


def _response(item: BatchItem, end: dict[str, Any]) -> dict[str, Any]:
    usage = end["usage"]
    refused = end["outcome"] == Outcome.REFUSED
    part: dict[str, Any] = (
        {"type": "refusal", "refusal": end["text"]}
        if refused
        else {"type": "output_text", "text": end["text"], "annotations": []}
    )
    cut = {Outcome.LENGTH: "max_output_tokens", Outcome.FILTERED: "content_filter"}.get(end["outcome"])
    return {
        "id": end["reply_id"] or f"resp_{item.digest[:24]}",
        "object": "response",
        "created_at": 0,
        "model": item.model.model,
        "status": "incomplete" if cut else "completed",
        "incomplete_details": {"reason": cut} if cut else None,
        "error": None,
        "output": [
            {
                "id": f"msg_{item.digest[:24]}",
                "type": "message",
                "role": "assistant",
                "status": "incomplete" if cut else "completed",
                "content": [part],
            }
        ],
        "usage": {
            "input_tokens": usage["input"],
            "input_tokens_details": {"cached_tokens": usage["cached"]},
            "output_tokens": usage["output"],
            "output_tokens_details": {"reasoning_tokens": usage["reasoning"]},
            "total_tokens": usage["input"] + usage["output"],
        },
    }
