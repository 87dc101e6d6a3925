"""Messages: a role and parts in order, as immutable values.

Vendor data (signatures, item ids, encrypted reasoning) is the `provider_data` of the part it belongs to. Only the
protocol that made it reads it, and it is sent back to the same `Origin` only.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any, TypeAlias, cast

from termchat.core.models import ApiProtocol, ModelRef
from termchat.core.outcomes import Outcome
from termchat.core.sanitize import Safe, safe_line
from termchat.core.usage import Usage
from termchat.late_dataclass import dataclass

_ATTACHED_TEXT = re.compile(r'<file name="([^\n]*)">\n.*\n</file>\n', re.DOTALL)
Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
Extra: TypeAlias = Mapping[str, Json] | None


class Role(StrEnum):
    """The author of a message."""

    USER = "user"
    ASSISTANT = "assistant"
    TOOL = "tool"


@dataclass(frozen=True, slots=True)
class Origin:
    """The provider, protocol and model of a reply; provider data is sent back to the same origin only."""

    provider: str
    protocol: ApiProtocol
    model: str

    @property
    def ref(self) -> ModelRef:
        return ModelRef(self.provider, self.model)


@dataclass(frozen=True, slots=True)
class Citation:
    """A source the model cites."""

    url: str
    title: str = ""


@dataclass(frozen=True, slots=True)
class Text:
    """Text of the user or the model; Markdown by convention."""

    text: str
    citations: tuple[Citation, ...] = ()
    provider_data: Extra = None


@dataclass(frozen=True, slots=True)
class Reasoning:
    """Reasoning of the model; `redacted` when the vendor does not show its text."""

    text: str
    redacted: bool = False
    provider_data: Extra = None


@dataclass(frozen=True, slots=True)
class Search:
    """A web search made by the vendor, with its queries."""

    queries: tuple[str, ...] = ()
    provider_data: Extra = None


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A tool call of the model.

    `arguments` is the raw JSON text the model wrote. `complete` is False when the stream ended inside the arguments:
    such a call is never run and never sent back.
    """

    id: str
    name: str
    arguments: str
    complete: bool = True
    provider_data: Extra = None


@dataclass(frozen=True, slots=True)
class Image:
    """An image: its bytes, or a URL the vendor can fetch; `name` is that of its file, "" if there is none."""

    mime: str
    data: bytes = b""
    url: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class File:
    """A document sent unchanged, for example a PDF."""

    name: str
    mime: str
    data: bytes


class ToolStatus(StrEnum):
    """The end of a tool call: "" for one that ran to its own end.

    `FAILED` ran to its own end, too, with a failure that its result tells, such as the exit code of a command.
    """

    RAN = ""
    FAILED = "failed"
    DECLINED = "declined"
    CANCELLED = "cancelled"
    TIMED_OUT = "timed out"


@dataclass(frozen=True, slots=True)
class ToolResult:
    """The result of a tool call: text and images, or an error message.

    `edited` is the JSON text of the arguments that ran instead of the model's own, "" if the user changed nothing.
    """

    call_id: str
    name: str
    parts: tuple[Text | Image, ...]
    is_error: bool = False
    status: ToolStatus = ToolStatus.RAN
    edited: str = ""

    @property
    def text(self) -> str:
        return "\n".join(part.text for part in self.parts if isinstance(part, Text))


Part: TypeAlias = Text | Reasoning | Search | ToolCall | ToolResult | Image | File


