"""Unsupported parameters by model, from `quirks.toml`, and requests without them."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from fnmatch import fnmatchcase
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from termchat.core.errors import Failure, FailureKind, ProviderError
from termchat.core.messages import (
    File,
    Image,
    Message,
    Origin,
    Part,
    Reasoning,
    Role,
    Search,
    Text,
    ToolCall,
    user_message,
)
from termchat.core.outcomes import Outcome
from termchat.core.provider import Effort, Params, Request
from termchat.core.sanitize import Safe, join, safe_format, safe_line
from termchat.late_dataclass import dataclass
from termchat.providers.catalog.dropped_parts import all_parts, system_as_question, without_attachments, without_tools
from termchat.providers.catalog.efforts import listed_efforts, nearest_effort
from termchat.providers.decoder import as_count, as_list, as_object
from termchat.providers.reply_schema import as_instructions

_FILE = Path(__file__).with_name("quirks.toml")
_BLANK = Params()
_WILDCARD = re.compile(r"[*?\[]")
_TAIL = 200  # characters of a truncated reply that are quoted in the request to continue it
_CONTINUE_PROMPT = (
    "Your last reply was cut off. Continue it from exactly where it stopped, in the middle of a word if need be: no "
    "introduction, and nothing of it again. It ended with these words:\n\n{tail}"
)
_NAMES = {
    "tools_together": "tools together with a reply schema or web search",
    "search": "web search",
    "top_p": "top-p",
    "top_p_together": "temperature and top-p together",
    "think": "reasoning effort",
    "stop": "stop sequences",
    "blank_stops": "blank stop sequences",
    "many_stops": "stop sequences above its limit",
    "max_tokens": "an output limit",
    "speed": "this speed",
    "json_object": "JSON without a schema",
    "tool_choice": "this choice of tools",
    "single_call": "one call at a time",
}
_PARTS_TEXT = "tools images files system temperature top_p stop seed schema search think speed max_tokens json_object"
_PARTS = frozenset(_PARTS_TEXT.split())
_EFFORT = "effort="  # begins the name of a replaced reasoning effort: `effort=max,high`
_NOTED = ("schema", "system")  # parts that are sent in another form
# Parts that decide what a reply is. Sampling, seed, effort and speed are not among them: vendors treat them as hints.
_DECISIVE = frozenset((
    "tools", "images", "files", "stop", "blank_stops", "many_stops", "schema", "json_object",
    "tools_together", "tool_choice",
))  # fmt: skip


@dataclass(frozen=True, slots=True)
class QuirkRow:
    """One row of `quirks.toml`, whose head documents the fields; an empty tuple of names matches every name.

    stops     the maximum number of stop sequences, 0 for no maximum
    efforts   the supported reasoning efforts, () when the row does not say
    budgets   reasoning budget in tokens by effort
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
    efforts: tuple[Effort, ...]
    budgets: Mapping[Effort, int]

    def matches(self, origin: Origin) -> bool:
        """Return True if the row applies to a model."""
        name = origin.model.rpartition("/")[2].lower()
        return (
            (not self.providers or origin.provider in self.providers)
            and (not self.protocols or origin.protocol.value in self.protocols)
            and (not self.models or any(matches_pattern(name, pattern) for pattern in self.models))
        )


def matches_pattern(name: str, pattern: str) -> bool:
    """Return what `fnmatchcase` does.

    The literal beginning is compared first: `fnmatchcase` compiles each pattern, 70 of them before a first request,
    which takes 8 ms.
    """
    return name.startswith(_WILDCARD.split(pattern, 1)[0]) and fnmatchcase(name, pattern)


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
        tuple(Effort(word) for word in words("efforts")),
        {Effort(name): as_count(count) for name, count in as_object(row.get("budgets")).items()},
    )


@lru_cache(maxsize=256)
def _rows_of(origin: Origin) -> tuple[QuirkRow, ...]:
    """Return the rows that apply to a model: a server asks for them six times a request."""
    return tuple(row for row in rows() if row.matches(origin))


def part_names(words: Iterable[str]) -> tuple[str, ...]:
    """Return the names, for the user, of the parts of a request among the learned words."""
    return tuple(sorted(_NAMES.get(word, word.replace("_", " ")) for word in words if word in _PARTS))


def unsupported_params(origin: Origin, params: Params = _BLANK) -> frozenset[str]:
    """Return the names of the parameters that a model rejects, alone or in combination with `params`.

    Besides the fields of `Params`, the names are `tools`, `images`, `files` and `system`, and one value of a
    parameter: `speed=cheap`.
    """
    matching = _rows_of(origin)
    names = {name for row in matching for name in row.without} - {name for row in matching for name in row.takes}
    if params.think not in (None, Effort.OFF):
        names |= {name for row in matching for name in row.without_thinking}
    if params.search and "search" not in names:
        names |= {name for row in matching for name in row.without_searching}
    return frozenset(names)


