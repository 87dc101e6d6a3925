"""Repair a refused request: read which part of it the server refuses, change that part once, and remember it.

Every change is made at most once per turn, and a turn has a maximum of changed requests. A change is remembered for
the model, in this run and for a day in the cache of model listings, so that the next request is right at once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import field, replace
from itertools import pairwise
from typing import Any

from termchat.core.errors import Failure, FailureKind, ProviderError
from termchat.core.messages import File, Image, Origin, Reasoning, Text, ToolCall
from termchat.core.models import ApiProtocol
from termchat.core.provider import Effort, Request
from termchat.core.sanitize import EMPTY, Safe, safe_format, safe_line
from termchat.core.wire.history import strip_provider_data
from termchat.late_dataclass import dataclass
from termchat.providers.catalog.attachment_limits import without_untaken
from termchat.providers.catalog.capabilities import (
    drop_unsupported,
    quirks,
    refuse_inexact,
    supported_efforts,
    unsupported_notice,
)
from termchat.providers.catalog.dropped_parts import all_parts
from termchat.providers.catalog.efforts import efforts_word
from termchat.providers.catalog.model_cache import ModelCache
from termchat.providers.catalog.refusals import accepted_efforts, refused_part
from termchat.providers.client import Body, Endpoint
from termchat.providers.decoder import as_list, as_object
from termchat.providers.http.endpoint_paths import other_paths
from termchat.providers.http.error_body import ErrorBody
from termchat.providers.http.status_errors import is_missing_endpoint
from termchat.providers.protocols.openai_common import REASONING_FIELD

LONE_CLOSING_TAG = "lone_closing_tag"  # learned of a model: its reasoning has only a closing tag
_MAX_CHANGES = 6  # changed requests per turn
_PATH = "path="  # begins the word for the path that a server has its endpoint at
# Statuses of a request that must change. Of 5xx, only those that local servers send for an unsupported part.
_STATUSES = frozenset((None, 200, 400, 403, 404, 405, 406, 415, 422, 500, 501))
_KINDS = frozenset((FailureKind.BAD_REQUEST, FailureKind.NOT_FOUND, FailureKind.SERVER, FailureKind.PERMISSION))
_REASONING_FIELD = re.compile(r"\breasoning_(content|text)\b|(?<=[`'\"])(reasoning|thinking)(?=[`'\"])", re.IGNORECASE)
_PARTS_OF_HISTORY = frozenset(("reasoning_back", "role_order"))
_UNASKED = frozenset(("tools",))
_INSIDE_MESSAGES = ("messages", "input", "contents")


class RefusedError(ProviderError):
    """A server has refused a request; `body` is its explanation."""

    def __init__(self, failure: Failure, body: ErrorBody) -> None:
        super().__init__(failure)
        self.body = body


@dataclass(slots=True)
class ServerFacts:
    """Facts about the models of all providers, shared by all turns.

    cache      refusals of the last day, and model listings
    announced  (chat, model, part) of each notice about a dropped part; one is shown per chat
    learned    (model, word) of this run
    repaired   (chat, model) -> number of messages of a history that the server has refused
    """

    cache: ModelCache
    announced: set[tuple[str, Origin, str]] = field(default_factory=set[tuple[str, Origin, str]])
    learned: set[tuple[Origin, str]] = field(default_factory=set[tuple[Origin, str]])
    repaired: dict[tuple[str, Origin], int] = field(default_factory=dict[tuple[str, Origin], int])

    def known(self, origin: Origin, endpoint: Endpoint) -> frozenset[str]:
        """Return the words known about a model: from refusals, and from the listing of its provider."""
        refused = self.cache.refused(origin.provider, _key(origin, endpoint))
        return refused | self.cache.known(origin.provider, origin.model)

    def told_before(self, origin: Origin, endpoint: Endpoint) -> frozenset[str]:
        """Return the parts that nobody asked for, tools, and whose refusal an earlier run has told the user."""
        refused = self.cache.refused(origin.provider, _key(origin, endpoint))
        return frozenset(word for word in _UNASKED & refused if (origin, word) not in self.learned)

    def learn(self, origin: Origin, endpoint: Endpoint, word: str, instead_of: str = "") -> None:
        """Remember a word about a model."""
        self.learned.add((origin, word))
        self.cache.add_refused(origin.provider, _key(origin, endpoint), word, instead_of)

    def unannounced(self, chat: str, origin: Origin, dropped: tuple[str, ...]) -> tuple[str, ...]:
        """Return the dropped parts without a notice in this chat so far, and mark them as announced."""
        marks = {name: (chat, origin, name) for name in dropped}
        new = tuple(name for name, mark in marks.items() if mark not in self.announced)
        self.announced.update(marks.values())
        return new


def _key(origin: Origin, endpoint: Endpoint) -> str:
    return f"{origin.protocol} {endpoint.host} {origin.model}"


class Repair:
    """The changes made to the requests of one turn."""

    def __init__(self, origin: Origin, facts: ServerFacts) -> None:
        self._origin = origin
        self._facts = facts
        self._made: set[str] = set()
        self._stripped = 0  # messages at the beginning of the history that are sent without vendor-specific data

    def prepare(self, request: Request, endpoint: Endpoint) -> tuple[Request, Safe]:
        """Return the request without the parts that the model does not support, and the notice about them.

        Raises ProviderError for an exact request that loses a decisive part.
        """
        stripped = self._stripped or self._facts.repaired.get((request.chat, self._origin), 0)
        if stripped:
            messages = (*strip_provider_data(request.messages[:stripped]), *request.messages[stripped:])
            request = replace(request, messages=messages)
        request, untaken = without_untaken(request, self._origin)
        request, dropped = drop_unsupported(request, self._origin, self.known(endpoint))
        dropped = (*dropped, *untaken)
        if request.params.exact:  # its client has no chat, in which one notice would do
            refuse_inexact(request, self._origin, dropped, untaken)
            return request, unsupported_notice(safe_line(self._origin.model), dropped)
        told = self._facts.told_before(self._origin, endpoint)
        new = self._facts.unannounced(request.chat, self._origin, tuple(name for name in dropped if name not in told))
        return request, unsupported_notice(safe_line(self._origin.model), new) if new else EMPTY

    def lost_thinking(self, request: Request, body: Body) -> Safe:
        """Return the notice that a body turns off the reasoning asked for.

        Its output limit is too low, or Anthropic accepts no thinking in a turn that began without it.
        """
        if request.params.think in (None, Effort.OFF) or self._origin.protocol is not ApiProtocol.ANTHROPIC:
            return EMPTY
        if "thinking" not in body:
            new = self._facts.unannounced(request.chat, self._origin, ("thinking_turn",))
            return safe_format("Thinking is off: this turn began without it.") if new else EMPTY
        if as_object(body["thinking"]).get("type") != "disabled":
            return EMPTY
        if not self._facts.unannounced(request.chat, self._origin, ("thinking_room",)):
            return EMPTY
        return safe_format(
            "Thinking is off: an output limit of {n} tokens leaves no room for it. Raise max_tokens.",
            n=safe_line(str(body.get("max_tokens"))),
        )

    def known(self, endpoint: Endpoint) -> frozenset[str]:
        """Return the words known about the model."""
        return self._facts.known(self._origin, endpoint)

    def learn(self, word: str, endpoint: Endpoint) -> None:
        """Remember a word about the model, unless it is known."""
        if word not in self.known(endpoint):
            self._facts.learn(self._origin, endpoint, word)

    def path(self, endpoint: Endpoint) -> str:
        """Return the path of the endpoint that is known to work, "" for that of the SDK."""
        words = self.known(endpoint)
        return next((word.removeprefix(_PATH) for word in sorted(words) if word.startswith(_PATH)), "")

    def next_path(self, error: RefusedError, endpoint: Endpoint, path: str) -> str | None:
        """Return another path to try after a 404 of the endpoint, None when there is none."""
        likely = is_missing_endpoint(error.failure, error.body, self._origin.model)
        paths = ["", *endpoint.config.fallback_paths] if error.failure.status == 404 else []
        paths += ["", *other_paths(endpoint.protocol, endpoint.base)] if likely else []
        self._made.add(_PATH + path)
        return next((other for other in paths if self._count(_PATH + other)), None)

    def found_path(self, endpoint: Endpoint, path: str) -> None:
        """Remember the path that has answered."""
        known = self.path(endpoint)
        if path != known:
            self._facts.learn(self._origin, endpoint, _PATH + path, _PATH + known)

    def change(self, error: RefusedError, request: Request, body: Body, endpoint: Endpoint) -> Safe | None:
        """Learn from a refused request, and return a notice for the user, "" for none; None when nothing is to change.

        The caller prepares and encodes the request again.
        """
        failure, origin = error.failure, self._origin
        present = self._present(request, body, endpoint)
        if failure.kind is FailureKind.HISTORY_INVALID:
            present &= _PARTS_OF_HISTORY
        elif failure.status not in _STATUSES or failure.kind not in _KINDS:
            return None
        part = refused_part(error.body, present)
        if part is None:
            return self._strip(error, request, endpoint)
        word, instead_of = part.learns, ""
        match part.name:
            case "think":
                word = _next_effort(error.body, request, origin, self.known(endpoint))
            case "reasoning_back":
                word = _reasoning_field(error.body)
            case "limit_name":
                word, instead_of = ("new_limit", "old_limit") if "max_tokens" in body else ("old_limit", "new_limit")
            case "attachments":
                word = _attachments(request)
            case _:
                pass
        if not self._count(part.name if part.name == "limit_name" else word):
            return None
        self._facts.learn(origin, endpoint, word, instead_of)
        return _notice(word, endpoint)

    def _count(self, change: str) -> bool:
        """Count a change; False when it was made before, or when there were too many."""
        if change in self._made or len(self._made) >= _MAX_CHANGES:
            return False
        self._made.add(change)
        return True

    def _strip(self, error: RefusedError, request: Request, endpoint: Endpoint) -> Safe | None:
        """Send the history without vendor-specific data if the server refuses it; None when there is nothing to do."""
        inside = any(path.startswith(_INSIDE_MESSAGES) for path in error.body.fields)
        refused = inside and error.failure.status in (400, 422) and _has_provider_data(request)
        if not (refused or error.failure.kind is FailureKind.HISTORY_INVALID) or not self._count("history"):
            return None
        self._stripped = len(request.messages)
        if request.chat:
            self._facts.repaired[request.chat, self._origin] = self._stripped
        title = safe_line(endpoint.title)
        return safe_format("{title} refused the history; sent again without earlier reasoning.", title=title)

    def _present(self, request: Request, body: Body, endpoint: Endpoint) -> frozenset[str]:
        """Return the names of the parts that a request contains and that no change has touched."""
        known = self.known(endpoint) | endpoint.config.quirks | quirks(self._origin)
        return frozenset(_parts_of(request, body, self._origin, known)) - self._made


def _parts_of(request: Request, body: Body, origin: Origin, known: frozenset[str]) -> Iterator[str]:
    params = request.params
    for name in (
        "temperature", "top_p", "stop", "seed", "schema", "search", "think", "speed", "json_object", "tool_choice",
        "single_call",
    ):  # fmt: skip
        value = getattr(params, name)
        if value is not None and value is not False and value != ():  # 0 is a temperature and a seed
            yield name
    if params.temperature is not None and params.top_p is not None:
        yield "one_sampling"
    parts = list(all_parts(request.messages))
    for name, kind in (("images", Image), ("files", File)):
        if any(isinstance(part, kind) for part in parts):
            yield from (name, "attachments")
    called = any(isinstance(part, ToolCall) for part in parts)
    if request.tools or called:
        yield "tools"
    if request.system:
        yield "system"
    if called and origin.protocol is ApiProtocol.CHAT and not any(word.startswith("reasoning_") for word in known):
        yield "reasoning_back"
    if origin.protocol is ApiProtocol.CHAT and _questions_after_results(body):
        yield "role_order"
    if params.max_tokens is not None:
        yield from ("limit_name", "max_tokens") if origin.protocol is ApiProtocol.CHAT else ("max_tokens",)
    yield from _fields_of(body)


def _fields_of(body: Body) -> Iterator[str]:
    """Yield the names of the parts that termchat adds to a body on its own."""
    for name, path in (("cache_key", "prompt_cache_key"), ("encrypted_reasoning", "include"), ("stream", "stream")):
        if body.get(path):
            yield name
    if "diagnostics" in body or "comparison_response_id" in as_object(body.get("prompt_cache_options")):
        yield "cache_diagnosis"
    options: dict[str, Any] = body.get("stream_options") or {}
    if options:
        yield "stream_options"
    if "include_obfuscation" in options:
        yield "obfuscation"
    turns = as_list(body.get("messages"))
    blocks = [block for turn in turns for block in as_list(as_object(turn).get("content"))]
    if any("cache_control" in as_object(block) for block in (*as_list(body.get("system")), *_tools_of(body), *blocks)):
        yield "cache_control"
    if any("url_context" in as_object(tool) for tool in _tools_of(as_object(body.get("config")))):
        yield "url_context"


def _tools_of(body: Body) -> list[Any]:
    return as_list(body.get("tools"))


def _reasoning_field(body: ErrorBody) -> str:
    """Return the quirk for reasoning that must be sent back, with the field that the refusal names."""
    found = _REASONING_FIELD.search(body.message)
    return f"{REASONING_FIELD}{found[0].lower()}" if found else "reasoning_back"


def _questions_after_results(body: Body) -> bool:
    roles = [message.get("role") for message in body.get("messages") or ()]
    return ("tool", "user") in pairwise(roles)


def _next_effort(body: ErrorBody, request: Request, origin: Origin, known: frozenset[str]) -> str:
    """Return the word to learn from a refused reasoning effort: the levels listed, another form, or to leave it out."""
    asked = request.params.think or Effort.OFF
    if listed := accepted_efforts(body, asked):
        return efforts_word(listed)
    if asked is Effort.OFF and "between_tools" in body.message and "between_tools" not in known:
        return "between_tools"
    if asked is Effort.OFF and "no_off" not in known and len(supported_efforts(origin, known)) > 1:
        return "no_off"
    forms = {"thinking_budget", "thinking_level"}
    if origin.protocol in (ApiProtocol.ANTHROPIC, ApiProtocol.GEMINI) and not known & forms:
        return "thinking_level" if "thinking_budget" in quirks(origin) else "thinking_budget"
    return "think"


def _has_provider_data(request: Request) -> bool:
    parts = all_parts(request.messages)
    return any(
        isinstance(part, Reasoning | ToolCall) or (isinstance(part, Text) and part.provider_data) for part in parts
    )


def _attachments(request: Request) -> str:
    images = any(isinstance(part, Image) for part in all_parts(request.messages))
    return "images" if images else "files"


def _notice(word: str, endpoint: Endpoint) -> Safe:
    """Return the notice about a learned quirk; a part that is left out is announced with the prepared request."""
    title = safe_line(endpoint.title)
    match word:
        case "no_stream_options":
            return safe_format("{title} does not report token usage while streaming.", title=title)
        case "no_cache":
            return safe_format("{title} does not support prompt caching.", title=title)
        case "no_stream":
            return safe_format("{title} does not support streaming; waiting for the complete reply.", title=title)
        case "new_limit" | "old_limit":
            field_name = "max_completion_tokens" if word == "new_limit" else "max_tokens"
            return safe_format("Sent again with {name}.", name=safe_line(field_name))
        case _:
            return EMPTY
