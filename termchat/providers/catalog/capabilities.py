"""Unsupported parameters by model, from `quirks.toml`, and requests without them."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

from termchat.core.errors import Failure
from termchat.core.messages import File, Image, Message, Origin, Part, Text, ToolResult, user_message
from termchat.core.provider import Effort, Params, Request
from termchat.core.sanitize import EMPTY, Safe, join, safe_format, safe_line
from termchat.providers.decoder import as_count, as_list, as_object
from termchat.providers.reply_schema import as_instructions

_FILE = Path(__file__).with_name("quirks.toml")
_BLANK = Params()
_TAIL = 200  # characters of a truncated reply that are quoted in the request to continue it
_CONTINUE_PROMPT = (
    "Your last reply was cut off. Continue it from exactly where it stopped, in the middle of a word if need be: no "
    "introduction, and nothing of it again. It ended with these words:\n\n{tail}"
)
_NAMES = {
    "tools": "tools together with a reply schema or web search",
    "search": "web search",
    "top_p": "top-p",
    "think": "reasoning effort",
    "stop": "stop sequences",
    "blank_stops": "blank stop sequences",
    "many_stops": "stop sequences above its limit",
}
# Phrases with which servers reject a parameter.
_REFUSAL = re.compile(
    r"unsupported|not support|unknown|unrecognized|unexpected|not permitted|not allowed|deprecated|extra input"
    r"|does not match any of the expected|not (a )?valid (parameter|field)|cannot find field|does not (take|accept)",
    re.IGNORECASE,
)
# The names that servers use for a parameter, by its name in `Params`.
_SERVER_NAMES = {
    "temperature": r"\btemperature\b",
    "top_p": r"\btop_?p\b",
    "stop": r"\bstop(_?sequences)?\b",
    "seed": r"\bseed\b",
    "schema": r"response_?format|json_?schema|response_?schema|output_config|output_format|text\.format",
    "search": r"web_?search|google_?search|plugins",
    "think": r"\breasoning(_effort|\.effort)?\b|\bthinking\b|thinking_?config|\beffort\b",
}


@dataclass(frozen=True, slots=True)
class QuirkRow:
    """One row of `quirks.toml`, whose head documents the fields; an empty tuple of names matches every name.

    stops   the maximum number of stop sequences, 0 for no maximum
    """

    providers: tuple[str, ...]
    protocols: tuple[str, ...]
    models: tuple[str, ...]
    without: frozenset[str]
    without_thinking: frozenset[str]
    without_searching: frozenset[str]
    takes: frozenset[str]
    stops: int
    quirks: frozenset[str]

    def matches(self, origin: Origin) -> bool:
        """Return True if the row applies to a model."""
        name = origin.model.rpartition("/")[2].lower()
        return (
            (not self.providers or origin.provider in self.providers)
            and (not self.protocols or origin.protocol.value in self.protocols)
            and (not self.models or any(fnmatchcase(name, pattern) for pattern in self.models))
        )


@cache
def rows() -> tuple[QuirkRow, ...]:
    """Return the rows of `quirks.toml`."""
    table = tomllib.loads(_FILE.read_text(encoding="utf-8"))
    return tuple(_row(as_object(row)) for row in as_list(table.get("row")))


def _row(row: Mapping[str, Any]) -> QuirkRow:
    def words(name: str) -> tuple[str, ...]:
        return tuple(str(word) for word in as_list(row.get(name)))

    return QuirkRow(
        words("providers"),
        words("protocols"),
        words("models"),
        frozenset(words("without")),
        frozenset(words("without_thinking")),
        frozenset(words("without_searching")),
        frozenset(words("takes")),
        as_count(row.get("stops")),
        frozenset(words("quirks")),
    )


def unsupported_params(origin: Origin, params: Params = _BLANK) -> frozenset[str]:
    """Return the names of the parameters that a model rejects, alone or in combination with `params`.

    Besides the fields of `Params`, the names are `images` and `files`.
    """
    matching = [row for row in rows() if row.matches(origin)]
    names = {name for row in matching for name in row.without} - {name for row in matching for name in row.takes}
    if params.think not in (None, Effort.OFF):
        names |= {name for row in matching for name in row.without_thinking}
    if params.search and "search" not in names:
        names |= {name for row in matching for name in row.without_searching}
    return frozenset(names)


def quirks(origin: Origin) -> frozenset[str]:
    """Return the quirks of a model and its server from `quirks.toml`; `ProviderConfig.quirks` are not included."""
    return frozenset(word for row in rows() if row.matches(origin) for word in row.quirks)


def with_continuation(request: Request, origin: Origin) -> Request:
    """Prepare a request that ends with a truncated reply, so that the model continues it.

    With the quirk `prefill` the reply stays last, without trailing whitespace, which Anthropic rejects. Any other
    model gets a user message that asks for the continuation.
    """
    last = request.messages[-1] if request.messages else None
    if last is None or not last.can_continue or last.calls:
        return request
    if "prefill" in quirks(origin):
        *before, end = last.parts
        end = replace(end, text=end.text.rstrip()) if isinstance(end, Text) else end
        return replace(request, messages=(*request.messages[:-1], replace(last, parts=(*before, end))))
    prompt = _CONTINUE_PROMPT.format(tail=last.text[-_TAIL:])
    return replace(request, messages=(*request.messages, user_message(prompt)))


def drop_unsupported(
    request: Request, origin: Origin, rejected: frozenset[str] = frozenset()
) -> tuple[Request, tuple[str, ...]]:
    """Return the request without the parameters a model rejects, and the names of those dropped.

    A dropped schema becomes an instruction in the system prompt; dropped attachments become notes in the text.

    rejected   parameters that the server has rejected before, besides those in `quirks.toml`
    """
    known = _reset_params(request.params, rejected)
    unsupported = unsupported_params(origin, known) | rejected
    dropped = [name for name in _set_params(request.params) if name in unsupported]
    params, dropped_stops = _limit_stops(_reset_params(request.params, dropped), origin)
    if "schema" in dropped and request.params.schema:
        request = replace(request, system=_append(request.system, as_instructions(request.params.schema)))
    dropped += dropped_stops
    if request.tools and _excludes_tools(params, quirks(origin)):
        request = replace(request, tools=())
        dropped.append("tools")
    messages = request.messages
    for name, kind in (("images", Image), ("files", File)):
        if name in unsupported and any(isinstance(part, kind) for part in _parts(messages)):
            messages = tuple(_replace_attachments(message, kind) for message in messages)
            dropped.append(name)
    return replace(request, params=params, messages=messages), tuple(dropped)


def _excludes_tools(params: Params, known: frozenset[str]) -> bool:
    schema, search = params.schema and "schema_or_tools" in known, params.search and "search_or_tools" in known
    return bool(schema or search)


def unsupported_notice(name: Safe, dropped: tuple[str, ...]) -> Safe:
    """Return the notice about dropped parameters for the user; `name` is the model's."""
    what = ", ".join(_NAMES.get(param, param) for param in dropped if param != "schema")
    notice = (
        safe_format("{name} does not support {what}; left out.", name=name, what=safe_line(what)) if what else EMPTY
    )
    if "schema" not in dropped:
        return notice
    schema = safe_format("{name} does not support a reply schema; the schema is sent as an instruction.", name=name)
    return join(" ", [notice, schema]) if notice else schema


