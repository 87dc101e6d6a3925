"""The conversation of a chat request: roles, order, calls and results."""

from __future__ import annotations

import json
import re
from typing import Any

from tests.gateway.signatures import Origin, complaint
from tests.gateway.validate.common import TOOL_NAME, Json, Report, family, is_openai

_ROLES = ("system", "developer", "user", "assistant", "tool")
_ID_LIMIT = 40
# Models whose servers accept their reasoning.
_THINKERS = ("deepseek", "kimi", "glm", "qwen", "minimax", "mimo", "gpt-oss")


def check_messages(report: Report, messages: Any, origin: Origin) -> None:
    """Check the messages of a request."""
    if not isinstance(messages, list) or not messages:
        report.say("Invalid 'messages': empty array. Expected an array with minimum length 1.")
        return
    rows = list(report.each(messages, "messages"))
    for index, (where, message) in enumerate(rows):
        role = message.get("role")
        report.one_of(role, _ROLES, f"{where}.role")
        if role in ("system", "developer") and index > 0:
            report.say(f"{where}: System message must be at the beginning.")
        _ROLE_CHECKS.get(str(role), _check_plain)(report, message, where, origin)
    _check_pairs(report, rows)
    if all(message.get("role") in ("system", "developer") for _, message in rows):
        report.say("messages: at least one message of the user is required.")


def _check_plain(report: Report, message: Json, where: str, origin: Origin) -> None:
    """Check a system or user message: text, and other parts for the user."""
    report.only(message, ("role", "content", "name"), where)
    content = report.want(message, "content", (str, list), where)
    kinds = ("text", "image_url", "file", "input_audio") if message.get("role") == "user" else ("text",)
    _check_content(report, content, f"{where}.content", kinds)


def _check_assistant(report: Report, message: Json, where: str, origin: Origin) -> None:
    report.only(message, ("role", "content", "name", "refusal", "tool_calls", *_thoughts(origin.model)), where)
    calls = report.may(message, "tool_calls", list, where)
    content = message.get("content")
    if calls == []:
        report.say(f"Invalid '{where}.tool_calls': empty array. Expected an array with minimum length 1.")
    if content is not None:
        checked = report.check(content, (str, list), f"{where}.content")
        if checked or not calls:
            _check_content(report, checked, f"{where}.content", ("text", "refusal"))
    elif not calls and not message.get("refusal"):
        report.say(f"Invalid value for '{where}.content': expected a string, got null.")
    for place, call in report.each(calls, f"{where}.tool_calls"):
        _check_call(report, call, place, origin)
    if calls and "deepseek" in family(origin.model) and not isinstance(message.get("reasoning_content"), str):
        report.say("The `reasoning_content` in the thinking mode must be passed back to the API.")
    _check_details(report, message, where, origin)


def _check_call(report: Report, call: Json, where: str, origin: Origin) -> None:
    report.only(call, ("id", "type", "function", "extra_content"), where)
    _check_id(report, report.want(call, "id", str, where), f"{where}.id")
    report.one_of(call.get("type"), ("function",), f"{where}.type")
    function = report.want(call, "function", dict, where) or {}
    report.only(function, ("name", "arguments"), f"{where}.function")
    name = report.want(function, "name", str, f"{where}.function")
    if name is not None and not TOOL_NAME.fullmatch(name):
        report.say(f"Invalid '{where}.function.name': does not match '^[a-zA-Z0-9_-]+$'.")
    report.want(function, "arguments", str, f"{where}.function")
    signature = ((call.get("extra_content") or {}).get("google") or {}).get("thought_signature")
    if signature is not None:
        why = complaint(signature, origin, "call", [name, _value(function.get("arguments"))])
        if why:
            report.say(f"Corrupted thought signature: {where} {why}.")


def _check_tool(report: Report, message: Json, where: str, origin: Origin) -> None:
    report.only(message, ("role", "content", "tool_call_id"), where)
    _check_id(report, report.want(message, "tool_call_id", str, where), f"{where}.tool_call_id")
    content = report.want(message, "content", (str, list), where)
    for place, part in report.each(content, f"{where}.content"):
        if part.get("type") != "text" or not isinstance(part.get("text"), str):
            report.say(f"Invalid '{place}': a tool message takes text alone.")


