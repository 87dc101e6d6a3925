"""Tool calls as a client shows them: a title, a kind, places in files, changes, and results."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, TypeAlias, cast

from acp.schema import (
    ContentToolCallContent,
    FileEditToolCallContent,
    ImageContentBlock,
    TerminalToolCallContent,
    TextContentBlock,
    ToolCallLocation,
    ToolCallProgress,
    ToolCallStart,
)

from termchat.core.approval import ApprovalRequest, PreviewKind, ToolEffect, mark_blanks
from termchat.core.messages import Image, ToolCall, ToolResult, foreign_argument
from termchat.core.sanitize import Safe, repair_surrogates, safe, safe_format, safe_line
from termchat.serve.acp.question_text import code_name, code_span, escape_markdown, reveal, safe_code_block

Kind: TypeAlias = Literal[
    "read", "edit", "delete", "move", "search", "execute", "think", "fetch", "switch_mode", "other"
]
Content: TypeAlias = ContentToolCallContent | FileEditToolCallContent | TerminalToolCallContent
_KINDS: Mapping[str, Kind] = {
    "read_file": "read", "list_directory": "read", "search_files": "search", "edit_file": "edit",
    "write_file": "edit", "run_shell": "execute", "fetch_url": "fetch", "calculate": "think",
}  # fmt: skip
_BY_EFFECT: Mapping[ToolEffect, Kind] = {
    ToolEffect.READ: "read",
    ToolEffect.WRITE: "edit",
    ToolEffect.RUN: "execute",
    ToolEffect.NETWORK: "fetch",
}
_VERBS = {
    ToolEffect.READ: safe_format("wants to read"),
    ToolEffect.WRITE: safe_format("wants to write"),
    ToolEffect.RUN: safe_format("wants to run"),
    ToolEffect.NETWORK: safe_format("wants to use the network"),
}
_LANGUAGES = {PreviewKind.COMMAND: "sh", PreviewKind.DIFF: "diff", PreviewKind.TEXT: ""}
_TITLE = 120  # characters of the argument in a title
_MOST = 100_000  # characters of a text; the model and the saved chat have all of it


def call_started(call_id: str, call: ToolCall, cwd: Path) -> ToolCallStart:
    """Return the update of a call that is taken up."""
    return ToolCallStart(
        session_update="tool_call",
        tool_call_id=call_id,
        title=call_title(call),
        kind=_KINDS.get(call.name, "other"),
        status="pending",
        locations=locations(call, cwd) or None,
        content=list(_changes(call, cwd)) or None,
        raw_input=_arguments(call),
    )


def call_ended(call_id: str, call: ToolCall, result: ToolResult, cwd: Path) -> ToolCallProgress:
    """Return the update of a call that has ended."""
    failed = result.is_error or bool(result.status)
    content: list[Content] = [] if failed else list(_changes(call, cwd))
    for part in result.parts:
        if isinstance(part, Image):
            if part.data:
                image = ImageContentBlock(
                    type="image", data=base64.b64encode(part.data).decode(), mime_type=safe_line(part.mime)
                )
                content.append(ContentToolCallContent(type="content", content=image))
        elif part.text:
            content.append(as_code_block(part.text))
    return ToolCallProgress(
        session_update="tool_call_update",
        tool_call_id=call_id,
        status="failed" if failed else "completed",
        content=content,
    )


def call_title(call: ToolCall) -> Safe:
    """Return the tool and its main argument: `read_file notes.md`."""
    return Safe(f"{code_name(call.name)} {_argument(call)}".strip())


def question_title(request: ApprovalRequest) -> Safe:
    """Return `run_shell wants to run: ls`, or the title of a question of another kind."""
    if request.title:
        return escape_markdown(request.title)
    about = safe_format("{name} {verb}", name=code_name(request.call.name), verb=_VERBS[request.effect])
    argument = _argument(request.call)
    return safe_format("{about}: {what}", about=about, what=argument) if argument else about


def question_kind(request: ApprovalRequest) -> Kind:
    """Return the kind of the call that a question is about."""
    return _KINDS.get(request.call.name) or _BY_EFFECT[request.effect]


def question_content(request: ApprovalRequest, cwd: Path) -> list[Content]:
    """Return what the call would do, whole, with the facts about it."""
    content: list[Content] = [] if request.title else list(_changes(request.call, cwd))
    if request.preview and not content:
        preview = mark_blanks(request.preview) if request.kind is PreviewKind.COMMAND else request.preview
        content.append(plain(safe_code_block(reveal(preview), _LANGUAGES[request.kind])))
    facts = "\n".join(f"- {code_span(fact)}" for fact in (*request.facts, request.reason) if fact)
    return [*content, *([plain(facts)] if facts else [])]


def as_code_block(text: str) -> ContentToolCallContent:
    """Return foreign text as a code block, so that none of it acts as Markdown."""
    if len(text) > _MOST:
        text = f"{text[:_MOST]}\n[{len(text) - _MOST} more characters]"
    return plain(safe_code_block(safe(text)))


def plain(text: str) -> ContentToolCallContent:
    """Return text as it is."""
    block = TextContentBlock(type="text", text=repair_surrogates(text))
    return ContentToolCallContent(type="content", content=block)


def locations(call: ToolCall, cwd: Path) -> list[ToolCallLocation]:
    """Return the file that a call names."""
    path = _path(_arguments(call), cwd)
    return [ToolCallLocation(path=path)] if path and call.name in _KINDS else []


def _changes(call: ToolCall, cwd: Path) -> Iterator[FileEditToolCallContent]:
    """Yield the change of a file that a call of our own tools makes."""
    arguments = _arguments(call)
    path = _path(arguments, cwd)
    old, new, text = (arguments.get(name) for name in ("old", "new", "text"))
    if path and call.name == "edit_file" and isinstance(old, str) and isinstance(new, str):
        yield FileEditToolCallContent(type="diff", path=path, old_text=reveal(old), new_text=reveal(new))
    if path and call.name == "write_file" and isinstance(text, str):
        yield FileEditToolCallContent(type="diff", path=path, new_text=reveal(text))


def _argument(call: ToolCall) -> Safe:
    text = foreign_argument(call.arguments)
    return code_span(text if len(text) <= _TITLE else f"{text[:_TITLE]}…")


def _path(arguments: Mapping[str, Any], cwd: Path) -> str:
    path = arguments.get("path")
    if not isinstance(path, str) or not path or "\0" in path:
        return ""
    return safe_line(reveal(os.path.normpath(cwd / os.path.expanduser(path))))


def _arguments(call: ToolCall) -> dict[str, Any]:
    try:
        parsed: object = json.loads(call.arguments or "{}")
    except (ValueError, RecursionError):
        return {}
    return cast("dict[str, Any]", parsed) if isinstance(parsed, dict) else {}
