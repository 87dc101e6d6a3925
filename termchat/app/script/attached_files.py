"""Attachments that `-f` of a script names: pages, resources, globs and directories; single files are none of them."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

from termchat.attachments.classify import LARGEST, file_bytes, file_part, not_attached
from termchat.config.load import Config
from termchat.core.errors import Failure, error_reason
from termchat.core.messages import Part, attached_text
from termchat.core.sanitize import Safe, join, safe, safe_format, safe_line
from termchat.late_dataclass import dataclass

if TYPE_CHECKING:
    from termchat.tools.files.walk import TreeWalk

_REMOTE = ("http://", "https://", "@")  # begin the names of attachments that are no files
_GLOB = re.compile(r"[*?\[]")
_MOST_FILES = 500  # of a glob
_LISTED = 1_000  # entries of a directory
_NAMED = 3  # files that are left out, in a notice
_SECONDS = 20.0  # of a walk
_CHECK = safe_format("Check the file name after -f.")
_NARROW = safe_format("Name fewer files, such as 'src/*.py', or attach the list of a directory: src/")


@dataclass(frozen=True, slots=True)
class FileSources:
    """The sources of the attachments of a script.

    note      called with each notice about what is left out
    details   report also what `.gitignore` leaves out
    """

    config: Config
    env: Mapping[str, str]
    note: Callable[[Safe], None]
    details: bool = False

    def attach(self, name: str) -> tuple[Part, ...] | Failure | None:
        """Return what a name attaches; None for the name of a single file."""
        if name.startswith(_REMOTE):
            from termchat.app.attachment_sources import remote_attachment

            return remote_attachment(name, self.config, self.env)
        if os.path.lexists(name):
            return self._listing(name) if name.endswith("/") and os.path.isdir(name) else None
        return self._glob(name) if _GLOB.search(name) else None

    def _walk(self, start: Path, depth: int) -> TreeWalk | None:
        from termchat.tools.files.resolved_path import resolve_path
        from termchat.tools.files.walk import TreeWalk, WalkStop
        from termchat.tools.registry import ToolContext, ToolError

        private = (self.config.paths.config, self.config.paths.data)
        context = ToolContext(start, private)
        place = resolve_path(context, ".")
        return None if isinstance(place, ToolError) else TreeWalk(context, place, WalkStop(_SECONDS), depth)

    def _listing(self, name: str) -> tuple[Part, ...] | Failure:
        """Return the names in a directory that `.gitignore` does not name, one a line, directories with a slash."""
        from termchat.tools.files.folder import EntryKind

        walk = self._walk(Path(name), 1)
        try:
            found = list(walk.entries()) if walk else []
        except OSError as error:
            return not_attached(name, error_reason(error), _CHECK)
        names = sorted(f"{each.path}/" if each.entry.kind is EntryKind.FOLDER else each.path for each in found)
        shown = [each for each in names[:_LISTED] if each.isprintable()]
        left: list[Safe] = []
        if missing := len(names) - len(shown):
            shown.append(f"({missing} more)")
            left.append(safe_format("{n} more entries", n=safe(str(missing))))
        self._report(name, left, walk)
        return (attached_text(name, "\n".join(shown) or "(empty)"),)

    def _glob(self, name: str) -> tuple[Part, ...] | Failure:
        """Return the files that a glob names, without those that are no attachments or may hold secrets."""
        start, pattern = _split_glob(name)
        walk = self._walk(start, len(pattern) if "**" not in pattern else 60)
        try:
            found = list(_matches(walk, pattern)) if walk else []
        except OSError as error:
            return not_attached(name, error_reason(error), _CHECK)
        chosen = [path for path, secret in found if not secret]
        if len(chosen) > _MOST_FILES:
            return not_attached(name, f"it names more than {_MOST_FILES} files", _NARROW)
        if not chosen:
            why = "every file that it names may hold secrets" if found else "it names no file"
            return not_attached(name, why, _CHECK)
        parts: list[Part] = []
        unread: list[str] = []
        total = 0
        for path in chosen:
            shown = str(start / path) if str(start) != "." else path
            data = file_bytes(shown, start / path, _CHECK)
            part = data if isinstance(data, Failure) else file_part(shown, data)
            total += 0 if isinstance(data, Failure) else len(data)
            if total > LARGEST:
                return not_attached(name, f"its files are larger than {LARGEST >> 20} MB", _NARROW)
            if isinstance(part, Failure):
                unread.append(path)
            else:
                parts.append(part)
        secrets = [path for path, secret in found if secret]
        left = [
            *_left_out(unread, safe_format("neither text nor an image, a PDF or audio")),
            *_left_out(secrets, safe_format("may hold secrets")),
        ]
        self._report(name, left, walk)
        return tuple(parts) or not_attached(name, "none of its files is text, an image, a PDF or audio", _CHECK)

    def _report(self, name: str, left: list[Safe], walk: TreeWalk | None) -> None:
        """Report what is not attached."""
        if walk and walk.stopped:
            left.append(safe_format("directories that are too deep or too large"))
        if walk and walk.unreadable:
            left.append(safe_format("directories that cannot be read ({n})", n=safe(str(walk.unreadable))))
        if walk and walk.ignored and self.details:
            left.append(safe_format("what .gitignore names ({n})", n=safe(str(walk.ignored))))
        if left:
            self.note(safe_format("{name}: left out: {what}.", name=safe_line(name), what=join("; ", left)))


def _left_out(paths: Sequence[str], why: Safe) -> Iterator[Safe]:
    if paths:
        more = "" if len(paths) <= _NAMED else f" and {len(paths) - _NAMED} more"
        yield safe_format("{names}: {why}", names=safe_line(", ".join(paths[:_NAMED]) + more), why=why)


def _split_glob(name: str) -> tuple[Path, tuple[str, ...]]:
    """Return the directory that a glob starts in, and the pattern of each name below it."""
    parts = Path(os.path.expanduser(name)).parts
    first = next(n for n, part in enumerate(parts) if _GLOB.search(part))
    return Path(*parts[:first]), parts[first:]


def _matches(walk: TreeWalk, pattern: tuple[str, ...]) -> Iterator[tuple[str, bool]]:
    """Yield the files of a walk that a pattern names, sorted, and True for those that may hold secrets."""
    from termchat.tools.files.folder import EntryKind

    found: list[tuple[str, bool]] = []
    for each in walk.entries():
        is_file = each.entry.kind is EntryKind.FILE or (
            each.entry.kind is EntryKind.LINK and os.path.isfile(os.path.join(each.folder.path, each.entry.name))
        )
        if is_file and each.path.isprintable() and _matches_names(each.parts, pattern):
            found.append((each.path, each.secret))
    yield from sorted(found)


def _matches_names(names: tuple[str, ...], pattern: tuple[str, ...]) -> bool:
    """Match names as a shell does: `**` stands for any directories, and a wildcard for no leading dot."""
    if not pattern:
        return not names
    if pattern[0] == "**":
        if len(pattern) == 1:
            return bool(names) and not any(name.startswith(".") for name in names)
        return _matches_names(names, pattern[1:]) or (
            bool(names) and not names[0].startswith(".") and _matches_names(names[1:], pattern)
        )
    if not names or (names[0].startswith(".") and not pattern[0].startswith(".")):
        return False
    return fnmatchcase(names[0], pattern[0]) and _matches_names(names[1:], pattern[1:])
