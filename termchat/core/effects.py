"""Effects: values a slash command returns, and the front end carries out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from termchat.core.chats import ExportFormat
from termchat.core.messages import Message
from termchat.core.models import ModelRef
from termchat.core.sanitize import EMPTY, Safe
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
    """

    header: tuple[Safe, ...]
    rows: Sequence[tuple[Safe, ...]]
    right: frozenset[int] = frozenset()
    optional_columns: tuple[int, ...] = ()


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
    """Open a picker. `at` is the index of the row marked first; `on_cancel` are the effects of leaving it."""

    title: Safe
    choices: tuple[Choice, ...]
    at: int = 0
    on_cancel: tuple[Effect, ...] = ()


@dataclass(frozen=True, slots=True)
class RunCommand:
    """Run a slash command, such as `/goto 4`."""

    line: str


@dataclass(frozen=True, slots=True)
class ListModels:
    """Fetch the models of all providers and open a picker of those that match `query`."""

    query: str = ""


@dataclass(frozen=True, slots=True)
class Send:
    """Send `message` below the node `parent`; without a message, answer that node again."""

    parent: str | None
    message: Message | None = None
    model: ModelRef | None = None


@dataclass(frozen=True, slots=True)
class MoveHead:
    """Move the head to another node; `prefill` is put into an empty input, with its attachments."""

    node: str | None
    prefill: Message | None = None


@dataclass(frozen=True, slots=True)
class UseModel:
    """Switch this chat to another model."""

    model: ModelRef


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


# An effect that waits for a file or a server: the front end runs it with the session, then the effects it returns.
ChatEffect: TypeAlias = ListChats | OpenChat | Rename | Fork | Export | EditRule | UsePrompt


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
class Quit:
    """Exit the program with `code`."""

    code: int = 0


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
)


@dataclass(frozen=True, slots=True)
class Completion:
    """A completion: the full text of the word, and a description; False for `usable` puts it last."""

    text: str
    detail: Safe = EMPTY
    usable: bool = True


Candidates: TypeAlias = Sequence[Completion]
