"""The conversation of a Gemini request: turns, parts, calls, responses, thought signatures."""

from __future__ import annotations

import base64
import binascii
import re
from itertools import pairwise
from typing import Any

from tests.gateway.signatures import DUMMY, Origin, complaint
from tests.gateway.validate.common import Json, Report, family

_DATA = ("text", "functionCall", "functionResponse", "inlineData", "fileData", "executableCode", "codeExecutionResult")
_BESIDES = ("thought", "thoughtSignature", "videoMetadata", "mediaResolution", "partMetadata")
_USERS = ("text", "inlineData", "fileData", "functionResponse")
_MODELS = ("text", "functionCall", "inlineData")


def check_contents(report: Report, body: Json, origin: Origin) -> None:
    """Check the contents of a request."""
    contents = report.want(body, "contents", list)
    if not contents:
        report.say("* GenerateContentRequest.contents: contents is not specified")
        return
    rows = list(report.each(contents, "contents"))
    _check_turns(report, rows)
    for where, content in rows:
        report.only(content, ("role", "parts"), where)
        kinds = _USERS if content.get("role") == "user" else _MODELS
        check_content_parts(report, content, where, kinds, origin)
    _check_pairs(report, rows)
    if wants_signatures(origin.model):
        _check_signed(report, rows)


def wants_signatures(model: str) -> bool:
    """True for models that require thought signatures: all since Gemini 3."""
    return not re.match(r"gemini-[12]\b", family(model))


def check_content_parts(report: Report, content: Json, where: str, kinds: tuple[str, ...], origin: Origin) -> None:
    """Check the parts of one content, each of one of these kinds."""
    parts = report.want(content, "parts", list, where)
    if parts == []:
        report.say(f"* {where}.parts: must include at least one parts field")
    for place, part in report.each(parts, f"{where}.parts"):
        report.only(part, (*_DATA, *_BESIDES), place)
        given = [name for name in _DATA if part.get(name) is not None]
        if len(given) != 1:
            report.say(f"* {place}.data: required oneof field 'data' must have one initialized field, got {given}")
        elif given[0] not in kinds:
            report.say(f"{place}: a part of kind {given[0]} is not allowed for this role")
        else:
            _check_part(report, part, given[0], place)
        _check_signature(report, part, place, origin)


def _check_part(report: Report, part: Json, kind: str, where: str) -> None:
    if kind == "text":
        text = report.check(part["text"], str, f"{where}.text")
        if text == "" and "thoughtSignature" not in part:
            report.say(f"Unable to submit request because it must have a text parameter: {where}")
        if part.get("thought") and "thoughtSignature" not in part:
            report.say(f"{where}: a thought without a signature does not go back")
    elif kind == "functionCall":
        call = report.check(part[kind], dict, f"{where}.{kind}") or {}
        report.only(call, ("name", "args", "id"), f"{where}.{kind}")
        report.want(call, "name", str, f"{where}.{kind}")
        report.may(call, "args", dict, f"{where}.{kind}")
        report.may(call, "id", str, f"{where}.{kind}")
    elif kind == "functionResponse":
        answer = report.check(part[kind], dict, f"{where}.{kind}") or {}
        report.only(answer, ("name", "response", "id", "parts"), f"{where}.{kind}")
        report.want(answer, "name", str, f"{where}.{kind}")
        report.want(answer, "response", dict, f"{where}.{kind}")
    elif kind == "inlineData":
        _check_inline(report, part[kind], f"{where}.{kind}")


def _check_inline(report: Report, data: Any, where: str) -> None:
    blob = report.check(data, dict, where) or {}
    report.only(blob, ("mimeType", "data", "displayName"), where)
    mime = report.want(blob, "mimeType", str, where) or ""
    if not re.fullmatch(r"[a-z]+/[a-zA-Z0-9.+-]+", mime):
        report.say(f"Unsupported MIME type: {mime!r} at {where}")
    if _decoded(report.want(blob, "data", str, where) or "") in (None, b""):
        report.say(f"Invalid value at '{where}.data' (TYPE_BYTES), Base64 decoding failed")