@dataclass(frozen=True, slots=True)
class Message:
    """One message.

    `origin`, `outcome` and `usage` belong to an assistant's reply; they are None in other roles. So does `reply_id`,
    the server's id of the reply, "" if it gave none.
    """

    role: Role
    parts: tuple[Part, ...]
    origin: Origin | None = None
    outcome: Outcome | None = None
    usage: Usage | None = None
    reply_id: str = ""

    @property
    def can_continue(self) -> bool:
        """True for a reply of the model that stopped in the middle."""
        return self.role is Role.ASSISTANT and self.outcome is not None and self.outcome.can_continue

    @property
    def text(self) -> str:
        """The text parts joined, without reasoning, calls and results."""
        return "".join(part.text for part in self.parts if isinstance(part, Text))

    @property
    def words(self) -> str:
        """The text that the author wrote, without attached text files."""
        return "".join(part.text for part in self.parts if isinstance(part, Text) and not self._is_attached(part))

    @property
    def subject(self) -> str:
        """The words of the author, or without any the names of the attachments."""
        return self.words if self.words.strip() else ", ".join(map(attachment_name, self.attachments))

    @property
    def attachments(self) -> tuple[Part, ...]:
        """The images and files of a user's message, text files included; () for other roles."""
        return tuple(part for part in self.parts if self._is_attached(part))

    def _is_attached(self, part: Part) -> bool:
        return self.role is Role.USER and bool(attachment_name(part))

    @property
    def sources(self) -> tuple[Citation, ...]:
        """The cited sources, each URL once, in order."""
        return unique_citations(part for part in self.parts if isinstance(part, Text))

    @property
    def calls(self) -> tuple[ToolCall, ...]:
        return tuple(part for part in self.parts if isinstance(part, ToolCall))

    @property
    def results(self) -> tuple[ToolResult, ...]:
        return tuple(part for part in self.parts if isinstance(part, ToolResult))


def attached_text(name: str, text: str) -> Text:
    """Return a text file as a part that names the file; the vendors take text only."""
    return Text(f'<file name="{name}">\n{text}\n</file>\n')


def attachment_name(part: Part) -> str:
    """Return the name of an attached image, document or text file; "" for any other part."""
    match part:
        case Image():
            return part.name or part.url or "image"
        case File():
            return part.name or "file"
        case Text() if found := _ATTACHED_TEXT.fullmatch(part.text):
            return found[1] or "file"
        case _:
            return ""


def unique_citations(texts: Iterable[Text]) -> tuple[Citation, ...]:
    """Return the sources of several texts, each URL once, with its first title."""
    found: dict[str, Citation] = {}
    for text in texts:
        for citation in text.citations:
            known = found.get(citation.url)
            if known is None or (citation.title and not known.title):
                found[citation.url] = citation
    return tuple(found.values())


def user_message(text: str, *others: Part) -> Message:
    """Build a user message; attachments precede the text."""
    return Message(Role.USER, (*others, *((Text(text),) if text else ())))


_CALL_MARKS = {
    ToolStatus.RAN: Safe("●"),
    ToolStatus.FAILED: Safe("✗"),
    ToolStatus.DECLINED: Safe("○"),
    ToolStatus.CANCELLED: Safe("◌"),
    ToolStatus.TIMED_OUT: Safe("⧖"),
}


def call_mark(result: ToolResult) -> Safe:
    """Return the mark of a call that ended: `●`, `✗` for an error or a failure, else that of its status."""
    return Safe("✗") if result.is_error and not result.status else _CALL_MARKS[result.status]


def shown_text(result: ToolResult) -> str:
    """Return the text of a result without the words for the model: notes in parts of their own, and `Error: `."""
    notes = bool(result.edited) + (result.status in (ToolStatus.DECLINED, ToolStatus.CANCELLED))
    text = "\n".join([part.text for part in result.parts if isinstance(part, Text)][notes:])
    return text.removeprefix("Error: ") if result.is_error else text


def main_argument(arguments: str) -> Safe:
    """Return the most telling argument of complete or partial JSON: the first string, else the first value."""
    return safe_line(foreign_argument(arguments))


def foreign_argument(arguments: str) -> str:
    """Return the text of `main_argument` as the model wrote it."""
    try:
        parsed: Any = json.loads(arguments)
    except ValueError:
        return _partial_argument(arguments)
    if not isinstance(parsed, Mapping) or not parsed:
        return ""
    values = list(cast("Mapping[str, Any]", parsed).values())
    first = next((value for value in values if isinstance(value, str) and value), values[0])
    return first if isinstance(first, str) else json.dumps(first, ensure_ascii=False)


def _partial_argument(arguments: str) -> str:
    """Return the received part of the first string in an unfinished object."""
    _, colon, rest = arguments.partition(":")
    rest = rest.lstrip()
    if not colon or not rest.startswith('"'):
        return ""
    return rest[1:].split('"', 1)[0].replace("\\n", " ")
