"""What a model does not take, from `quirks.toml`, and requests made to fit."""

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
_TAIL = 200  # characters
_GO_ON = (
    "Your last reply was cut off. Continue it from exactly where it stopped, in the middle of a word if need be: no "
    "introduction, and nothing of it again. It ended with these words:\n\n{tail}"
)
_NAMES = {
    "tools": "tools beside a reply schema or web search",
    "search": "web search",
    "top_p": "top-p",
    "think": "thinking effort",
    "stop": "stop texts",
    "blank_stops": "stop texts that are blank",
    "many_stops": "so many stop texts",
}
# How servers say that they do not know a parameter, and the names they may have for each.
_REFUSAL = re.compile(
    r"unsupported|not support|unknown|unrecognized|unexpected|not permitted|not allowed|deprecated|extra input"
    r"|does not match any of the expected|not (a )?valid (parameter|field)|cannot find field|does not (take|accept)",
    re.IGNORECASE,
)
_THEIR_NAMES = {
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
    """One row of the table; an empty tuple is anyone."""

    providers: tuple[str, ...]
    protocols: tuple[str, ...]
    models: tuple[str, ...]
    without: frozenset[str]
    without_thinking: frozenset[str]
    without_searching: frozenset[str]
    takes: frozenset[str]
    stops: int
    quirks: frozenset[str]

    def fits(self, origin: Origin) -> bool:
        name = origin.model.rpartition("/")[2].lower()
        return (
            (not self.providers or origin.provider in self.providers)
            and (not self.protocols or origin.protocol.value in self.protocols)
            and (not self.models or any(fnmatchcase(name, pattern) for pattern in self.models))
        )


@cache
def rows() -> tuple[QuirkRow, ...]:
    """The table."""
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
    """What this model does not take, and what it does not take beside the rest that is asked."""
    fitting = [row for row in rows() if row.fits(origin)]
    lacking = {word for row in fitting for word in row.without} - {word for row in fitting for word in row.takes}
    if params.think not in (None, Effort.OFF):
        lacking |= {word for row in fitting for word in row.without_thinking}
    if params.search and "search" not in lacking:
        lacking |= {word for row in fitting for word in row.without_searching}
    return frozenset(lacking)


def quirks(origin: Origin) -> frozenset[str]:
    """What its server is known for."""
    return frozenset(word for row in rows() if row.fits(origin) for word in row.quirks)


def with_continuation(request: Request, origin: Origin) -> Request:
    """A request that ends with a stopped reply: as it is where the model goes on by itself, else with the ask to.

    A reply that may end a request may not end with a blank.
    """
    last = request.messages[-1] if request.messages else None
    if last is None or not last.can_continue or last.calls:
        return request
    if "prefill" in quirks(origin):
        *before, end = last.parts
        end = replace(end, text=end.text.rstrip()) if isinstance(end, Text) else end
        return replace(request, messages=(*request.messages[:-1], replace(last, parts=(*before, end))))
    return replace(request, messages=(*request.messages, user_message(_GO_ON.format(tail=last.text[-_TAIL:]))))


def drop_unsupported(
    request: Request, origin: Origin, learned: frozenset[str] = frozenset()
) -> tuple[Request, tuple[str, ...]]:
    """The request without what the model does not take, and the names of what was left out.

    learned   what its server has refused
    """
    known = replace(request.params, **{name: getattr(_BLANK, name) for name in learned})
    lacking = unsupported_params(origin, known) | learned
    asked = [name for name in _asked(request.params) if name in lacking]
    params, left = _few_stops(_reset_params(request.params, asked), origin)
    left = [*asked, *left]
    if "schema" in asked and request.params.schema:
        request = replace(request, system=_added(request.system, as_instructions(request.params.schema)))
    if request.tools and _without_tools(params, quirks(origin)):
        request = replace(request, tools=())
        left.append("tools")
    messages = request.messages
    for name, kind in (("images", Image), ("files", File)):
        if name in lacking and any(isinstance(part, kind) for part in _parts(messages)):
            messages = tuple(_without(message, kind) for message in messages)
            left.append(name)
    return replace(request, params=params, messages=messages), tuple(left)


def _without_tools(params: Params, known: frozenset[str]) -> bool:
    schema, search = params.schema and "schema_or_tools" in known, params.search and "search_or_tools" in known
    return bool(schema or search)


def unsupported_notice(name: Safe, left: tuple[str, ...]) -> Safe:
    """What is said of it, once."""
    what = ", ".join(_NAMES.get(word, word) for word in left if word != "schema")
    words = safe_format("{name} does not take {what}; left out.", name=name, what=safe_line(what)) if what else EMPTY
    if "schema" not in left:
        return words
    asked = safe_format("{name} takes no reply schema; it is asked for in words.", name=name)
    return join(" ", [words, asked]) if words else asked


def _added(system: str, words: str) -> str:
    return f"{system}\n\n{words}" if system else words


def rejected_params(request: Request, failure: Failure) -> frozenset[str]:
    """The parameters of a request that its server refuses to know, by what it says."""
    if failure.status not in (400, 422):
        return frozenset()
    named = (name for name in _asked(request.params) if name in _THEIR_NAMES)
    blamed = (name for name in named if re.search(_THEIR_NAMES[name], failure.message, re.IGNORECASE))
    unknown = _REFUSAL.search(failure.message)  # a schema that is refused for what it says is asked for in words too
    return frozenset(name for name in blamed if unknown or name == "schema")


def _reset_params(params: Params, names: Iterable[str]) -> Params:
    return replace(params, **{name: getattr(_BLANK, name) for name in names})


def _few_stops(params: Params, origin: Origin) -> tuple[Params, list[str]]:
    """Only as many stop texts as the server takes, and none of the kind that it refuses."""
    stops, left = params.stop, list[str]()
    if "no_blank_stops" in quirks(origin) and any(not stop.strip() for stop in stops):
        stops, left = tuple(stop for stop in stops if stop.strip()), ["blank_stops"]
    most = min((row.stops for row in rows() if row.stops and row.fits(origin)), default=len(stops))
    if len(stops) > most:
        stops, left = stops[:most], [*left, "many_stops"]
    return replace(params, stop=stops), left


def _asked(params: Params) -> Iterator[str]:
    return (name for name in Params.__slots__ if getattr(params, name) != getattr(_BLANK, name))


def _parts(messages: tuple[Message, ...]) -> Iterator[Part]:
    for message in messages:
        for part in message.parts:
            yield from part.parts if isinstance(part, ToolResult) else (part,)


def _without(message: Message, kind: type[Image | File]) -> Message:
    return replace(message, parts=tuple(_attachment_note(part, kind) for part in message.parts))


def _attachment_note(part: Part, kind: type[Image | File]) -> Part:
    """An attachment as a note of it."""
    if isinstance(part, ToolResult):
        inner = tuple(
            p if not isinstance(p, kind) else Text("[an image that this model cannot see]") for p in part.parts
        )
        return replace(part, parts=inner)
    if not isinstance(part, kind):
        return part
    what = f"a file, {part.name}," if isinstance(part, File) else "an image"
    return Text(f"[{what} that this model cannot see]")