def quirks(origin: Origin) -> frozenset[str]:
    """Return the quirks of a model and its server from `quirks.toml`; `ProviderConfig.quirks` are not included."""
    return frozenset(word for row in _rows_of(origin) for word in row.quirks)


def supported_efforts(origin: Origin, known: Iterable[str] = ()) -> tuple[Effort, ...]:
    """Return the reasoning efforts of a model: those known from its server, else those of the last matching row."""
    rules = [row.efforts for row in _rows_of(origin) if row.efforts]
    known = frozenset(known)
    listed = listed_efforts(known)
    efforts = listed if listed is not None else rules[-1] if rules else tuple(Effort)
    return tuple(effort for effort in efforts if effort is not Effort.OFF or "no_off" not in known)


def thinking_budget(origin: Origin, effort: Effort) -> int:
    """Return the reasoning budget for an effort in tokens, for a model that takes a budget instead of a level."""
    budgets: dict[Effort, int] = {}
    for row in _rows_of(origin):
        budgets |= row.budgets
    if effort is Effort.OFF:
        return budgets.get(effort, 0)
    nearest = nearest_effort(effort, budgets)
    return budgets[nearest] if nearest else 0


def _is_paused(message: Message) -> bool:
    """Return True for a reply that asked for another request; one with a search is continued as it is."""
    is_whole = message.role is Role.ASSISTANT and message.outcome is Outcome.COMPLETE
    return is_whole and not any(isinstance(part, Search) for part in message.parts)


def with_continuation(request: Request, origin: Origin) -> Request:
    """Prepare a request that ends with a truncated or paused reply, so that the model continues it.

    With the quirk `prefill` the reply stays last, without trailing whitespace, which Anthropic rejects. Any other
    model gets a user message that asks for the continuation, or an exact request fails with ProviderError.
    """
    last = request.messages[-1] if request.messages else None
    if last is None or not (last.can_continue or _is_paused(last)) or any(call.complete for call in last.calls):
        return request  # the results of its calls follow a reply; a call cut inside its arguments is not sent
    if request.params.exact and last.can_continue and "prefill" not in quirks(origin):
        raise refused_request(origin, "a conversation that ends with a reply")
    if "prefill" in quirks(origin):
        return replace(request, messages=(*request.messages[:-1], replace(last, parts=_prefill(last.parts))))
    prompt = _CONTINUE_PROMPT.format(tail=last.text[-_TAIL:])
    return replace(request, messages=(*request.messages, user_message(prompt)))


def _prefill(parts: tuple[Part, ...]) -> tuple[Part, ...]:
    """Return the parts of a reply without those after its last word that are not sent back, nor white space there."""
    kept = list(parts)
    while kept and (
        isinstance(kept[-1], Reasoning | ToolCall) or (isinstance(kept[-1], Text) and not kept[-1].text.strip())
    ):
        kept.pop()
    if kept and isinstance(kept[-1], Text):
        kept[-1] = replace(kept[-1], text=kept[-1].text.rstrip())
    return tuple(kept)


def drop_unsupported(
    request: Request, origin: Origin, known: frozenset[str] = frozenset()
) -> tuple[Request, tuple[str, ...]]:
    """Return the request without the parts that a model rejects, and the names of those dropped.

    A dropped schema becomes an instruction in the system prompt, a dropped system prompt a part of the first question;
    dropped attachments, tool calls and their results become notes in the text.

    known   words known from the server, besides those in `quirks.toml`: parts it has refused, and quirks
    """
    usable = _reset_params(request.params, known & frozenset(Params.__slots__))
    unsupported = unsupported_params(origin, usable) | known
    dropped = [name for name in _set_params(request.params) if _is_unsupported(name, request.params, unsupported)]
    if {"temperature", "top_p"} <= set(_set_params(_reset_params(request.params, dropped))):
        dropped += ["top_p"] if "one_sampling" in quirks(origin) | known else []
    params, dropped_stops = _limit_stops(_reset_params(request.params, dropped), origin)
    params, replaced = _limit_effort(params, origin, known)
    if "schema" in dropped and request.params.schema:
        request = replace(request, system=_append(request.system, as_instructions(request.params.schema)))
    dropped += [*dropped_stops, *replaced]
    request, parts = _drop_parts(replace(request, params=params), unsupported)
    dropped += parts
    if request.tools and params.exact and params.search and "search_or_tools" in quirks(origin):
        params = replace(params, search=False)  # a program's own tools come before the vendor's
        request = replace(request, params=params)
        dropped.append("search")
    if request.tools and _excludes_tools(params, quirks(origin)):
        request = replace(request, tools=())
        dropped.append("tools_together")
    return request, tuple(dropped)


