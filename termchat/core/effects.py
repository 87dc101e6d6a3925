"""Effects: values a slash command returns, and the front end carries out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from termchat.core.chats import ExportFormat
from termchat.core.messages import Message
from termchat.core.models import ModelRef
from termchat.core.provider import Effort
from termchat.core.sanitize import EMPTY, Safe
from termchat.core.session import TurnSettings
from termchat.core.style import TextRole
from termchat.late_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Print:
    """Print one or more lines in one style."""

    words: Safe
    role: TextRole = TextRole.DIM


@dataclass(frozen=True, slots=True)
class PrintTable:
    """Print rows in columns; `right` holds the indices of right-aligned columns.

    optional_columns   indices of columns to drop where they do not fit, in the order of dropping
    excerpt            index of a column whose cells are cut where the rest does not fit
    """

    header: tuple[Safe, ...]
    rows: Sequence[tuple[Safe, ...]]
    right: frozenset[int] = frozenset()
    optional_columns: tuple[int, ...] = ()
    excerpt: int | None = None


@dataclass(frozen=True, slots=True)
class TreeBranch:
    """An unbranched run of messages in a tree.

    depth   the number of branches above it
    lines   a line per message, and True if the message is on the path to the head
    """

    depth: int
    lines: tuple[tuple[Safe, bool], ...]


@dataclass(frozen=True, slots=True)
class PrintTree:
    """Print a tree; its branches come in depth-first order."""

    branches: tuple[TreeBranch, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """A row of a picker.

    effects        effects of accepting it
    on_highlight   effects of moving the marker onto it
    usable         False puts the row after the others
    name           what is typed to name the row exactly, "" for the label
    preview        a longer text, whose beginning is shown while the row is marked
    """

    label: Safe
    detail: Safe = EMPTY
    effects: tuple[Effect, ...] = ()
    on_highlight: tuple[Effect, ...] = ()
    usable: bool = True
    name: str = ""
    preview: Safe = EMPTY


@dataclass(frozen=True, slots=True)
class Choose:
    """Open a picker. `at` is the index of the row marked first; `on_cancel` are the effects of leaving it.

    folded   fewer rows, which Tab shows instead; () for none
    """

    title: Safe
    choices: tuple[Choice, ...]
    at: int = 0
    on_cancel: tuple[Effect, ...] = ()
    folded: tuple[Choice, ...] = ()


@dataclass(frozen=True, slots=True)
class RunCommand:
    """Run a slash command, such as `/goto 4`; if it `waits`, put it into the input to be completed."""

    line: str
    waits: bool = False


@dataclass(frozen=True, slots=True)
class ListModels:
    """Fetch the models of all providers and open a picker of those that match `query`."""

    query: str = ""


@dataclass(frozen=True, slots=True)
class Send:
    """Send `message` below the node `parent`; without a message, answer that node again, by another model if given."""

    parent: str | None
    message: Message | None = None
    model: ModelRef | None = None
    think: Effort | None = None


@dataclass(frozen=True, slots=True)
class MoveHead:
    """Move the head to another node; `prefill` is put into an empty input, with its attachments."""

    node: str | None
    prefill: Message | None = None


@dataclass(frozen=True, slots=True)
class UseModel:
    """Switch this chat to another model, and to another reasoning effort unless it is None."""

    model: ModelRef
    think: Effort | None = None


@dataclass(frozen=True, slots=True)
class NewChat:
    """Start an empty chat; the current one stays saved."""


@dataclass(frozen=True, slots=True)
class ShowInPager:
    """Show a long text in the pager."""

    text: Safe


@dataclass(frozen=True, slots=True)
class ShowMessages:
    """Print messages of this chat again as they were: questions, reasoning, tool cards, replies and their ends."""

    messages: tuple[Message, ...]


@dataclass(frozen=True, slots=True)
class ListChats:
    """Open a picker of the saved chats that match `query`."""

    query: str = ""


@dataclass(frozen=True, slots=True)
class OpenChat:
    """Resume a saved chat by its id, an id prefix or its title; show the message that contains the words `found`."""

    chat: str
    found: str = ""


@dataclass(frozen=True, slots=True)
class Rename:
    """Set the title of this chat."""

    title: str


@dataclass(frozen=True, slots=True)
class Fork:
    """Continue in a new chat that shares all messages so far."""

    title: str = ""


@dataclass(frozen=True, slots=True)
class Export:
    """Write this chat, up to its head, to a file."""

    form: ExportFormat
    file: str


@dataclass(frozen=True, slots=True)
class Incognito:
    """Start an empty chat, and save nothing from now on; `off` saves chats again."""

    off: bool = False


@dataclass(frozen=True, slots=True)
class EditRule:
    """Allow the tool calls that a rule names, in all chats if `save`, else in this one; with `remove`, forget it."""

    rule: str
    save: bool = False
    remove: bool = False


@dataclass(frozen=True, slots=True)
class UsePrompt:
    """Put the text of a server's prompt into the input."""

    name: str
    arguments: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class SaveText:
    """Write a text to a file; `what` names the saved part, "" for the last answer. Ask before overwriting a file."""

    text: str
    file: str
    what: Safe = EMPTY
    overwrite: bool = False