def _check_signature(report: Report, part: Json, where: str, origin: Origin) -> None:
    """Require a signature of this model on its own part; calls may have the dummy signature."""
    signature = report.may(part, "thoughtSignature", str, where)
    if signature is None:
        return
    call = part.get("functionCall")
    if _decoded(signature) == DUMMY:
        if call is None:
            report.say(f"{where}: the dummy signature is for functionCall parts alone")
        return
    if isinstance(call, dict):
        why = complaint(signature, origin, "call", [call.get("name"), call.get("args") or {}])
    else:
        why = complaint(signature, origin, "text", part.get("text", ""))
    if why:
        report.say(f"Corrupted thought signature: {where} {why}.")


def _check_turns(report: Report, rows: list[tuple[str, Json]]) -> None:
    roles = [content.get("role") for _, content in rows]
    for (where, _), role in zip(rows, roles, strict=True):
        if role not in ("user", "model"):
            report.say(f"Please use a valid role: user, model. Got {role!r} at {where}.")
    if roles[0] != "user":
        report.say("Please ensure that multiturn requests start with a user role.")
    if roles[-1] != "user":
        report.say("Please ensure that multiturn requests end with a user role or a function response.")
    if any(earlier == later for earlier, later in pairwise(roles)):
        report.say("Please ensure that multiturn requests alternate between user and model.")


def _check_pairs(report: Report, rows: list[tuple[str, Json]]) -> None:
    """Require one response per call, in order, in the next turn, before any other part."""
    calls: list[Json] = []
    for where, content in [*rows, ("the end", {})]:
        answers = _found(content, "functionResponse")
        if len(answers) != len(calls):
            report.say(
                "Please ensure that the number of function response parts is equal to the number of function call"
                f" parts of the function call turn: {len(calls)} calls, {len(answers)} responses at {where}."
            )
        for call, answer in zip(calls, answers, strict=False):
            if call.get("name") != answer.get("name"):
                report.say(
                    f"{where}: the response {answer.get('name')!r} stands where {call.get('name')!r} is asked for."
                )
            if call.get("id") != answer.get("id"):
                report.say(f"{where}: the response has id {answer.get('id')!r}, its call {call.get('id')!r}.")
        kinds = ["functionResponse" in part for part in _parts(content)]
        if any(later and not earlier for earlier, later in pairwise(kinds)):
            report.say(f"{where}: function responses come before any other part.")
        calls = _found(content, "functionCall")
    if calls:
        report.say("Please ensure that function call turns are followed by a function response turn.")


def _check_signed(report: Report, rows: list[tuple[str, Json]]) -> None:
    """Require a signature on the first call of each step since the last user message."""
    asked = [index for index, (_, content) in enumerate(rows) if _is_question(content)]
    for where, content in rows[asked[-1] if asked else 0 :]:
        first = next((part for part in _parts(content) if "functionCall" in part), None)
        if first is not None and not first.get("thoughtSignature"):
            name = (first["functionCall"] or {}).get("name")
            report.say(
                "Function call is missing a thought_signature in functionCall parts. This is required for tools to"
                f" work correctly. Additional data, function call `{name}`, position {where}."
            )


def _is_question(content: Json) -> bool:
    return content.get("role") == "user" and any("functionResponse" not in part for part in _parts(content))


def _parts(content: Json) -> list[Json]:
    return [part for part in content.get("parts") or () if isinstance(part, dict)]


def _found(content: Json, kind: str) -> list[Json]:
    return [part[kind] for part in _parts(content) if isinstance(part.get(kind), dict)]


def _decoded(text: str) -> bytes | None:
    """Bytes of base64 or base64url text; None for invalid text."""
    try:
        return base64.b64decode(text.replace("-", "+").replace("_", "/") + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None
