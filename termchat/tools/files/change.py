"""Changes of text files: planned as a diff, and made only if the file is still the one that was shown."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from termchat.core.approval import PreviewKind
from termchat.tools.builtin.secret_places import holds_secret
from termchat.tools.files.folder import open_folder
from termchat.tools.files.names import escape_name, show_name
from termchat.tools.files.replace_file import FileChangedError, replace_file
from termchat.tools.files.resolved_path import ResolvedPath, refuse_os_error, resolve_path
from termchat.tools.files.text_file import READ_BYTES, Content, TextForm, decode, read_entry
from termchat.tools.files.text_lines import count_lines
from termchat.tools.files.unified_diff import TextDiff, diff_texts
from termchat.tools.registry import Plan, ToolContext, ToolError, ToolOutput


@dataclass(frozen=True, slots=True)
class OldFile:
    """The file as it is; `text` is None for a binary file, with line ends as they are."""

    text: str | None
    form: TextForm
    content: Content


@dataclass(frozen=True, slots=True)
class FileChange:
    """The change of one file.

    new   returns the new text, or the reason why there is none; its argument is None for a file to be created
    """

    path: str
    new: Callable[[OldFile | None], str | ToolError]
    edit_argument: str

    def plan(self, context: ToolContext) -> Plan | ToolError:
        """Return the diff and the facts, or the error with which the change would end."""
        try:
            place = resolve_path(context, self.path, planning=True)
            old = place if isinstance(place, ToolError) else _read_old(place)
        except (OSError, ValueError) as error:
            return refuse_os_error(self.path, error, "changed")
        if isinstance(place, ToolError):
            return place
        made = self._make(place, old)
        if isinstance(made, ToolError):
            return made
        assert not isinstance(old, ToolError)
        text, _ = made
        diff = diff_texts(old.text if old else None, text, escape_name(place.shown))
        facts = (*_facts(old, text, diff), *_left_out(diff), *place.facts)
        return Plan(diff.text, PreviewKind.DIFF, facts, self.edit_argument, _seen(place, old))

    def run(self, context: ToolContext) -> ToolOutput:
        """Make the change and return the result for the model."""
        try:
            place = resolve_path(context, self.path)
            if isinstance(place, ToolError):
                return place
            return self._change(context, place)
        except FileChangedError:
            return _changed(self.path, "it was read")
        except (OSError, ValueError) as error:
            return refuse_os_error(self.path, error, "changed")

    def _change(self, context: ToolContext, place: ResolvedPath) -> ToolOutput:
        old = _read_old(place)
        if not isinstance(old, ToolError) and context.permit.seen not in ("", _seen(place, old)):
            return _changed(self.path, "its change was approved")
        made = self._make(place, old)
        if isinstance(made, ToolError):
            return made
        assert not isinstance(old, ToolError)
        text, raw = made
        with open_folder(place.root, place.inside.parent, create=True) as folder:
            replace_file(folder, place.inside.name, raw, old.content.about if old else None)
        return self._report(old, text, len(raw))

    def _make(self, place: ResolvedPath, old: OldFile | ToolError | None) -> tuple[str, bytes] | ToolError:
        """Return the new text, and its bytes in the form of the old file."""
        if isinstance(old, ToolError):
            return old
        text = self.new(old)
        if isinstance(text, ToolError):
            return text
        if old and old.text == text:
            return ToolError(f"{show_name(self.path)} has this content already")
        try:
            raw = (old.form if old else TextForm()).encode(text)
        except UnicodeEncodeError:
            return ToolError("the text has characters that no file can hold (lone surrogates)")
        if len(raw) > READ_BYTES:
            return ToolError(f"the new content has {len(raw)} bytes; the limit is {READ_BYTES}")
        if not place.secret and old and old.text and holds_secret(old.text):
            return ToolError(f"{show_name(self.path)} holds a private key and is not changed")
        return text, raw

    def _report(self, old: OldFile | None, text: str, size: int) -> str:
        name = escape_name(self.path)
        if old is None:
            return f"Created {name}: {_lines(text)}, {size} bytes."
        diff = diff_texts(old.text or "", text, name)
        return f"Changed {name}: {_number(diff.added)} added, {diff.removed} removed; {size} bytes now."


def _read_old(place: ResolvedPath) -> OldFile | ToolError | None:
    """Read the file of a place, None if there is none yet. Raises OSError."""
    if not place.inside.name:
        return ToolError(f"{show_name(place.given)} is a directory")
    try:
        with open_folder(place.root, place.inside.parent) as folder:
            content = read_entry(place, folder)
    except FileNotFoundError:
        return None
    if isinstance(content, ToolError):
        return content
    if content.cut:
        return ToolError(f"{show_name(place.given)} has {content.about.st_size} bytes; the limit is {READ_BYTES}")
    if not content.about.st_mode & 0o222:
        return ToolError(f"{show_name(place.given)} is read-only")
    decoded = decode(content.raw)
    text, form = decoded or (None, TextForm())
    return OldFile(text, form, content)


def _seen(place: ResolvedPath, old: OldFile | None) -> str:
    return place.seen(b"1" + old.content.raw if old else b"0")


def _facts(old: OldFile | None, text: str, diff: TextDiff) -> tuple[str, ...]:
    if old is None:
        return ("new file", _lines(text))
    if old.text is None:
        return (f"replaces a binary file of {len(old.content.raw)} bytes", _lines(text))
    return (f"+{diff.added} -{diff.removed} lines",)


def _left_out(diff: TextDiff) -> Iterator[str]:
    """Yield the facts about what a diff does not show."""
    if diff.hidden:
        yield f"{diff.hidden} of them not shown"
    if diff.cut:
        yield f"{_number(diff.cut)} too long to be shown whole"


def _lines(text: str) -> str:
    return _number(count_lines(text))


def _number(count: int) -> str:
    return "1 line" if count == 1 else f"{count} lines"


def _changed(path: str, since: str) -> ToolError:
    return ToolError(f"{show_name(path)} was changed by another program since {since}; read it again")
