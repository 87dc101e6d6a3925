"""Compaction: a new branch that begins with the summary of the chat and keeps its last turns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from termchat.core.conversation import ContextMarks, Conversation, is_summary_request, summary_message, unit
from termchat.core.events import TurnEnded
from termchat.core.messages import Message, Role
from termchat.core.outcomes import Outcome
from termchat.core.sanitize import Safe, safe, safe_format
from termchat.core.session import TurnSettings
from termchat.engine.estimate import estimate_messages

_KEPT = 2  # turns


class CompactsChat(Protocol):
    """The session, as a compaction needs it."""

    conversation: Conversation

    @property
    def settings(self) -> TurnSettings: ...

    def add(self, message: Message, parent: str | None) -> str:
        """Add a message below a node, move the head to it, and return its node id."""
        ...

    def update_settings(self, change: Callable[[TurnSettings], TurnSettings], *, lasting: bool) -> None:
        """Change the settings of the next turns."""
        ...


def compact(session: CompactsChat, question: str, ended: TurnEnded) -> Safe | None:
    """Begin the new branch after a complete summary; return the line that reports it.

    None for any other turn. A summary that is not complete is not used.
    """
    conversation = session.conversation
    node = conversation.nodes.get(question)
    if node is None or not is_summary_request(node.message):
        return None
    if ended.outcome is not Outcome.COMPLETE:
        if ended.has_content:
            return safe_format("The summary is not complete and is not used. /undo returns to the chat.")
        return safe_format("No summary came; the chat is unchanged.")
    summary = "".join(n.message.text for n in conversation.turn(question) if n.message.role is Role.ASSISTANT)
    path = conversation.path(node.parent) if node.parent else ()
    starts = [n for n, old in enumerate(path) if old.message.role is Role.USER]
    last = starts[-_KEPT] if len(starts) > _KEPT else len(path)
    pinned = {name for old in path if old.id in session.settings.marks.pinned for name in unit(path, old.id)}
    kept = [old for n, old in enumerate(path) if n >= last or old.id in pinned]
    dropped = {name for old in path if old.id in session.settings.marks.dropped for name in unit(path, old.id)}
    pins: set[str] = set()
    at = session.add(summary_message(summary), None)
    for old in kept:
        if old.id in dropped:
            continue
        at = session.add(replace(old.message, usage=None), at)
        if old.id in pinned:
            pins.add(at)
    marks = session.settings.marks
    new = ContextMarks(marks.dropped, marks.pinned | pins)
    session.update_settings(lambda settings: replace(settings, marks=new), lasting=False)
    system = session.settings.system
    before = estimate_messages([old.message for old in path], system)
    after = estimate_messages(session.conversation.history(), system)
    return safe_format(
        "Compacted: about {before} → {after} tokens, the last turns kept · /undo returns to the whole chat",
        before=safe(f"{before:,}"), after=safe(f"{after:,}"),
    )  # fmt: skip
