"""What a slash command asks the front end to do. Commands act on no screen; they return these values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from termchat.core.chats import ExportFormat
from termchat.core.messages import Message
from termchat.core.models import ModelRef
from termchat.core.sanitize import EMPTY, Safe
from termchat.core.style import TextRole


@dataclass(frozen=True, slots=True)
class Print:
    """Print a line or more, in one role."""

    words: Safe
    role: TextRole = TextRole.DIM


@dataclass(frozen=True, slots=True)
class PrintTable:
    """Print rows in columns; `right` names the columns (by number) that are aligned to the right.

    spare   the columns that are left out where there is no room for them, the first ones first
    """

    header: tuple[Safe, ...]
    rows: Sequence[tuple[Safe, ...]]
    right: frozenset[int] = frozenset()
    optional_columns: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Choice:
    """One row of a picker: what is shown, what is done when it is taken."""

    label: Safe
    detail: Safe = EMPTY
    effects: tuple[Effect, ...] = ()
    on_highlight: tuple[Effect, ...] = ()  # what is done as soon as the marker stands on it, where there is a marker


@dataclass(frozen=True, slots=True)
class Choose:
    """Let the user choose one. `at` is marked first; `left` is done when none is taken."""

    title: Safe
    choices: tuple[Choice, ...]
    at: int = 0
    on_cancel: tuple[Effect, ...] = ()


@dataclass(frozen=True, slots=True)
class ListModels:
    """Ask the providers for their models, then let the user pick one of those that match `query`."""

    query: str = ""


@dataclass(frozen=True, slots=True)
class Send:
    """Send from a place of the tree: a new message below it, or, without one, answer again what stands there."""

    parent: str | None
    message: Message | None = None
    model: ModelRef | None = None


@dataclass(frozen=True, slots=True)
class MoveHead:
    """Go to another place of the tree; `restore` is put into the input when that is empty."""

    node: str | None
    prefill: str = ""


@dataclass(frozen=True, slots=True)
class UseModel:
    """This chat goes on with another model."""

    model: ModelRef


@dataclass(frozen=True, slots=True)
class NewChat:
    """Start an empty chat; the old one stays where it is."""


@dataclass(frozen=True, slots=True)
class ShowInPager:
    """Let a long text be read, where that leaves the scrollback alone."""

    text: Safe


@dataclass(frozen=True, slots=True)
class ShowMessage:
    """Show again what was said: a question as it was echoed, an answer as it was rendered."""

    text: str
    question: bool = False


@dataclass(frozen=True, slots=True)
class ListChats:
    """Let the user pick one of the kept chats, those that match `query`."""

    query: str = ""


@dataclass(frozen=True, slots=True)
class OpenChat:
    """Go on with a kept chat: its id, the beginning of one, or its title."""

    chat: str


@dataclass(frozen=True, slots=True)
class Rename:
    """Give this chat a title."""

    title: str


@dataclass(frozen=True, slots=True)
class Fork:
    """Go on in a chat of its own that shares everything so far."""

    title: str = ""


@dataclass(frozen=True, slots=True)
class Export:
    """Write this chat, as it stands, to a file."""

    form: ExportFormat
    file: str


@dataclass(frozen=True, slots=True)
class Incognito:
    """An empty chat of which nothing will be left."""


Kept: TypeAlias = ListChats | OpenChat | Rename | Fork | Export | Incognito
"""What is done with the chats that are kept; the front end asks the library, and gets further effects."""


@dataclass(frozen=True, slots=True)
class ChangeSetting:
    """A setting gets another value from its text, now and for this run; with `save` in the config file too."""

    key: str
    value: str
    save: bool = False


@dataclass(frozen=True, slots=True)
class PreviewTheme:
    """Look like a theme for a moment; "" is the one in use again."""

    theme: str = ""


@dataclass(frozen=True, slots=True)
class Copy:
    """Put a text into the clipboard; `what` names a part of the answer, "" is the whole of it."""

    text: str
    what: Safe = EMPTY


@dataclass(frozen=True, slots=True)
class Quit:
    """Leave."""

    code: int = 0


Effect: TypeAlias = (
    Print
    | PrintTable
    | Choose
    | ListModels
    | Send
    | MoveHead
    | UseModel
    | NewChat
    | ShowInPager
    | ShowMessage
    | Quit
    | Kept
    | ChangeSetting
    | PreviewTheme
    | Copy
)


@dataclass(frozen=True, slots=True)
class Completion:
    """A completion: the whole text of the word, and what it is."""

    text: str
    detail: Safe = EMPTY


Candidates: TypeAlias = Sequence[Completion]