def _append(system: str, text: str) -> str:
    return f"{system}\n\n{text}" if system else text


def rejected_params(request: Request, failure: Failure) -> frozenset[str]:
    """Return the parameters of a request that the server rejects, from the message of its error response."""
    if failure.status not in (400, 422):
        return frozenset()
    known = (name for name in _set_params(request.params) if name in _SERVER_NAMES)
    named = (name for name in known if re.search(_SERVER_NAMES[name], failure.message, re.IGNORECASE))
    refused = _REFUSAL.search(failure.message)  # a schema is dropped for any error about it, such as its contents
    return frozenset(name for name in named if refused or name == "schema")


def _reset_params(params: Params, names: Iterable[str]) -> Params:
    return replace(params, **{name: getattr(_BLANK, name) for name in names})


def _limit_stops(params: Params, origin: Origin) -> tuple[Params, list[str]]:
    """Drop stop sequences of whitespace where the server rejects them, and those above its maximum."""
    stops, dropped = params.stop, list[str]()
    if "no_blank_stops" in quirks(origin) and any(not stop.strip() for stop in stops):
        stops, dropped = tuple(stop for stop in stops if stop.strip()), ["blank_stops"]
    maximum = min((row.stops for row in rows() if row.stops and row.matches(origin)), default=len(stops))
    if len(stops) > maximum:
        stops, dropped = stops[:maximum], [*dropped, "many_stops"]
    return replace(params, stop=stops), dropped


def _set_params(params: Params) -> Iterator[str]:
    """Yield the names of the parameters with another value than the default."""
    return (name for name in Params.__slots__ if getattr(params, name) != getattr(_BLANK, name))


def _parts(messages: tuple[Message, ...]) -> Iterator[Part]:
    for message in messages:
        for part in message.parts:
            yield from part.parts if isinstance(part, ToolResult) else (part,)


def _replace_attachments(message: Message, kind: type[Image | File]) -> Message:
    return replace(message, parts=tuple(_attachment_note(part, kind) for part in message.parts))


def _attachment_note(part: Part, kind: type[Image | File]) -> Part:
    """Replace an attachment of this kind by a note, also inside a tool result."""
    if isinstance(part, ToolResult):
        inner = tuple(
            p if not isinstance(p, kind) else Text("[an image that this model cannot see]") for p in part.parts
        )
        return replace(part, parts=inner)
    if not isinstance(part, kind):
        return part
    what = f"a file, {part.name}," if isinstance(part, File) else "an image"
    return Text(f"[{what} that this model cannot see]")
