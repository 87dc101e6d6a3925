"""Decode Gemini chunks into deltas. Each chunk is a whole response; gateways use camelCase or snake_case names."""

from __future__ import annotations

import json
import re
from base64 import b64encode, urlsafe_b64decode
from binascii import Error as Base64Error
from collections.abc import Iterator
from typing import Any

from termchat.core.events import (
    CitationDelta,
    Delta,
    Finished,
    ReasoningDelta,
    SearchDelta,
    TextDelta,
    ToolCallDelta,
    UsageDelta,
)
from termchat.core.messages import Citation, Json
from termchat.core.outcomes import FinishReason
from termchat.core.usage import Usage
from termchat.providers.decoder import (
    NewId,
    PartNumbers,
    ServerError,
    as_count,
    as_list,
    as_object,
    as_text,
    is_object,
    new_call_id,
)

_FINISH = {
    "STOP": FinishReason.STOP,
    "MAX_TOKENS": FinishReason.LENGTH,
    "CONTINUATION": FinishReason.PAUSED,
    "MISSING_THOUGHT_SIGNATURE": FinishReason.HISTORY_INVALID,
    **dict.fromkeys(
        ("SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "LANGUAGE", "MODEL_ARMOR", "ESCALATION"),
        FinishReason.FILTER,
    ),
    **dict.fromkeys(
        ("MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "TOO_MANY_TOOL_CALLS", "MALFORMED_RESPONSE"),
        FinishReason.MALFORMED_TOOL,
    ),
    **dict.fromkeys(("OTHER", "FINISH_REASON_UNSPECIFIED", "NO_IMAGE", "PUP_LIMITED_DISABLED"), FinishReason.ERROR),
}
_UNSPECIFIED = ("", "FINISH_REASON_UNSPECIFIED")


class GeminiDecoder:
    """One reply over `streamGenerateContent`."""

    def __init__(self, *, new_id: NewId = new_call_id) -> None:
        self.finished = False
        self.closed = False
        self._new_id = new_id
        self._indices = PartNumbers()
        self._speaking: tuple[type[TextDelta | ReasoningDelta], int] | None = None
        self._said: int | None = None  # the last part of words, which the sources are for
        self._calls = 0
        self._asked: dict[str, None] = {}

    def decode_event(self, name: str, data: dict[str, Any]) -> Iterator[Delta]:
        if data.get("error"):
            raise ServerError(data)
        candidate = as_object(next(iter(as_list(data.get("candidates"))), None))
        content = as_object(candidate.get("content"))
        for part in as_list(content.get("parts")):
            yield from self._part(as_object(part))
        yield from self._searched(candidate)
        yield from self._citations(candidate)
        usage = _get(data, "usageMetadata")
        if is_object(usage):
            yield UsageDelta(_usage(usage))
        yield from self._finish(data, candidate)

    def decode_response(self, data: dict[str, Any]) -> Iterator[Delta]:
        yield from self.decode_event("", data)

    def _part(self, part: dict[str, Any]) -> Iterator[Delta]:
        signature = _base64(_get(part, "thoughtSignature"))
        extra: dict[str, Json] = {"thought_signature": signature} if signature else {}
        call = _get(part, "functionCall")
        if is_object(call):
            yield self._call(call, extra)
            return
        if "text" not in part and not extra:
            return
        kind = ReasoningDelta if part.get("thought") else TextDelta
        text = as_text(part.get("text"))
        if extra:  # a signed part stays by itself
            self._speaking = None
            yield kind(self._indices.next(), text, provider_data=extra)
        elif text:
            if self._speaking is None or self._speaking[0] is not kind:
                self._speaking = (kind, self._indices.next())
            if kind is TextDelta:
                self._said = self._speaking[1]
            yield kind(self._speaking[1], text)

    def _call(self, call: dict[str, Any], extra: dict[str, Json]) -> ToolCallDelta:
        self._speaking = None
        self._calls += 1
        args = call.get("args")
        given = str(call.get("id") or "")
        if given:
            extra = {**extra, "id": True}  # the server's own id goes back with the call; one of ours does not
        return ToolCallDelta(
            self._indices.next(),
            given or self._new_id(),
            as_text(call.get("name")),
            args if isinstance(args, str) else json.dumps(args or {}, ensure_ascii=False),
            complete=True,
            provider_data=extra or None,
        )

    def _searched(self, candidate: dict[str, Any]) -> Iterator[Delta]:
        """What Google was asked: it tells in the midst of the words, it is said behind them, and is not told again."""
        asked = as_list(_get(as_object(_get(candidate, "groundingMetadata")), "webSearchQueries"))
        self._asked.update((as_text(query), None) for query in asked if as_text(query))
        if self._asked and as_text(_get(candidate, "finishReason")) not in _UNSPECIFIED and not self.finished:
            yield SearchDelta(self._indices.next(), tuple(self._asked))

    def _citations(self, candidate: dict[str, Any]) -> Iterator[Delta]:
        cited = as_object(_get(candidate, "citationMetadata"))
        chunks = as_list(_get(as_object(_get(candidate, "groundingMetadata")), "groundingChunks"))
        sources = as_list(_get(cited, "citationSources")) + as_list(cited.get("citations"))
        for source in sources + [as_object(chunk).get("web") for chunk in chunks]:
            source = as_object(source)
            url = as_text(source.get("uri"))
            if url:
                index = self._indices.next() if self._said is None else self._said
                yield CitationDelta(index, Citation(url, as_text(source.get("title"))))

    def _finish(self, data: dict[str, Any], candidate: dict[str, Any]) -> Iterator[Delta]:
        raw = as_text(_get(candidate, "finishReason"))
        feedback = as_object(_get(data, "promptFeedback"))
        blocked = as_text(_get(feedback, "blockReason"))
        if self.finished or (raw in _UNSPECIFIED and not blocked):
            return
        self.finished = True
        if blocked:
            yield Finished(FinishReason.FILTER, blocked, as_text(_get(feedback, "blockReasonMessage")))
            return
        reason = _FINISH.get(raw, FinishReason.FILTER if raw.startswith("IMAGE_") else FinishReason.OTHER)
        reason = FinishReason.TOOL_CALLS if reason is FinishReason.STOP and self._calls else reason
        yield Finished(reason, raw, as_text(_get(candidate, "finishMessage")))


def _get(data: dict[str, Any], name: str) -> Any:
    """A field by its name, or by the same name in snake case."""
    return data[name] if name in data else data.get(re.sub("[A-Z]", lambda m: "_" + m[0].lower(), name))


def _base64(value: Any) -> str:
    """A signature in plain base64; servers send either alphabet. "" for what is no signature."""
    try:
        raw = urlsafe_b64decode(as_text(value).replace("+", "-").replace("/", "_") + "==")
    except (Base64Error, ValueError):
        return ""
    return b64encode(raw).decode()


def _usage(data: dict[str, Any]) -> Usage:
    def count(name: str) -> int:
        return as_count(_get(data, name))

    thoughts = count("thoughtsTokenCount")
    return Usage(
        input=count("promptTokenCount") + count("toolUsePromptTokenCount"),
        output=count("candidatesTokenCount") + thoughts,
        cached=count("cachedContentTokenCount"),
        reasoning=thoughts,
    )