@dataclass(frozen=True, slots=True)
class SetLabel:
    """Label a message, by its node id; "" removes the label."""

    node: str
    text: str


@dataclass(frozen=True, slots=True)
class UseSettings:
    """Use other settings for the next turns of this chat."""

    settings: TurnSettings


@dataclass(frozen=True, slots=True)
class ShowBudget:
    """Print what this chat and this day have cost, beside their limits."""


# An effect that waits for a file or a server: the front end runs it with the session, then the effects it returns.
ChatEffect: TypeAlias = (
    ListChats
    | OpenChat
    | Rename
    | Fork
    | Export
    | EditRule
    | UsePrompt
    | UseSettings
    | ShowBudget
    | SaveText
    | SetLabel
)


@dataclass(frozen=True, slots=True)
class ChangeSetting:
    """Change a setting for this run, from the text of its value; with `save` also in the config file."""

    key: str
    value: str
    save: bool = False


@dataclass(frozen=True, slots=True)
class PreviewTheme:
    """Show a theme until the next preview; "" returns to the theme in use."""

    theme: str = ""


@dataclass(frozen=True, slots=True)
class Copy:
    """Copy a text to the clipboard; `what` names the copied part of the answer, "" the whole."""

    text: str
    what: Safe = EMPTY


@dataclass(frozen=True, slots=True)
class LogIn:
    """Set up a provider: ask for its key, try it, keep it, and offer its models.

    provider   the name of the provider, "" to choose one
    at_once    ask for nothing but the model: a server on this machine that answers
    """

    provider: str = ""
    at_once: bool = False


@dataclass(frozen=True, slots=True)
class LogOut:
    """Remove the key of a provider that a login has kept; "" for a list of those."""

    provider: str = ""


@dataclass(frozen=True, slots=True)
class Diagnose:
    """Check the providers, the terminal and the installation; with `full` also by requests that cost tokens."""

    full: bool = False


@dataclass(frozen=True, slots=True)
class Quit:
    """Exit the program with `code`."""

    code: int = 0


SetupEffect: TypeAlias = LogIn | LogOut | Diagnose


@dataclass(frozen=True, slots=True)
class Attach:
    """Attach files to the next message; with `remove`, remove an attachment by name or number; else list them."""

    names: tuple[str, ...] = ()
    remove: str = ""


@dataclass(frozen=True, slots=True)
class Compare:
    """Let several models, each with its effort, answer the node `question`, or a new `message` below the head."""

    models: tuple[ModelRef, ...]
    efforts: tuple[Effort | None, ...]
    question: str = ""
    message: Message | None = None


@dataclass(frozen=True, slots=True)
class AskAside:
    """Answer a side question with the context of the chat, outside of it."""

    question: Message
    model: ModelRef | None = None


@dataclass(frozen=True, slots=True)
class ForkAside:
    """Ask a question in a copy of this chat, which runs in the background."""

    question: Message
    model: ModelRef


@dataclass(frozen=True, slots=True)
class Adopt:
    """Make the reply of this number, of a comparison or of a side question, a part of the chat."""

    number: int


# An effect that runs beside the chat; nothing waits for its end.
SideEffect: TypeAlias = Compare | AskAside | ForkAside | Adopt
PrintEffect: TypeAlias = Print | PrintTable | PrintTree
Effect: TypeAlias = (
    Print
    | PrintTable
    | PrintTree
    | Choose
    | RunCommand
    | ListModels
    | Send
    | MoveHead
    | UseModel
    | NewChat
    | ShowInPager
    | ShowMessages
    | Quit
    | Incognito
    | ChatEffect
    | ChangeSetting
    | PreviewTheme
    | Copy
    | Attach
    | SetupEffect
    | SideEffect
)


@dataclass(frozen=True, slots=True)
class Completion:
    """A completion and its description. `usable` False puts it last, `by_tab` keeps Enter from accepting it."""

    text: str
    detail: Safe = EMPTY
    usable: bool = True
    by_tab: bool = False


Candidates: TypeAlias = Sequence[Completion]
