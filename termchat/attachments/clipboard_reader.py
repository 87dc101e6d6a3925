"""Contents of the clipboard by the system's own tools: an image, else text."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from shutil import which

from termchat.attachments.classify import LARGEST, media_part, visible_controls
from termchat.attachments.mentions import CLIPBOARD
from termchat.core.errors import Failure, FailureKind
from termchat.core.messages import Part, attached_text
from termchat.core.sanitize import safe_format
from termchat.core.wire.media_types import media_type
from termchat.late_dataclass import dataclass

_SECONDS = 5.0
_OUTPUT = "{file}"  # in a command: the file that it writes, instead of its output
_TYPES = ("image/png", "image/jpeg", "image/webp", "image/gif")
_APPLE = (
    'set picture to the clipboard as «class PNGf»\nset target to open for access POSIX file "{file}" '
    "with write permission\nwrite picture to target\nclose access target"
)


@dataclass(frozen=True, slots=True)
class ClipboardTools:
    """Commands to try in order: those that write an image, and those that write text."""

    images: tuple[tuple[str, ...], ...]
    texts: tuple[tuple[str, ...], ...]


def clipboard_tools(env: Mapping[str, str], system: str = sys.platform) -> ClipboardTools:
    """Return the installed tools of this desktop; none over ssh, where they would read another clipboard."""
    images: list[tuple[str, ...]] = []
    texts: list[tuple[str, ...]] = []
    if env.get("SSH_CONNECTION") or env.get("SSH_TTY"):
        pass
    elif system == "darwin":
        images = [("pngpaste", "-"), ("osascript", "-e", _APPLE)]
        texts = [("pbpaste",)]
    else:
        if env.get("WAYLAND_DISPLAY"):
            images += [("wl-paste", "--no-newline", "--type", mime) for mime in _TYPES]
            texts.append(("wl-paste", "--no-newline", "--type", "text"))
        if env.get("DISPLAY"):
            images += [("xclip", "-selection", "clipboard", "-target", mime, "-out") for mime in _TYPES]
            texts += [("xclip", "-selection", "clipboard", "-out"), ("xsel", "--clipboard", "--output")]
    path = env.get("PATH")
    return ClipboardTools(_installed(images, path), _installed(texts, path))


async def clipboard_part(env: Mapping[str, str], system: str = sys.platform) -> Part | Failure:
    """Return the image or the text of the clipboard as an attachment with the name `clipboard`."""
    tools = clipboard_tools(env, system)
    for command in tools.images:
        data = await _output(command, env)
        if media_type(data).startswith("image/") and (part := clipboard_content(data)):
            return part
    for command in tools.texts:
        if part := clipboard_content(await _output(command, env)):
            return part
    return empty_clipboard(env, tools)


def clipboard_content(data: bytes) -> Part | None:
    """Return bytes of a clipboard as an attachment, None for none."""
    if media_type(data).startswith("image/"):
        return media_part(CLIPBOARD, data)
    text = data.decode("utf-8", "replace")
    return attached_text(CLIPBOARD, visible_controls(text)) if text.strip() else None


def empty_clipboard(env: Mapping[str, str], tools: ClipboardTools) -> Failure:
    """Return the failure of a clipboard without image and text, or without a tool that reads it."""
    if tools.images or tools.texts:
        words = safe_format("The clipboard holds no image and no text.")
        return Failure(FailureKind.NOT_FOUND, words, safe_format("Copy something first."))
    words = safe_format("Nothing here reads the clipboard.")
    hint = safe_format("Install wl-clipboard (Wayland) or xclip (X11), or save the image and use @FILE.")
    if env.get("SSH_CONNECTION") or env.get("SSH_TTY"):
        hint = safe_format("Over ssh, use a terminal that shares its clipboard (kitty), or copy the file here.")
    return Failure(FailureKind.NOT_FOUND, words, hint)


def _installed(commands: Sequence[tuple[str, ...]], path: str | None) -> tuple[tuple[str, ...], ...]:
    return tuple(command for command in commands if which(command[0], path=path))


async def _output(command: Sequence[str], env: Mapping[str, str]) -> bytes:
    """Return what a command writes, b"" if it fails, hangs or writes too much."""
    with tempfile.TemporaryDirectory(prefix="termchat-") as folder:
        file = Path(folder) / "image"
        words = [word.replace(_OUTPUT, str(file)) for word in command]
        data = await _run(words, env)
        if words == list(command):
            return data
        try:
            return await asyncio.to_thread(file.read_bytes)
        except OSError:
            return b""


async def _run(command: Sequence[str], env: Mapping[str, str]) -> bytes:
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,
            env={**os.environ, **env},
        )
    except OSError:
        return b""
    assert process.stdout
    try:
        async with asyncio.timeout(_SECONDS):
            data = bytearray()
            while piece := await process.stdout.read(1 << 16):
                data += piece
                if len(data) > LARGEST:
                    return b""
            return bytes(data) if await process.wait() == 0 else b""
    except TimeoutError:
        return b""
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
