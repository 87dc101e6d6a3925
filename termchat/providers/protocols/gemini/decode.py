"""Decode Gemini chunks into deltas. Each chunk is a whole response; gateways use camelCase or snake_case names.

Source: https://ai.google.dev/api/generate-content
"""

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
    HeldFinish,
    NewId,
    PartNumbers,
    ServerError,
    as_cost,
    as_count,
    as_list,
    as_object,
    as_text,
    as_tier,
    is_object,
    new_call_id,
    unsupported_part,
)

_UNSPECIFIED = ("", "FINISH_REASON_UNSPECIFIED")


class GeminiDecoder(HeldFinish):
    """Decoder of one reply of `streamGenerateContent`."""

    def __init__(self, *, new_id: NewId = new_call_id) -> None:
        super().__init__()
        self._new_id = new_id
        self._parts = PartNumbers()
        self._open_part: tuple[type[TextDelta | ReasoningDelta], int] | None = None
        self._last_text: int | None = None  # the last text part, which gets the citations
        self._calls = 0
        self._queries: dict[str, None] = {}
        self._others: list[dict[str, Any]] = []  # candidates other than 0, decoded at the end if there is no 0

    def decode_event(self, name: str, data: dict[str, Any]) -> Iterator[Delta]:
        if data.get("error"):
            raise ServerError(data)
        for candidate in map(as_object, as_list(data.get("candidates"))):
            if as_count(candidate.get("index")):
                self._others.append(candidate)
            else:
                yield from self._candidate(candidate)
        usage = _get(data, "usageMetadata")
        if is_object(usage):
            yield UsageDelta(_usage(usage))
        feedback = as_object(_get(data, "promptFeedback"))
        blocked = as_text(_get(feedback, "blockReason"))
        if blocked:
            why = as_text(_get(feedback, "blockReasonMessage")) or _categories(feedback)
            self._note_finish(blocked, why, FinishReason.FILTER)

    def end(self) -> Iterator[Delta]:
        yield from self.held()
        yield from super().end()

    def held(self) -> Iterator[Delta]:
        """Yield the first of the other candidates, if there is no candidate 0."""
        if not self._has_content and self._others:
            first = self._others[0].get("index")
            for candidate in self._others:
                if candidate.get("index") == first:
                    yield from self._candidate(candidate)

    def _candidate(self, candidate: dict[str, Any]) -> Iterator[Delta]:
        alone = True
        for part in as_list(as_object(candidate.get("content")).get("parts")):
            for delta in self._part(as_object(part)):
                alone = False
                self._note_content()
                yield delta
        self._search(candidate)
        yield from self._citations(candidate)
        word = as_text(_get(candidate, "finishReason"))
        if word not in _UNSPECIFIED:
            why = as_text(_get(candidate, "finishMessage")) or _categories(candidate)
            self._note_finish(word, why, alone=alone)

    def decode_response(self, data: dict[str, Any]) -> Iterator[Delta]:
        yield from self.decode_event("", data)

    def _part(self, part: dict[str, Any]) -> Iterator[Delta]:
        signature = _base64(_get(part, "thoughtSignature"))
        provider_data: dict[str, Json] = {"thought_signature": signature} if signature else {}
        call = _get(part, "functionCall")
        if is_object(call):
            yield self._call(call, provider_data)
            return
        data = as_object(_get(part, "inlineData") or _get(part, "fileData"))
        if data:
            yield unsupported_part(as_text(_get(data, "mimeType")))
        if "text" not in part and not provider_data:
            return
        kind = ReasoningDelta if part.get("thought") else TextDelta
        text = as_text(part.get("text"))
        if provider_data:  # a signed part is sent back on its own
            self._open_part = None
            yield kind(self._parts.next(), text, provider_data=provider_data)
        elif text:
            if self._open_part is None or self._open_part[0] is not kind:
                self._open_part = (kind, self._parts.next())
            if kind is TextDelta:
                self._last_text = self._open_part[1]
            yield kind(self._open_part[1], text)

    def _call(self, call: dict[str, Any], provider_data: dict[str, Json]) -> ToolCallDelta:
        self._open_part = None
        self._calls += 1
        args = call.get("args")
        server_id = str(call.get("id") or "")
        if server_id:
            provider_data = {**provider_data, "id": True}  # only an id from the server is sent back
        return ToolCallDelta(
            self._parts.next(),
            server_id or self._new_id(),
            as_text(call.get("name")),
            args if isinstance(args, str) else json.dumps(args or {}, ensure_ascii=False),
            complete=True,
            provider_data=provider_data or None,
        )

    def _search(self, candidate: dict[str, Any]) -> None:
        """Collect the search queries, which arrive with any chunk."""
        queries = as_list(_get(as_object(_get(candidate, "groundingMetadata")), "webSearchQueries"))
        self._queries.update((as_text(query), None) for query in queries if as_text(query))

    def _citations(self, candidate: dict[str, Any]) -> Iterator[Delta]:
        cited = as_object(_get(candidate, "citationMetadata"))
        chunks = as_list(_get(as_object(_get(candidate, "groundingMetadata")), "groundingChunks"))
        sources = as_list(_get(cited, "citationSources")) + as_list(cited.get("citations"))
        for source in sources + [as_object(chunk).get("web") for chunk in chunks]:
            source = as_object(source)
            url = as_text(source.get("uri"))
            if url:
                index = self._parts.next() if self._last_text is None else self._last_text
                yield CitationDelta(index, Citation(url, as_text(source.get("title"))))

    def _last_deltas(self, reason: FinishReason) -> Iterator[Delta]:
        if self._queries:
            yield SearchDelta(self._parts.next(), tuple(self._queries))

    def _final_reason(self, reason: FinishReason) -> FinishReason:
        return FinishReason.TOOL_CALLS if reason is FinishReason.STOP and self._calls else reason


def _categories(data: dict[str, Any]) -> str:
    """Return the categories for which a filter has blocked a question or an answer."""
    ratings = [as_object(rating) for rating in as_list(_get(data, "safetyRatings"))]
    found = [as_text(rating.get("category")) for rating in ratings if rating.get("blocked")]
    return ", ".join(name.removeprefix("HARM_CATEGORY_").replace("_", " ").lower() for name in found)


def _get(data: dict[str, Any], name: str) -> Any:
    """Return a field by its camelCase name, or by the same name in snake_case."""
    return data[name] if name in data else data.get(re.sub("[A-Z]", lambda m: "_" + m[0].lower(), name))


def _base64(value: Any) -> str:
    """Return a signature in standard base64, "" for an invalid one. Servers also send the URL-safe alphabet."""
    try:
        raw = urlsafe_b64decode(as_text(value).replace("+", "-").replace("/", "_") + "==")
    except (Base64Error, ValueError):
        return ""
    return b64encode(raw).decode()


def _usage(data: dict[str, Any]) -> Usage:
    def count(name: str) -> int:
        return as_count(_get(data, name))

    sent = count("promptTokenCount") + count("toolUsePromptTokenCount")
    answer, thoughts = count("candidatesTokenCount"), count("thoughtsTokenCount")
    inside = count("totalTokenCount") == sent + answer  # some gateways count the thoughts in the answer
    return Usage(
        input=sent,
        output=answer if inside else answer + thoughts,
        cached=count("cachedContentTokenCount"),
        reasoning=thoughts,
        cost=as_cost(data.get("cost")),
        tier=as_tier(_get(data, "serviceTier")),
    )
