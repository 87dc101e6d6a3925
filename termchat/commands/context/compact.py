"""/compact: go on from a summary of the chat; the whole chat stays in the tree."""

from __future__ import annotations

from termchat.commands.registry import CommandContext, CommandGroup, Effects
from termchat.core.conversation import kept_messages, summary_request
from termchat.core.effects import Completion, Print, Send
from termchat.core.messages import Role
from termchat.core.sanitize import safe, safe_format, safe_line
from termchat.core.usage import estimate_tokens

group = CommandGroup()


@group.command(
    "compact",
    safe_format("go on from a summary of this chat and its last turns"),
    argument="[keep WHAT]",
    details=safe_format(
        "The model of this chat writes the summary, at its price. A new branch begins with it and keeps the last two "
        "turns and pinned messages; /undo returns to the whole chat. keep WHAT names what the summary must not lose. "
        "It can be stopped like a reply; a summary that is not complete is not used."
    ),
    complete=lambda context, prefix: [Completion("keep ", safe_format("what the summary must not lose"), by_tab=True)],
)
def request_summary(context: CommandContext, argument: str) -> Effects:
    """Ask for a summary of the chat; the new branch begins when it is complete."""
    session = context.session
    path = session.conversation.path()
    if not any(node.message.role is Role.ASSISTANT for node in path):
        return (Print(safe_format("There is nothing to compact yet.")),)
    sent = kept_messages(path, session.settings.marks.dropped)
    tokens = estimate_tokens("".join(message.text for message in sent))
    words = safe_format(
        "Asking {model} to summarise about {n} tokens · {key} stops",
        model=safe_line(str(session.model)), n=safe(f"{tokens:,}"), key=context.stop_key,
    )  # fmt: skip
    keep = argument.removeprefix("keep").strip() if argument.split(" ", maxsplit=1)[0] == "keep" else argument
    return (Print(words), Send(path[-1].id, summary_request(keep)))
