"""The conversation of a Messages request: turns, blocks, calls, results, thinking."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any

from tests.gateway.signatures import Origin, complaint, prefix_of, unseal
from tests.gateway.validate.common import TOOL_NAME, Json, Report, family

_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")
# Older models, which accept a request that ends with a reply (prefill).
_PREFILL = re.compile(r"claude-(?:3|(?:opus|sonnet|haiku)-4(?:$|-[0-5]\b|-2))")
# Newer models, which bind thinking to everything before it.
_BOUND = re.compile(r"claude-(?:fable|mythos|(?:opus|sonnet|haiku)-[5-9])")
_THOUGHTS = ("thinking", "redacted_thinking")
_BLOCKS = {
    "user": ("text", "image", "document", "search_result", "tool_result"),
    "assistant": ("text", "tool_use", "server_tool_use", "web_search_tool_result", *_THOUGHTS),
}
_IMAGES = ("image/jpeg", "image/png", "image/gif", "image/webp")


def check_messages(report: Report, body: Json, origin: Origin) -> None:
    """Check the messages of a request."""
    messages = report.want(body, "messages", list)
    if messages is None:
        return
    if not messages:
        report.say("messages: at least one message is required")
        return
    rows = list(report.each(messages, "messages"))
    _check_turns(report, rows, prefill=bool(_PREFILL.match(family(origin.model))))
    ids: set[str] = set()
    for where, message in rows:
        report.only(message, ("role", "content"), where)
        content = report.want(message, "content", (str, list), where)
        if isinstance(content, str):
            check_text(report, content, f"{where}.content")
        if content == []:
            report.say(f"{where}: all messages must have non-empty content")
        for place, block in report.each(content, f"{where}.content"):
            _check_block(report, block, place, str(message.get("role")), origin)
            _check_unique(report, block, place, ids)
        if message.get("role") == "assistant":
            _check_thoughts(report, blocks_of(message), where)
    if _BOUND.match(family(origin.model)):
        _check_binding(report, body, rows)
    _check_pairs(report, rows)
    _check_searches(report, body, rows, origin)
    _check_loop(report, body, rows)


def blocks_of(message: Json) -> list[Json]:
    """The blocks of a message; its text as one block."""
    content = message.get("content")
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return [block for block in content or () if isinstance(block, dict)]


def check_text(report: Report, text: Any, where: str) -> None:
    """Refuse empty and blank text."""
    if text == "":
        report.say(f"{where}: text content blocks must be non-empty")
    elif isinstance(text, str) and not text.strip():
        report.say(f"{where}: text content blocks must contain non-whitespace text")


def _check_turns(report: Report, rows: list[tuple[str, Json]], *, prefill: bool) -> None:
    roles = [message.get("role") for _, message in rows]
    for (where, _), role in zip(rows, roles, strict=True):
        report.one_of(role, ("user", "assistant"), f"{where}.role")
    if roles[0] != "user":
        report.say('messages: first message must use the "user" role')
    if roles[-1] == "assistant" and prefill:
        last = blocks_of(rows[-1][1])[-1]
        if str(last.get("text", "")).endswith((" ", "\n")):
            report.say("messages: final assistant content cannot end with trailing whitespace")
    elif roles[-1] != "user" and blocks_of(rows[-1][1])[-1:] and not _paused(rows[-1][1]):
        report.say(
            "This model does not support assistant message prefill. The conversation must end with a user message."
        )
    for index in range(1, len(roles)):
        if roles[index] == roles[index - 1]:
            report.say(
                f'messages: roles must alternate between "user" and "assistant", but found multiple'
                f' "{roles[index]}" roles in a row'
            )


def _check_block(report: Report, block: Json, where: str, role: str, origin: Origin) -> None:
    kind = str(block.get("type"))
    if kind not in _BLOCKS.get(role, ()):
        report.say(f"{where}: Input tag '{kind}' found using 'type' does not match any of the expected tags for {role}")
        return
    if kind in ("text", "image", "document"):
        _check_plain(report, block, where)
    elif kind == "tool_use":
        _check_call(report, block, where)
    elif kind == "tool_result":
        _check_result(report, block, where)
    elif kind == "thinking":
        report.only(block, ("type", "thinking", "signature", "cache_control"), where)
        words = report.want(block, "thinking", str, where)
        _check_seal(report, report.want(block, "signature", str, where), origin, "thinking", words, where)
    elif kind == "redacted_thinking":
        report.only(block, ("type", "data", "cache_control"), where)
        _check_seal(report, report.want(block, "data", str, where), origin, "redacted", "", where)


def _check_plain(report: Report, block: Json, where: str) -> None:
    """Check text or media in a message or a tool result."""
    if block.get("type") == "text":
        report.only(block, ("type", "text", "cache_control", "citations"), where)
        check_text(report, report.want(block, "text", str, where), where)
    elif block.get("type") in ("image", "document"):
        _check_media(report, block, where, str(block["type"]))


def _check_media(report: Report, block: Json, where: str, kind: str) -> None:
    report.only(block, ("type", "source", "cache_control", "title", "context", "citations"), where)
    source = report.want(block, "source", dict, where) or {}
    sort = source.get("type")
    report.one_of(sort, ("base64", "url", "file", "text", "content"), f"{where}.source.type")
    if sort == "base64":
        media = _IMAGES if kind == "image" else ("application/pdf",)
        report.one_of(source.get("media_type"), media, f"{where}.source.base64.media_type")
        data = report.want(source, "data", str, f"{where}.source.base64") or ""
        if not data or data.startswith("data:"):
            report.say(f"{where}.source.base64.data: Input should be base64 without a prefix")


def _check_call(report: Report, block: Json, where: str) -> None:
    report.only(block, ("type", "id", "name", "input", "cache_control"), where)
    _check_id(report, report.want(block, "id", str, where), f"{where}.id")
    name = report.want(block, "name", str, where)
    if name is not None and not TOOL_NAME.fullmatch(name):
        report.say(f"{where}.name: String should match pattern '^[a-zA-Z0-9_-]{{1,64}}$'")
    report.want(block, "input", dict, where)


def _check_result(report: Report, block: Json, where: str) -> None:
    report.only(block, ("type", "tool_use_id", "content", "is_error", "cache_control"), where)
    _check_id(report, report.want(block, "tool_use_id", str, where), f"{where}.tool_use_id")
    failed = report.may(block, "is_error", bool, where)
    content = report.may(block, "content", (str, list), where)
    if failed and not content:
        report.say(f"{where}: content cannot be empty if `is_error` is true")
    for place, inner in report.each(content, f"{where}.content"):
        if inner.get("type") not in ("text", "image", "document", "search_result"):
            report.say(f"{place}: Input tag '{inner.get('type')}' does not match any of the expected tags")
        else:
            _check_plain(report, inner, place)


def _check_id(report: Report, value: Any, where: str) -> None:
    if isinstance(value, str) and not _ID.fullmatch(value):
        report.say(f"{where}: String should match pattern '^[a-zA-Z0-9_-]+$' and have at most 64 characters: {value!r}")


def _check_unique(report: Report, block: Json, where: str, ids: set[str]) -> None:
    """Require unique call ids and thinking blocks in a conversation."""
    kind = block.get("type")
    if kind == "tool_use":
        known = str(block.get("id"))
        if known in ids:
            report.say(f"{where}: `tool_use` ids must be unique: {known}")
        ids.add(known)
    if kind in _THOUGHTS:
        known = str(block.get("signature") or block.get("data"))
        if known in ids:
            report.say(f"{where}: this thinking block stands in the conversation twice")
        ids.add(known)


def _check_seal(report: Report, text: Any, origin: Origin, kind: str, words: Any, where: str) -> None:
    if not isinstance(text, str):
        return
    why = complaint(text, origin, kind, words)
    if why:
        report.say(f"{where}: Invalid `signature` in `{kind}` block: it {why}")


def _check_thoughts(report: Report, blocks: list[Json], where: str) -> None:
    """Require thinking blocks in their order, before the calls, and never last."""
    kinds = [block.get("type") for block in blocks]
    if kinds and kinds[-1] in _THOUGHTS:
        report.say(f"{where}: The final block in an assistant message cannot be `thinking`.")
    called = False
    places: dict[str, int] = {}
    for block in blocks:
        called = called or block.get("type") == "tool_use"
        if block.get("type") not in _THOUGHTS:
            continue
        if called:
            report.say(f"{where}: Expected `tool_use`, but found `thinking`: thinking comes before the calls")
        found = unseal(str(block.get("signature") or block.get("data")))
        if found is not None:
            if found.place < places.get(found.reply, -1):
                report.say(f"{where}: `thinking` blocks cannot be modified: they changed places")
            places[found.reply] = found.place


def _check_binding(report: Report, body: Json, rows: list[tuple[str, Json]]) -> None:
    """Require thinking after the same prefix, and no block left out before another one of its reply."""
    messages = [message for _, message in rows]
    for number, (where, message) in enumerate(rows):
        expected: dict[str, int] = {}
        blocks = blocks_of(message)
        for place, block in enumerate(blocks):
            found = unseal(str(block.get("signature") or block.get("data"))) if block.get("type") in _THOUGHTS else None
            if found is None or not found.prefix:
                continue
            before = messages[:number]  # a continued reply stands in one message with its beginning
            starts = [[], *([message | {"content": blocks[:n]}] for n in range(1, place + 1))]
            if found.prefix not in (prefix_of(body, before + start) for start in starts):
                report.say(f"{where}.content.{place}: The block is bound to a different conversation")
            if found.nth != expected.get(found.reply, 0):
                report.say(f"{where}.content.{place}: `thinking` blocks cannot be modified: one before it is missing")
            expected[found.reply] = found.nth + 1


def _check_pairs(report: Report, rows: list[tuple[str, Json]]) -> None:
    """Require all results in the message after their calls, before any other block."""
    calls: list[str] = []
    for where, message in rows:
        blocks = blocks_of(message)
        results = [str(block.get("tool_use_id")) for block in blocks if block.get("type") == "tool_result"]
        missing = [known for known in calls if known not in results]
        if missing:
            report.say(
                f"{where}: `tool_use` ids were found without `tool_result` blocks immediately after:"
                f" {', '.join(missing)}. Each `tool_use` block must have a corresponding `tool_result` block in the"
                " next message."
            )
        for known in results:
            if known not in calls:
                report.say(
                    f"{where}: unexpected `tool_use_id` found in `tool_result` blocks: {known}. Each `tool_result`"
                    " block must have a corresponding `tool_use` block in the previous message."
                )
        if len(set(results)) < len(results):
            report.say(f"{where}: each tool_use must have a single result. Found multiple `tool_result` blocks.")
        kinds = [block.get("type") == "tool_result" for block in blocks]
        if any(later and not earlier for earlier, later in pairwise(kinds)):
            report.say(f"{where}: `tool_result` blocks must come before any other block")
        calls = [str(block.get("id")) for block in blocks if block.get("type") == "tool_use"]


def _paused(message: Json) -> bool:
    """True if a reply ends with a search, as a paused one does."""
    return blocks_of(message)[-1].get("type") in ("server_tool_use", "web_search_tool_result")


def _check_searches(report: Report, body: Json, rows: list[tuple[str, Json]], origin: Origin) -> None:
    """Require searches with their results in the same reply, from the same origin, and citations with both."""
    tools = [tool for tool in body.get("tools") or () if isinstance(tool, dict)]
    offered = any(str(tool.get("type")).startswith("web_search_") for tool in tools)
    pages: set[str] = set()
    for number, (where, message) in enumerate(rows):
        waiting: list[str] = []
        for block in blocks_of(message):
            kind = block.get("type")
            if kind in ("server_tool_use", "web_search_tool_result") and not offered:
                report.say(f"{where}: `{kind}` needs the tool `web_search` in `tools`")
            if kind == "server_tool_use":
                report.only(block, ("type", "id", "name", "input", "caller", "cache_control"), where)
                waiting.append(str(report.want(block, "id", str, where)))
                report.want(report.want(block, "input", dict, where) or {}, "query", str, f"{where}.input")
            if kind == "web_search_tool_result":
                report.only(block, ("type", "tool_use_id", "content", "caller", "cache_control"), where)
                if block.get("tool_use_id") not in waiting:
                    report.say(f"{where}: `web_search_tool_result` without its `server_tool_use`")
                waiting = [known for known in waiting if known != block.get("tool_use_id")]
                pages |= _check_pages(report, block, where, origin)
            for citation in block.get("citations") or () if kind == "text" else ():
                _check_citation(report, citation, where, pages, origin)
        if waiting and not (number == len(rows) - 1 and message.get("role") == "assistant"):
            report.say(f"{where}: `web_search` tool use with id {waiting} was found without its result")


def _check_pages(report: Report, block: Json, where: str, origin: Origin) -> set[str]:
    """Check the results of a search, each page sealed by the same origin."""
    found: set[str] = set()
    content = block.get("content")
    for page in content if isinstance(content, list) else ():
        report.only(page, ("type", "url", "title", "encrypted_content", "page_age"), where)
        why = complaint(str(page.get("encrypted_content")), origin, "page", page.get("url"))
        if why:
            report.say(f"{where}: Invalid `encrypted_content` in search result: it {why}")
        found.add(str(page.get("url")))
    return found


def _check_citation(report: Report, citation: Json, where: str, pages: set[str], origin: Origin) -> None:
    if citation.get("type") != "web_search_result_location":
        report.say(f"{where}: no such citation: {citation.get('type')}")
        return
    report.only(citation, ("type", "url", "title", "encrypted_index", "cited_text"), where)
    why = complaint(str(citation.get("encrypted_index")), origin, "citation", citation.get("url"))
    if why:
        report.say(f"{where}: Invalid `encrypted_index` in citation: it {why}")
    if citation.get("url") not in pages:
        report.say(f"{where}: Could not find search result for citation index")


def _check_loop(report: Report, body: Json, rows: list[tuple[str, Json]]) -> None:
    """With enabled thinking, require it first in the turn that waits for results, and in no reply to be continued."""
    enabled = (body.get("thinking") or {}).get("type") == "enabled"
    where, last = rows[-1]
    if last.get("role") == "assistant" and not _paused(last):
        if enabled:
            report.say(f"{where}: prefill is not supported while thinking is enabled.")
        elif any(block.get("type") in _THOUGHTS for block in blocks_of(last)):
            report.say(
                f"{where}.content.0.type: When `thinking` is disabled, an `assistant` message in the final position"
                " cannot contain `thinking`. To use thinking blocks, enable `thinking` in your request."
            )
        return
    place = len(rows) - 1
    while place > 0 and blocks_of(rows[place][1])[:1] and blocks_of(rows[place][1])[0].get("type") == "tool_result":
        place -= 2
    if not enabled or place == len(rows) - 1:
        return
    where, before = rows[place + 1]
    first = blocks_of(before)[:1]
    if first and first[0].get("type") not in _THOUGHTS:
        report.say(
            f"{where}.content.0.type: Expected `thinking` or `redacted_thinking`, but found `{first[0].get('type')}`."
            " When `thinking` is enabled, a final `assistant` message must start with a thinking block."
        )
