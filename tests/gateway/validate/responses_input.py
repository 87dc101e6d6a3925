"""The items of a Responses request: messages, reasoning, calls and outputs."""

from __future__ import annotations

import re
from typing import Any

from tests.gateway.render.responses_items import whose
from tests.gateway.signatures import Origin, complaint, unseal
from tests.gateway.validate.common import TOOL_NAME, Json, Report

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_OWN_ID = re.compile(r"(rs|fc|msg|ws)_([0-9a-f]{40})([rp])([0-9a-f]{2})")
_PREFIXES = {
    "message": "msg_",
    "reasoning": "rs_",
    "function_call": "fc_",
    "function_call_output": "fc_",
    "web_search_call": "ws_",
}
_PARTS = {"user": ("input_text", "input_image", "input_file"), "assistant": ("output_text", "refusal")}


def check_input(report: Report, given: Any, origin: Origin, *, searches: bool) -> None:
    """Check the input of a request: one text, or items; `searches`: the request offers web search."""
    if isinstance(given, str):
        if not given:
            report.say("Invalid 'input': empty string.")
        return
    if not isinstance(given, list) or not given:
        report.say('One of "input" or "previous_response_id" or \'prompt\' must be provided.')
        return
    rows = list(report.each(given, "input"))
    for where, item in rows:
        _check_item(report, item, where, origin)
        if item.get("type") == "web_search_call":
            _check_search(report, item, where, origin, searches=searches)
    _check_pairs(report, rows)
    _check_company(report, rows)


def _check_item(report: Report, item: Json, where: str, origin: Origin) -> None:
    kind = item.get("type", "message")
    if kind == "message":
        _check_message(report, item, where)
    elif kind == "reasoning":
        _check_reasoning(report, item, where, origin)
    elif kind == "function_call":
        report.only(item, ("type", "id", "call_id", "name", "arguments", "status"), where)
        _check_call_id(report, item, where)
        name = report.want(item, "name", str, where)
        if name is not None and not TOOL_NAME.fullmatch(name):
            report.say(f"Invalid '{where}.name': string does not match pattern '^[a-zA-Z0-9_-]+$'.")
        report.want(item, "arguments", str, where)
    elif kind == "function_call_output":
        report.only(item, ("type", "id", "call_id", "output", "status"), where)
        _check_call_id(report, item, where)
        output = report.want(item, "output", (str, list), where)
        _check_parts(report, output, f"{where}.output", _PARTS["user"])
    elif kind != "web_search_call":
        report.say(f"Invalid value: '{kind}' at '{where}.type'.")
    _check_item_id(report, item, kind, where)


def _check_message(report: Report, item: Json, where: str) -> None:
    role = item.get("role")
    report.one_of(role, ("user", "assistant", "system", "developer"), f"{where}.role")
    extra = ("id", "status", "phase") if role == "assistant" else ()
    report.only(item, ("type", "role", "content", *extra), where)
    content = report.want(item, "content", (str, list), where)
    if content in ("", []):
        report.say(f"Invalid '{where}.content': the content is empty.")
    _check_parts(report, content, f"{where}.content", _PARTS.get(str(role), ("input_text",)))
    if "phase" in item:
        report.one_of(item["phase"], ("commentary", "final_answer", None), f"{where}.phase")


def _check_parts(report: Report, content: Any, where: str, kinds: tuple[str, ...]) -> None:
    for place, part in report.each(content, where):
        kind = part.get("type")
        if kind not in kinds:
            supported = " and ".join(f"'{name}'" for name in kinds)
            report.say(f"Invalid value: '{kind}' at '{place}'. Supported values are: {supported}.")
        elif kind in ("input_text", "output_text"):
            report.only(part, ("type", "text", "annotations", "logprobs"), place)
            if not report.want(part, "text", str, place):
                report.say(f"Invalid '{place}.text': the text is empty.")
        elif kind == "input_image":
            report.only(part, ("type", "image_url", "file_id", "detail"), place)
            address = str(part.get("image_url", ""))
            if "file_id" not in part and not address.startswith(("https://", "http://", "data:image/")):
                report.say(f"Invalid '{place}.image_url': expected a data URL of an image or an https URL.")
        elif kind == "input_file":
            report.only(part, ("type", "file_data", "file_url", "file_id", "filename"), place)
            if not str(part.get("file_data", "data:")).startswith("data:"):
                report.say(f"Invalid '{place}.file_data': expected a data URL.")


