"""Lists of a directory as text."""

from __future__ import annotations

from termchat.tools.files.folder import EntryKind
from termchat.tools.files.names import escape_name
from termchat.tools.files.resolved_path import ResolvedPath, refuse_os_error, resolve_path
from termchat.tools.files.walk import TreeWalk, WalkedEntry, WalkStop
from termchat.tools.registry import ToolContext, ToolError, ToolOutput

LISTED = 1_000  # entries in one result
LISTED_BYTES = 48_000


def list_tree(context: ToolContext, path: str, depth: int, stop: WalkStop) -> ToolOutput:
    """Return the entries of a directory and of `depth` - 1 levels below it, or a ToolError."""
    try:
        place = resolve_path(context, path, outputs=True)
        if isinstance(place, ToolError):
            return place
        if moved := place.moved(context):
            return moved
        return _listing(place, TreeWalk(context, place, stop, depth))
    except (OSError, ValueError) as error:
        return refuse_os_error(path, error, "listed")


def _listing(place: ResolvedPath, walk: TreeWalk) -> str:
    lines: list[str] = []
    count, folders, room = 0, 0, LISTED_BYTES
    for found in walk.entries():
        line = _line(found)
        room -= len(line.encode()) + 1
        if count >= LISTED or room < 0:
            walk.stopped = True
            break
        count += 1
        folders += found.entry.kind is EntryKind.FOLDER
        lines.append(line)
    return "\n".join([_head(place, walk, folders, count - folders), *lines])


def _head(place: ResolvedPath, walk: TreeWalk, folders: int, others: int) -> str:
    notes = [
        f"{folders} {'directory' if folders == 1 else 'directories'}, {others} {'file' if others == 1 else 'files'}"
    ]
    if walk.stopped:
        notes.append("the list is cut: list a directory below, or use a smaller depth")
    if walk.ignored:
        notes.append(f"{walk.ignored} ignored by .gitignore")
    if walk.unreadable:
        notes.append(f"{walk.unreadable} directories cannot be read")
    return f"[{escape_name(place.given)}: {'; '.join(notes)}]"


def _line(found: WalkedEntry) -> str:
    name = escape_name(found.path)
    match found.entry.kind:
        case EntryKind.FOLDER:
            return name + ("/  (may hold secrets, not listed)" if found.secret else "/")
        case EntryKind.LINK:
            return f"{name} -> {_target(found)}"
        case EntryKind.FILE:
            secret = "  (may hold secrets)" if found.secret else ""
            return f"{name}  {found.entry.size} bytes{secret}"
        case EntryKind.OTHER:
            return f"{name}  (pipe, socket or device)"


def _target(found: WalkedEntry) -> str:
    try:
        return escape_name(found.folder.read_link(found.entry.name))
    except OSError:
        return "?"
