"""Questions to the user through the client. Whatever is no clear yes is a no."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, TypeAlias
from uuid import uuid4

from acp.exceptions import RequestError
from acp.schema import AllowedOutcome, PermissionOption, RequestPermissionResponse, ToolCallProgress, ToolCallStart
from acp.schema import ToolCallUpdate as CallInQuestion
from pydantic import ValidationError

from termchat.core.approval import ApprovalRequest, ApprovalScope, Approve, Decision, Decline
from termchat.core.sanitize import Safe, safe_format, safe_line
from termchat.serve.acp.question_text import escape_markdown, reveal
from termchat.serve.acp.tool_updates import locations, plain, question_content, question_kind, question_title
from termchat.serve.acp.turn_updates import Update

AskClient: TypeAlias = Callable[[CallInQuestion, list[PermissionOption]], Awaitable[RequestPermissionResponse]]
SendUpdate: TypeAlias = Callable[[Update], Awaitable[None]]
GONE = (ConnectionError, RequestError, ValidationError)  # of a request to a client that does not answer it
_SCOPES = {scope.value: scope for scope in ApprovalScope}
_RULES = 160  # characters of the rules in the name of an option


async def decide(request: ApprovalRequest, call_id: str, cwd: Path, ask: AskClient) -> Decision:
    """Ask about a tool call; a client that has gone, or answers what was not offered, declines."""
    question = CallInQuestion(
        tool_call_id=call_id,
        title=question_title(request),
        kind=question_kind(request),
        status="pending",
        content=question_content(request, cwd),
        locations=locations(request.call, cwd) or None,
    )
    options = _options(request)
    chosen = await _chosen(question, options, ask)
    return Approve(_SCOPES[chosen]) if chosen in _SCOPES else Decline()


async def confirm(question: str, ask: AskClient, update: SendUpdate) -> bool:
    """Ask a question that is about no tool call; it is shown as a call of its own."""
    name, words = f"question-{uuid4().hex[:12]}", escape_markdown(question)
    started: dict[str, Any] = {"tool_call_id": name, "title": words, "kind": "other", "status": "pending"}
    await update(ToolCallStart(session_update="tool_call", **started))
    options = [
        PermissionOption(option_id="yes", name="Yes, once", kind="allow_once"),
        PermissionOption(option_id="no", name="No", kind="reject_once"),
    ]
    agreed = await _chosen(CallInQuestion(**started, content=[plain(words)]), options, ask) == "yes"
    status = "completed" if agreed else "failed"
    await update(ToolCallProgress(session_update="tool_call_update", tool_call_id=name, status=status))
    return agreed


async def _chosen(question: CallInQuestion, options: Sequence[PermissionOption], ask: AskClient) -> str:
    """Return the id of the option that the user chose, "" for none of them."""
    try:
        answer = await ask(question, list(options))
    except GONE:
        return ""
    outcome = answer.outcome
    offered = {option.option_id for option in options}
    return outcome.option_id if isinstance(outcome, AllowedOutcome) and outcome.option_id in offered else ""


def _options(request: ApprovalRequest) -> list[PermissionOption]:
    """Return the answers: once; for such calls in this chat, or in all; no."""
    options = [PermissionOption(option_id=ApprovalScope.ONCE, name="Yes, once", kind="allow_once")]
    if request.rules:
        rule = safe_line(reveal(" and ".join(request.rules)))
        rule = rule if len(rule) <= _RULES else Safe(f"{rule[:_RULES]}…")
        chat = safe_format("Yes, and allow {rule} in this chat", rule=rule)
        saved = safe_format("Yes, and always allow {rule}", rule=rule)
        options.append(PermissionOption(option_id=ApprovalScope.CHAT, name=chat, kind="allow_always"))
        options.append(PermissionOption(option_id=ApprovalScope.SAVED, name=saved, kind="allow_always"))
    options.append(PermissionOption(option_id="no", name="No", kind="reject_once"))
    return options
