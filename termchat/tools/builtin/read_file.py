"""The tool `read_file`: reads text files inside the working directory only."""

from __future__ import annotations

import asyncio
import codecs
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from termchat.core.approval import ToolEffect
from termchat.tools.builtin.secret_places import holds_secret, is_secret_place
from termchat.tools.registry import Subject, ToolContext, ToolError, ToolOutput, tool

READ_BYTES = 4_000_000  # bytes of a file that are read
GIVEN_BYTES = 48_000  # bytes returned by one call


@dataclass(frozen=True, slots=True)
class _Content:
    raw: bytes
    size: int


@tool(effect=ToolEffect.READ, subject=Subject.PATH, subject_argument="path")
async def read_file(
    context: ToolContext,
    path: Annotated[str, "The path of a text file, inside the working directory"],
    first_line: Annotated[int, "The line to begin with, from 1, to read on in a long file"] = 1,
) -> ToolOutput:
    """Read a text file of the user's working directory."""
    return await asyncio.to_thread(read_inside, context, path, first_line)


def read_inside(context: ToolContext, path: str, first_line: int = 1) -> ToolOutput:
    """Return up to GIVEN_BYTES of a file inside `context.cwd` from the line `first_line` on, or a ToolError."""
    if first_line < 1:
        return ToolError("first_line must be 1 or more")
    try:
        content = _content(context, path)
    except (OSError, ValueError) as error:
        return ToolError(f"{path!r} cannot be read: {getattr(error, 'strerror', None) or error}")
    if isinstance(content, ToolError):
        return content
    text = _text(content.raw)
    if text and holds_secret(text):
        return ToolError(f"{path!r} holds a private key and is not read")
    return ToolError(f"{path!r} is not a text file") if text is None else _page(path, text, first_line, content.size)


def _content(context: ToolContext, path: str) -> _Content | ToolError:
    root = Path(os.path.realpath(context.cwd))
    given = Path(os.path.normpath(root / path))
    real = Path(os.path.realpath(root / path))
    if not real.is_relative_to(root):
        return ToolError(f"{path!r} is outside the working directory, which is all that may be read")
    if any(is_secret_place(root, p.relative_to(root)) for p in (given, real) if p.is_relative_to(root)):
        return ToolError(f"{path!r} may hold secrets and is not read")
    if any(real.is_relative_to(os.path.realpath(place)) for place in context.private):
        return ToolError(f"{path!r} belongs to termchat itself and is not read")
    return _read(path, root, real.relative_to(root))


def _read(path: str, root: Path, inside: Path) -> _Content | ToolError:
    file = _open(root, inside)
    try:
        about = os.fstat(file)
        if not stat.S_ISREG(about.st_mode):
            return ToolError(
                f"{path!r} is a directory" if stat.S_ISDIR(about.st_mode) else f"{path!r} is not a regular file"
            )
        with os.fdopen(file, "rb", closefd=False) as opened:
            return _Content(opened.read(READ_BYTES), about.st_size)
    finally:
        os.close(file)


def _open(root: Path, inside: Path) -> int:
    """Open a resolved path component by component, so that a symlink created meanwhile is not followed."""
    # O_NONBLOCK: opening a pipe must not wait for a writer.
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
    if os.open not in os.supports_dir_fd:  # Windows
        return os.open(root / inside, flags)
    folder = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for part in inside.parts[:-1]:
            inner = os.open(part, flags | os.O_DIRECTORY, dir_fd=folder)
            os.close(folder)
            folder = inner
        return os.open(inside.name or ".", flags, dir_fd=folder)
    finally:
        os.close(folder)


def _text(raw: bytes) -> str | None:
    """Decode UTF-8 or UTF-16, None for other content; drop a character cut by the size limit."""
    encoding = "utf-16" if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig"
    try:
        text = codecs.getincrementaldecoder(encoding)().decode(raw)
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else text


def _page(path: str, text: str, first: int, size: int) -> ToolOutput:
    """Return the lines from `first` on that fit, under a header with the range when they are not the whole file."""
    lines = text.removesuffix("\n").split("\n")
    if first > len(lines):
        return ToolError(f"{path!r} has {len(lines)} lines" + (" within reach" if size > READ_BYTES else ""))
    last, room = first - 1, GIVEN_BYTES
    while last < len(lines) and (room := room - len(lines[last].encode("utf-8", "replace")) - 1) >= 0:
        last += 1
    if first == 1 and last == len(lines) and size <= READ_BYTES:
        return text or f"[{path} is empty]"
    if last < first:  # the first line alone does not fit
        start = lines[first - 1].encode("utf-8", "replace")[:GIVEN_BYTES].decode("utf-8", "ignore")
        return _head(path, first, first, len(lines), size, "; the line is cut") + start
    return _head(path, first, last, len(lines), size) + "\n".join(lines[first - 1 : last])


def _head(path: str, first: int, last: int, count: int, size: int, cut: str = "") -> str:
    more = f"; read on with first_line={last + 1}" if last < count else ""
    beyond = "" if size <= READ_BYTES else f"; only its first {READ_BYTES} bytes are within reach"
    return f"[{path}: lines {first} to {last} of {count}, {size} bytes in all{cut}{beyond}{more}]\n"