_ROLE_CHECKS = {"assistant": _check_assistant, "tool": _check_tool}


def _check_content(report: Report, content: Any, where: str, kinds: tuple[str, ...]) -> None:
    """Check non-empty text or parts of the kinds allowed for the role."""
    if content in ("", []):
        report.say(f"Invalid '{where}': the content is empty.")
    for place, part in report.each(content, where):
        kind = part.get("type")
        report.one_of(kind, kinds, f"{place}.type")
        if kind == "text" and not report.want(part, "text", str, place):
            report.say(f"Invalid '{place}.text': the text is empty.")
        if kind == "image_url":
            image = report.want(part, "image_url", dict, place) or {}
            address = report.want(image, "url", str, f"{place}.image_url") or ""
            if not address.startswith(("https://", "http://", "data:image/")):
                report.say(f"Invalid '{place}.image_url.url': expected a data URL of an image or an https URL.")
        if kind == "input_audio":
            audio = report.want(part, "input_audio", dict, place) or {}
            report.only(audio, ("data", "format"), f"{place}.input_audio")
            report.one_of(audio.get("format"), ("wav", "mp3"), f"{place}.input_audio.format")
            if not re.fullmatch(r"[A-Za-z0-9+/]+=*", str(audio.get("data", ""))):
                report.say(f"Invalid '{place}.input_audio.data': expected Base64.")
        if kind == "file":
            file = report.want(part, "file", dict, place) or {}
            report.only(file, ("file_data", "file_id", "filename"), f"{place}.file")
            if not str(file.get("file_data", "data:")).startswith("data:"):
                report.say(f"Invalid '{place}.file.file_data': expected a data URL.")


def _check_id(report: Report, value: Any, where: str) -> None:
    if value == "":
        report.say(f"Invalid '{where}': empty string. Expected a string with minimum length 1.")
    if isinstance(value, str) and len(value) > _ID_LIMIT:
        report.say(
            f"Invalid '{where}': string too long. Expected a string with maximum length {_ID_LIMIT},"
            f" but got a string with length {len(value)} instead."
        )


def _check_pairs(report: Report, rows: list[tuple[str, Json]]) -> None:
    """Require exactly one result per call, right after the message with the call."""
    waiting: list[str] = []
    for where, message in rows:
        if message.get("role") == "tool":
            known = message.get("tool_call_id")
            if known in waiting:
                waiting.remove(str(known))
            else:
                report.say(
                    f"Invalid parameter: {where} with role 'tool' must be a response to a preceding message"
                    f" with 'tool_calls' (tool_call_id {known!r})."
                )
            continue
        _check_answered(report, waiting)
        calls = message.get("tool_calls") if message.get("role") == "assistant" else None
        waiting = [str(call.get("id")) for call in calls or () if isinstance(call, dict)]
        if len(set(waiting)) < len(waiting):
            report.say(f"Invalid '{where}.tool_calls': ids must be unique.")
    _check_answered(report, waiting)


def _check_answered(report: Report, waiting: list[str]) -> None:
    if waiting:
        report.say(
            "An assistant message with 'tool_calls' must be followed by tool messages responding to each"
            f" 'tool_call_id'. The following tool_call_ids did not have response messages: {', '.join(waiting)}"
        )


def _check_details(report: Report, message: Json, where: str, origin: Origin) -> None:
    """Require OpenRouter's reasoning details unchanged, for the same model."""
    details = [row for row in message.get("reasoning_details") or () if isinstance(row, dict)]
    words = "".join(str(row.get("text") or "") for row in details)
    for row in details:
        if row.get("signature"):
            why = complaint(row["signature"], origin, "reasoning", words)
            if why:
                report.say(f"Invalid `signature` in {where}.reasoning_details: it {why}.")


def _thoughts(model: str) -> tuple[str, ...]:
    """The fields in which a model's server accepts its reasoning."""
    if any(name in family(model) for name in _THINKERS):
        return ("reasoning_content", "reasoning", "reasoning_details")
    return () if is_openai(model) else ("reasoning_details",)


def _value(arguments: Any) -> Any:
    try:
        return json.loads(arguments)
    except (TypeError, ValueError):
        return arguments