def _check_reasoning(report: Report, item: Json, where: str, origin: Origin) -> None:
    report.only(item, ("type", "id", "summary", "content", "encrypted_content", "status"), where)
    summary = report.want(item, "summary", list, where)
    for place, part in report.each(summary, f"{where}.summary"):
        report.one_of(part.get("type"), ("summary_text",), f"{place}.type")
        report.want(part, "text", str, place)
    sealed = report.may(item, "encrypted_content", str, where)
    if not sealed:
        report.say(f"Item with id '{item.get('id')}' not found. Items are not persisted when `store` is false.")
        return
    words = [*(summary or ()), *(item.get("content") or ())]
    why = complaint(sealed, origin, "reasoning", words)
    if why:
        report.say(f"The encrypted content for item {item.get('id')} could not be verified: it {why}.")
    found = unseal(sealed)
    mine = _OWN_ID.fullmatch(str(item.get("id", "")))
    if found and mine and int(mine[4], 16) != found.place:
        report.say(f"{where}: the encrypted content belongs to another item than '{item['id']}'.")


def _check_search(report: Report, item: Json, where: str, origin: Origin, *, searches: bool) -> None:
    """Require a complete search item of the same origin, in a request that offers web search."""
    report.only(item, ("type", "id", "status", "action"), where)
    report.one_of(item.get("status"), ("completed",), f"{where}.status")
    report.want(report.want(item, "action", dict, where) or {}, "type", str, f"{where}.action")
    known = str(report.want(item, "id", str, where) or "")
    if not known.startswith(f"ws_{whose(origin)}"):
        report.say(f"Item with id '{known}' not found.")
    if not searches:
        report.say(f"{where}: 'web_search_call' is only allowed when the 'web_search' tool is specified.")


def _check_call_id(report: Report, item: Json, where: str) -> None:
    known = report.want(item, "call_id", str, where)
    if known is None:
        return
    if len(known) > 64:
        report.say(
            f"Invalid '{where}.call_id': string too long. Expected a string with maximum length 64, but got a"
            f" string with length {len(known)} instead."
        )
    elif not _ID.fullmatch(known):
        report.say(f"Invalid '{where}.call_id': '{known}'. Expected letters, numbers, underscores or dashes.")


def _check_item_id(report: Report, item: Json, kind: str, where: str) -> None:
    known = report.may(item, "id", str, where)
    if known is None:
        return
    if not _ID.fullmatch(known):
        report.say(f"Invalid '{where}.id': '{known}'. Expected letters, numbers, underscores or dashes, up to 64.")
    elif not known.startswith(_PREFIXES.get(kind, "")):
        report.say(f"Invalid '{where}.id': '{known}'. Expected an ID that begins with '{_PREFIXES[kind][:-1]}'.")


def _check_pairs(report: Report, rows: list[tuple[str, Json]]) -> None:
    """Require one output per call, after it and before the next user message."""
    waiting: list[str] = []
    seen: set[str] = set()
    for where, item in rows:
        kind, known = item.get("type", "message"), str(item.get("call_id"))
        if kind == "function_call":
            if known in seen:
                report.say(f"Duplicate call_id {known} at {where}.")
            waiting.append(known)
            seen.add(known)
        elif kind == "function_call_output":
            if known not in waiting:
                report.say(f"No tool call found for function call output with call_id {known}.")
            else:
                waiting.remove(known)
        elif kind == "message" and item.get("role") == "user":
            _check_answered(report, waiting)
            waiting = []
    _check_answered(report, waiting)


def _check_answered(report: Report, waiting: list[str]) -> None:
    for known in waiting:
        report.say(f"No tool output found for function call {known}.")


def _check_company(report: Report, rows: list[tuple[str, Json]]) -> None:
    """Require the reasoning before an item of the same reply; refuse reasoning without an item."""
    thoughts: set[str] = set()
    last: dict[str, int] = {}
    seen: set[str] = set()
    for index, (_, item) in enumerate(rows):
        known = str(item.get("id", ""))
        if known and known in seen:
            report.say(f"Duplicate item found with id {known}.")
        seen.add(known)
        if item.get("type") == "reasoning" and not _is_reply(rows[index + 1 : index + 2]):
            report.say(f"Item '{known}' of type 'reasoning' was provided without its required following item.")
        mine = _OWN_ID.fullmatch(known)
        if mine is None:
            continue
        prefix, reply, mark, place = mine.groups()
        if prefix == "rs":
            thoughts.add(reply)
        elif mark == "r" and reply not in thoughts:
            kind = item.get("type", "message")
            report.say(f"Item '{known}' of type '{kind}' was provided without its required 'reasoning' item.")
        if int(place, 16) < last.get(reply, -1):
            report.say(f"Item '{known}' stands after an item that it came before.")
        last[reply] = int(place, 16)


def _is_reply(following: list[tuple[str, Json]]) -> bool:
    """True if the following item is output of the model."""
    if not following:
        return False
    item = following[0][1]
    kind = item.get("type", "message")
    return kind in ("reasoning", "function_call", "web_search_call") or (
        kind == "message" and item.get("role") == "assistant"
    )
