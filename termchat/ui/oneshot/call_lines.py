"""The lines about tool calls on standard error of a script."""

from __future__ import annotations

import shlex

from termchat.core.approval import ApprovalRequest
from termchat.core.events import ToolFinished
from termchat.core.messages import ToolStatus, call_mark, main_argument, shown_text
from termchat.core.sanitize import EMPTY, Safe, safe_format, safe_line
from termchat.ui.phrases import duration

CANNOT_ASK = "a script cannot ask"
_ARGUMENT = 80  # columns
_REASON = 200


def unasked_line(request: ApprovalRequest) -> Safe:
    """Return the line for a question that a script declines, with what would permit the call."""
    if request.title:
        return safe_format("○ {title} · declined: {why}.", title=safe_line(request.title), why=safe_line(CANNOT_ASK))
    call = _call(request.call.name, request.call.arguments)
    if request.only_person:
        reason = safe_line(request.reason)
        return safe_format("○ {call} · declined: {why}. {reason}", call=call, why=safe_line(CANNOT_ASK), reason=reason)
    allow = safe_format("--yes")
    if request.rules:
        flags = " ".join(f"--allow {shlex.quote(rule)}" for rule in request.rules)
        allow = safe_format("{flags} or --yes", flags=safe_line(flags))
    return safe_format("○ {call} · declined: {allow} permits it.", call=call, allow=allow)


def finished_line(event: ToolFinished) -> Safe:
    """Return the line for a call that ended, with the reason of one that failed or was denied."""
    from termchat.ui.text.fit import truncate

    result = event.result
    tail: list[Safe] = [] if result.status is ToolStatus.DECLINED else [duration(event.seconds)]
    if result.status:
        tail.append(Safe(result.status.value))
    line = safe_format(
        "{mark} {call} · {tail}",
        mark=call_mark(result),
        call=_call(event.call.name, event.call.arguments),
        tail=Safe(" · ".join(tail)),
    )
    rows = [row for row in shown_text(result).split("\n") if row.strip()] if result.is_error else []
    why = truncate(safe_line(rows[0]), _REASON) if rows else EMPTY
    return safe_format("{line}: {why}", line=line, why=why) if why else line


def _call(name: str, arguments: str) -> Safe:
    from termchat.ui.text.fit import truncate_middle

    argument = truncate_middle(main_argument(arguments), _ARGUMENT)
    return safe_format("{name} {argument}", name=safe_line(name), argument=argument) if argument else safe_line(name)