def _is_unsupported(name: str, params: Params, unsupported: frozenset[str]) -> bool:
    return name in unsupported or f"{name}={getattr(params, name)}" in unsupported


def _drop_parts(request: Request, unsupported: frozenset[str]) -> tuple[Request, list[str]]:
    """Drop tools, attachments and the system prompt where the model does not support them."""
    dropped: list[str] = []
    messages = request.messages
    called = any(isinstance(part, ToolCall) for part in all_parts(messages))
    if "tools" in unsupported and (request.tools or called):
        messages, dropped = without_tools(messages), ["tools"]
        request = replace(request, tools=())
    for name, kind in (("images", Image), ("files", File)):
        if name in unsupported and any(isinstance(part, kind) for part in all_parts(messages)):
            messages = without_attachments(messages, kind)
            dropped.append(name)
    request = replace(request, messages=messages)
    if "system" in unsupported and request.system:
        return system_as_question(request), [*dropped, "system"]
    return request, dropped


def _limit_effort(params: Params, origin: Origin, known: frozenset[str]) -> tuple[Params, list[str]]:
    """Replace a reasoning effort that the model does not support by the nearest one."""
    if params.think is None:
        return params, []
    used = nearest_effort(params.think, supported_efforts(origin, known))
    if used is params.think:
        return params, []
    return replace(params, think=used), [f"{_EFFORT}{params.think},{used}" if used else "think"]


def _excludes_tools(params: Params, known: frozenset[str]) -> bool:
    schema, search = params.schema and "schema_or_tools" in known, params.search and "search_or_tools" in known
    return bool(schema or search)


def refuse_inexact(request: Request, origin: Origin, dropped: Iterable[str], untaken: Iterable[str]) -> None:
    """Raise ProviderError for an exact request that has lost a part that decides what the reply is.

    untaken   kinds of attachments that the model does not take
    """
    lost = [*(name for name in dropped if name in _DECISIVE), *untaken]
    if lost and request.params.exact:
        raise refused_request(origin, ", ".join(_NAMES.get(name, name) for name in lost))


def refused_request(origin: Origin, what: str) -> ProviderError:
    """Return the error of a request that a model cannot answer as it is."""
    words = safe_format("{name} does not support {what}.", name=safe_line(origin.model), what=safe_line(what))
    return ProviderError(Failure(FailureKind.BAD_REQUEST, words))


def unsupported_notice(name: Safe, dropped: tuple[str, ...]) -> Safe:
    """Return the notice about dropped parameters for the user; `name` is the model's."""
    notices: list[Safe] = []
    if what := ", ".join(
        _NAMES.get(part, part) for part in dropped if not part.startswith(_EFFORT) and part not in _NOTED
    ):
        notices.append(safe_format("{name} does not support {what}; left out.", name=name, what=safe_line(what)))
    for asked, _, used in (part.removeprefix(_EFFORT).partition(",") for part in dropped if part.startswith(_EFFORT)):
        notices.append(
            safe_format(
                "{name} does not support effort {asked}; {used} is used.",
                name=name,
                asked=safe_line(asked),
                used=safe_line(used),
            )
        )
    if "schema" in dropped:
        notices.append(
            safe_format("{name} does not support a reply schema; the schema is sent as an instruction.", name=name)
        )
    if "system" in dropped:
        notices.append(
            safe_format("{name} does not support a system prompt; it is sent with the first message.", name=name)
        )
    return join(" ", notices)


def _append(system: str, text: str) -> str:
    return f"{system}\n\n{text}" if system else text


def _reset_params(params: Params, names: Iterable[str]) -> Params:
    return replace(params, **{name: getattr(_BLANK, name) for name in names})


def _limit_stops(params: Params, origin: Origin) -> tuple[Params, list[str]]:
    """Drop stop sequences of whitespace where the server rejects them, and those above its maximum."""
    stops, dropped = params.stop, list[str]()
    if "no_blank_stops" in quirks(origin) and any(not stop.strip() for stop in stops):
        stops, dropped = tuple(stop for stop in stops if stop.strip()), ["blank_stops"]
    maximum = min((row.stops for row in _rows_of(origin) if row.stops), default=len(stops))
    if len(stops) > maximum:
        stops, dropped = stops[:maximum], [*dropped, "many_stops"]
    return replace(params, stop=stops), dropped


def _set_params(params: Params) -> Iterator[str]:
    """Yield the names of the parameters with another value than the default."""
    return (name for name in Params.__slots__ if getattr(params, name) != getattr(_BLANK, name))
