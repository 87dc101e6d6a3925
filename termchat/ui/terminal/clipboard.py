"""Clipboard: the system's own tool; over ssh or without a tool, the terminal (OSC 52).

`tools` and `sequence` return the means as data; `copied` uses them and reports the result.
"""

from __future__ import annotations

import asyncio
import base64
import os
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from shutil import which
from typing import NamedTuple

from termchat.core.errors import error_reason
from termchat.core.sanitize import Safe, safe_format, safe_line
from termchat.ui.phrases import size
from termchat.ui.terminal.capabilities import tmux_passthrough

_MOST = 100_000  # characters of base64 in one sequence; terminals cut or ignore longer ones
_TOOL_TIMEOUT = 3.0  # seconds
_TMUX = ("tmux", "load-buffer", "-w", "-")  # from 3.2 on; it needs neither set-clipboard nor allow-passthrough


class Copied(NamedTuple):
    """The result: `Copied 1.2 kB (code block 2)`, or, if not `done`, the file that the text was saved to."""

    words: Safe
    done: bool


async def copied(text: str, what: Safe, env: Mapping[str, str], send: Callable[[str], None] | None) -> Copied:
    """Copy a text to the clipboard and report the result.

    `send` writes a control sequence to the terminal; None if the terminal takes no sequences.
    """
    data = text.encode("utf-8", "replace")
    part = safe_format(" ({what})", what=what) if what else Safe("")
    for command in tools(env):
        if await _fed(command, text.encode("utf-16-le") if command[0] == "clip.exe" else data):
            return Copied(safe_format("Copied {n}{part}", n=size(len(data)), part=part), done=True)
    if send is None or not terminal_copies(env):
        return _saved(data, safe_format("No clipboard is available"))
    if len(data) > _MOST // 4 * 3:
        return _saved(data, safe_format("Too long for the terminal clipboard"))
    send(sequence(data, env))
    return Copied(safe_format("Copied {n}{part} · through the terminal", n=size(len(data)), part=part), done=True)


def tools(env: Mapping[str, str], system: str = sys.platform) -> Sequence[Sequence[str]]:
    """Return the commands to try, each of which reads the text from standard input.

    Over ssh only tmux is left: other tools would fill the clipboard of the remote machine.
    """
    known: list[tuple[str, ...]] = []
    if env.get("SSH_CONNECTION") or env.get("SSH_TTY"):
        pass
    elif system == "darwin":
        known = [("pbcopy",)]
    else:
        known = [
            *([("clip.exe",)] if env.get("WSL_DISTRO_NAME") or env.get("WSL_INTEROP") else []),
            *([("wl-copy",)] if env.get("WAYLAND_DISPLAY") else []),
            *([("xclip", "-selection", "clipboard"), ("xsel", "--clipboard", "--input")] if env.get("DISPLAY") else []),
        ]
    if env.get("TMUX"):
        known.append(_TMUX)
    return [command for command in known if which(command[0], path=env.get("PATH"))]


def sequence(data: bytes, env: Mapping[str, str]) -> str:
    """Return the OSC 52 sequence that copies bytes to the clipboard of the terminal, also through tmux."""
    return tmux_passthrough(f"\x1b]52;c;{base64.b64encode(data).decode('ascii')}\x07", env)


def terminal_copies(env: Mapping[str, str]) -> bool:
    """Return True if OSC 52 may be written: GNU screen, and terminals without sequences, would show its text."""
    term = env.get("TERM", "")
    if env.get("STY") or (term.startswith("screen") and not env.get("TMUX")):
        return False
    return term not in ("", "dumb", "linux")


async def _fed(command: Sequence[str], data: bytes) -> bool:
    """Run a tool with the text; return True if it succeeded.

    The tool may keep running to serve the text, so it does not inherit our outputs.
    """
    quiet = asyncio.subprocess.DEVNULL
    try:
        process = await asyncio.create_subprocess_exec(
            *command, stdin=asyncio.subprocess.PIPE, stdout=quiet, stderr=quiet, start_new_session=True
        )
    except OSError:
        return False
    try:
        await asyncio.wait_for(process.communicate(data), _TOOL_TIMEOUT)
    except (TimeoutError, OSError):
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        return False
    return process.returncode == 0


def _saved(data: bytes, why: Safe) -> Copied:
    """Save the text to a file that only the user can read, and report it."""
    try:
        fd, name = tempfile.mkstemp(prefix="termchat-", suffix=".md")
        with os.fdopen(fd, "wb") as file:
            file.write(data)
    except OSError as error:
        words = error_reason(error)
        return Copied(safe_format("{why}, and no file could be written: {words}.", why=why, words=words), done=False)
    return Copied(safe_format("{why}; saved to {file}", why=why, file=safe_line(name)), done=False)
