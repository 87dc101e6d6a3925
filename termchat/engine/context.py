"""The context of a request: the messages that are sent, fitted to the context window of the model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field

from termchat.core.conversation import Node, is_summary_request, kept_messages, unit
from termchat.core.errors import Failure, FailureKind
from termchat.core.messages import Message, Role
from termchat.core.sanitize import Safe, safe, safe_format, safe_line
from termchat.engine.estimate import estimate_messages
from termchat.engine.turn import TurnConfig
from termchat.late_dataclass import dataclass

_MOST_CORRECTION = 3.0  # of an estimate by the counts of the last reply
_UNSURE = 0.75  # share of an estimate that nothing has corrected


@dataclass(frozen=True, slots=True)
class Context:
    """The messages to send, what the user has to know about them, and the failure if they cannot be sent."""

    messages: tuple[Message, ...]
    notices: tuple[Safe, ...] = field(default_factory=tuple[Safe, ...])
    refusal: Failure | None = None


def prepare_context(path: Sequence[Node], config: TurnConfig) -> Context:
    """Return the messages of a path without the dropped ones, fitted to the window of the model.

    The message to be answered is sent, also a dropped one: it is asked again, or its reply is continued.
    With the setting `fit` the oldest turns that are not pinned are left out; without it a chat that is too long is
    not sent. Nothing is left out without a notice. A chat whose window is unknown is sent as it is.
    """
    dropped = config.marks.dropped.difference(unit(path, path[-1].id) if path else ())
    messages = kept_messages(path, dropped)
    info = config.providers.model_info(config.model)
    window = info.context if info else None
    if not window or not path:
        return Context(messages)
    correction, sure = _correction(path, config.system)

    def size(sent: Sequence[Message]) -> float:
        return estimate_messages(sent, config.system) * correction

    room = window - (config.params.max_tokens or 0)
    tokens = size(messages)
    if tokens * (1 if sure else _UNSURE) <= room:
        return Context(messages)
    if not config.fit and not is_summary_request(path[-1].message):  # a summary is the way out
        return Context(messages, refusal=_too_long(config, round(tokens), window))
    turns = _old_turns(path, config)
    left_out: set[str] = set()
    for count, turn in enumerate(turns, 1):
        left_out.update(node.id for node in turn)
        messages = kept_messages(path, dropped | left_out)
        if size(messages) <= room:
            return Context(messages, (_left_out(count, config),))
    return Context(messages, refusal=_too_long(config, round(size(messages)), window))


def _correction(path: Sequence[Node], system: str) -> tuple[float, bool]:
    """Return the factor between an estimate and the counts of the last reply, and True if there is one."""
    for n in range(len(path) - 1, 0, -1):
        message = path[n].message
        if message.role is Role.ASSISTANT and message.usage and message.usage.input and not message.usage.estimated:
            guess = estimate_messages([node.message for node in path[:n]], system)
            return min(max(message.usage.input / max(guess, 1), 1.0), _MOST_CORRECTION), True
    return 1.0, False


def _old_turns(path: Sequence[Node], config: TurnConfig) -> list[list[Node]]:
    """Return the turns that may be left out, oldest first: without a pinned message, and not the last one."""
    turns: list[list[Node]] = []
    for node in path:
        if node.message.role is Role.USER or not turns:
            turns.append([])
        turns[-1].append(node)
    pinned = config.marks.pinned
    return [turn for turn in turns[:-1] if not any(node.id in pinned for node in turn)]


def _left_out(count: int, config: TurnConfig) -> Safe:
    return safe_format(
        "The oldest {n} turn{s} left out to fit {model} · in a chat, /compact summarises and /context pin N keeps",
        n=safe("" if count == 1 else str(count)), s=safe(" is" if count == 1 else "s are"),
        model=safe_line(config.model.model),
    )  # fmt: skip


def _too_long(config: TurnConfig, tokens: int, window: int) -> Failure:
    words = safe_format(
        "The chat has about {n} tokens, more than the {window} of {model}; it was not sent.",
        n=safe(f"{tokens:,}"), window=safe(f"{window:,}"), model=safe_line(config.model.model),
    )  # fmt: skip
    hint = safe_format(
        "Shorten it: /compact, /drop N, --set fit=true in a script; or choose a larger model (/model, -m)."
    )
    return Failure(FailureKind.CONTEXT_TOO_LONG, words, hint)
