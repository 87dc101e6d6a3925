"""Golden texts: files beside the tests hold the expected text; `--update-golden` rewrites them.

Ids and signatures differ from run to run; `Names` gives them names by the order in which they appear.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from termchat.core.events import (
    ApprovalAnswered,
    ApprovalAsked,
    CitationDelta,
    Delta,
    Event,
    Finished,
    MessageDone,
    Notice,
    ProviderNotice,
    ReasoningDelta,
    RequestAccepted,
    Retrying,
    SearchDelta,
    StepCounted,
    StepStarted,
    Streamed,
    TextBecameReasoning,
    TextDelta,
    ToolCallDelta,
    ToolFinished,
    ToolProgress,
    ToolStarted,
    TurnEnded,
    TurnStarted,
    UsageDelta,
)
from termchat.core.messages import File, Image, Part, Reasoning, Search, Text, ToolCall, ToolResult
from termchat.core.usage import Usage
from tests.gateway.signatures import DUMMY, unseal

_ID = re.compile(r"\b(?:call_|toolu_|srvtoolu_|rs_|fc_|msg_|ws_)?[0-9a-f]{24,}(?:[rp][0-9a-f]{2})?\b")
_SEAL = re.compile(r"[A-Za-z0-9+/_-]{60,}={0,2}")


def check(file: Path, text: str, *, update: bool) -> None:
    """The text is what the file says; with `update` the file is made to say it."""
    if update:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    assert file.exists(), f"{file.name} is not there: run pytest with --update-golden and read what it wrote"
    assert text == file.read_text(encoding="utf-8")


@dataclass
class Names:
    """Names for what a server made up: `id1`, `id2` ..., and for a signature who gave it and for what."""

    ids: dict[str, str] = field(default_factory=dict[str, str])

    def __call__(self, text: str) -> str:
        text = _SEAL.sub(self._seal, text)
        return _ID.sub(lambda found: self.ids.setdefault(found[0], f"id{len(self.ids) + 1}"), text)

    def _seal(self, found: re.Match[str]) -> str:
        seal = unseal(found[0])
        return f"<{seal.kind} by {seal.origin.model}>" if seal else found[0]


class Bodies:
    """Request bodies as text: each field a line, each turn a line, what is as in the request before left out."""

    def __init__(self, names: Names) -> None:
        self._names = names
        self._before: dict[str, dict[str, Any]] = {}

    def __call__(self, path: str, body: dict[str, Any]) -> str:
        before, self._before[path] = self._before.get(path, {}), body
        same = [name for name in body if name not in _TURNS and before.get(name) == body[name]]
        lines = [f"{name}: {_json(value)}" for name, value in body.items() if name not in (*same, *_TURNS)]
        lines += [f"as before: {', '.join(same)}"] if same else []
        for name in _TURNS & body.keys():
            told = before.get(name, [])
            kept = next((n for n, (old, new) in enumerate(zip(told, body[name])) if old != new), len(told))  # noqa: B905
            lines += [f"{name}: {kept} as before"] if kept else [f"{name}:"]
            lines += [f"  {_json(turn)}" for turn in body[name][kept:]]
        return self._names("\n".join(lines)).replace(_json(_base64(DUMMY)), '"<the stand-in>"')


_TURNS = {"messages", "input", "contents"}


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def line(event: Event, names: Names) -> str:
    """An event as one line; what depends on the clock is left out."""
    return names(_line(event))


def _line(event: Event) -> str:
    match event:
        case TurnStarted():
            return f"turn {event.model}"
        case StepStarted():
            return f"step {event.step}"
        case Streamed():
            return delta(event.delta)
        case ToolStarted():
            return f"run {event.call.id} {event.call.name} {event.call.arguments}"
        case ApprovalAsked():
            return f"ask {event.request.call.id} {event.request.call.name}: {event.request.preview}"
        case ApprovalAnswered():
            return f"answer {event.request.call.id}: {event.decision}"
        case ToolProgress():
            return f"output {event.call.id}: {event.text!r}"
        case ToolFinished():
            return f"ran {event.call.id}: {part(event.result)}"
        case MessageDone():
            message = event.message
            by = f" by {message.origin.ref}" if message.origin else ""
            outcome = f" {message.outcome}" if message.outcome else ""
            counted = f" {usage(message.usage)}" if message.usage else ""
            return f"message of {message.role}{by}{outcome}{counted}: " + " | ".join(map(part, message.parts))
        case StepCounted():
            counts = [f"{r.origin.ref} {usage(r.usage) if r.usage else 'unknown'}" for r in event.requests]
            return f"counted {', '.join(counts)}"
        case Notice():
            return f"notice {event.words}"
        case TurnEnded():
            why = f" ({event.failure.kind}: {event.failure.message})" if event.failure else ""
            finish = f" {event.finish}" if event.finish else ""
            return f"end {event.outcome}{finish}{why}, {event.steps} steps, {usage(event.usage)}, cost {event.cost}"


def delta(delta: Delta) -> str:
    """A delta as one line."""
    match delta:
        case TextDelta():
            return f"text {delta.index} {delta.text!r}{_extra(delta.provider_data)}"
        case TextBecameReasoning():
            return f"text {delta.index} became reasoning"
        case ReasoningDelta():
            return f"reasoning {delta.index} {delta.text!r}{' redacted' * delta.redacted}{_extra(delta.provider_data)}"
        case ToolCallDelta():
            named = "".join(f" {value}" for value in (delta.id, delta.name) if value)
            done = " done" * delta.complete
            return f"call {delta.index}{named} {delta.arguments!r}{done}{_extra(delta.provider_data)}"
        case SearchDelta():
            return f"search {delta.index} {list(delta.queries)}{_extra(delta.provider_data)}"
        case CitationDelta():
            return f"source {delta.index} {delta.citation.url} {delta.citation.title!r}"
        case UsageDelta():
            return usage(delta.usage)
        case Finished():
            return f"finished {delta.reason} ({delta.raw}{': ' * bool(delta.why)}{delta.why})"
        case Retrying():
            return f"retrying {delta.attempt}/{delta.tries}: {delta.failure.message}"
        case RequestAccepted():
            return f"accepted by {delta.origin.ref}"
        case ProviderNotice():
            return f"adapted: {delta.words}"


def part(part: Part) -> str:
    match part:
        case Text():
            sources = "".join(f" [{citation.url}]" for citation in part.citations)
            return f"text {part.text!r}{sources}{_extra(part.provider_data)}"
        case Reasoning():
            return f"reasoning {part.text!r}{' redacted' * part.redacted}{_extra(part.provider_data)}"
        case Search():
            return f"search {list(part.queries)}{_extra(part.provider_data)}"
        case ToolCall():
            return (
                f"call {part.id} {part.name} {part.arguments}{' cut' * (not part.complete)}{_extra(part.provider_data)}"
            )
        case ToolResult():
            return f"{'error' if part.is_error else 'result'} {part.call_id} {part.text!r}"
        case Image() | File():
            return part.mime


def usage(usage: Usage) -> str:
    fields = ("cached", "cache_write", "reasoning")
    inside = "".join(f" {name} {getattr(usage, name)}" for name in fields if getattr(usage, name))
    return f"usage {usage.input} in {usage.output} out{inside}{' estimated' * usage.estimated}"


def _extra(extra: Any) -> str:
    shown = {name: value for name, value in extra.items() if name != "prefix"} if extra else None
    return f" {json.dumps(shown, ensure_ascii=False)}" if shown else ""


def _base64(data: bytes) -> str:
    from base64 import b64encode

    return b64encode(data).decode()
