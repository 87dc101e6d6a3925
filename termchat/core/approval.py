"""Approval of tool calls: what a call would do, the question to the user, and the answer.

`Tools.judge` returns a `Permit` (run it), an `ApprovalRequest` (ask first) or a `ToolResult` (it never runs). The
engine asks through the event `ApprovalAsked`; the front end answers with `Turn.answer`.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import field
from enum import StrEnum
from typing import TypeAlias
from uuid import uuid4

from termchat.core.messages import ToolCall
from termchat.late_dataclass import dataclass

_SPACES = re.compile(r" {12,}|\t{4,}")
_BLANK_LINES = re.compile(r"\n(?:[ \t]*\n){3,}")


class ToolEffect(StrEnum):
    """The effect of a tool on the world outside the chat."""

    READ = "read"
    WRITE = "write"
    RUN = "run"
    NETWORK = "network"


class PreviewKind(StrEnum):
    """The kind of text that previews a call."""

    COMMAND = "command"
    DIFF = "diff"
    TEXT = "text"


class ApprovalScope(StrEnum):
    """The reach of an approval: this call, a chat until the user leaves it, or all chats by a saved rule."""

    ONCE = "once"
    CHAT = "chat"
    SAVED = "saved"


@dataclass(frozen=True, slots=True)
class Permit:
    """Permission to run one call exactly as it was judged.

    by_person     a person approved this call: it may leave the working directory and reach private addresses
    pipeline      the argv of each process of a command that a rule allows; it runs without a shell. Empty otherwise
    environment   variables to add for `pipeline`
    outside       the path may lie outside the working directory; always True for `by_person`
    path          the resolved path that was judged: the tool fails when it leads elsewhere by then. "" for none
    seen          `Plan.seen` of the preview that was approved: the tool fails when its base has changed. "" for none
    """

    by_person: bool = False
    pipeline: tuple[tuple[str, ...], ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    outside: bool = False
    path: str = ""
    seen: str = ""

    def __post_init__(self) -> None:
        if self.by_person:
            object.__setattr__(self, "outside", True)


@dataclass(frozen=True, slots=True)
class ApprovalRequest:
    """A call that needs an approval. All texts are foreign and not yet safe for a terminal.

    effect          the effect of the tool
    preview         the command, diff or arguments, whole
    facts           short phrases: the directory, the sandbox, the address
    rules           the rules that together allow such calls from now on, empty when none may be offered
    edit_argument   the argument that is edited as plain text; "" to edit the JSON of all arguments
    reason          why no rule allows the call, "" if no rule is about it
    title           replaces "NAME wants to ..." for a question of another kind
    only_person     nothing but an answer of a person allows the call: no rule, no `--yes`
    permit          the permit of the call if it is approved
    """

    call: ToolCall
    effect: ToolEffect
    preview: str = ""
    kind: PreviewKind = PreviewKind.TEXT
    facts: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    edit_argument: str = ""
    reason: str = ""
    permit: Permit = field(default_factory=Permit)
    title: str = ""
    only_person: bool = False
    id: str = field(default_factory=lambda: uuid4().hex)


@dataclass(frozen=True, slots=True)
class Approve:
    """Run the call; beyond `ONCE` also add the rules of the request."""

    scope: ApprovalScope = ApprovalScope.ONCE


@dataclass(frozen=True, slots=True)
class Decline:
    """Do not run the call. `reason` goes to the model, "" for none."""

    reason: str = ""


@dataclass(frozen=True, slots=True)
class ChangeArguments:
    """Judge the call again with other arguments, as JSON text; nothing runs yet."""

    arguments: str


Decision: TypeAlias = Approve | Decline | ChangeArguments
Ask: TypeAlias = Callable[[ApprovalRequest], Awaitable[Decision]]


@dataclass(frozen=True, slots=True)
class ToolLimits:
    """Limits of the tool calls of one turn.

    calls     calls in one reply
    repeats   identical calls in one turn
    seconds   time of one call, without the wait for an approval
    """

    calls: int = 50
    repeats: int = 3
    seconds: float = 600.0


@dataclass(frozen=True, slots=True)
class ToolRow:
    """A tool in the list of tools.

    offered   the model may call it
    source    its origin: "built in", a file, an MCP server
    """

    name: str
    effect: ToolEffect
    description: str
    offered: bool
    source: str


@dataclass(frozen=True, slots=True)
class PromptRow:
    """A prompt that a server offers as a slash command.

    name        `server:prompt`
    arguments   their names, in order
    required    the names of those that it needs
    """

    name: str
    description: str = ""
    arguments: tuple[str, ...] = ()
    required: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class ResourceRow:
    """A resource that a server offers, or with `template` the URI template of several.

    about   its title and description
    size    in bytes, 0 if unknown
    """

    uri: str
    about: str = ""
    mime: str = ""
    size: int = 0
    template: bool = False


@dataclass(frozen=True, slots=True)
class RuleRow:
    """A rule in the list of rules; `answer` is deny, ask or allow, `saved` False for a rule that ends with the chat."""

    text: str
    answer: str
    saved: bool


def mark_blanks(command: str) -> str:
    """Return a command with long runs of blanks as their number: nothing stands out of sight behind them."""
    command = _BLANK_LINES.sub(lambda found: f"\n⟨{found[0].count(chr(10)) - 1} blank lines⟩\n", command)
    return _SPACES.sub(lambda found: f" ⟨{len(found[0])} spaces⟩ ", command)
