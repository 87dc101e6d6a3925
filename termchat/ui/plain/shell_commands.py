"""Commands of the user's own shell in the plain front end: without a terminal of their own, line by line."""

from __future__ import annotations

import asyncio
import codecs
import os
import signal
from asyncio.subprocess import DEVNULL, PIPE, STDOUT, Process
from collections.abc import Mapping
from contextlib import suppress
from time import monotonic

from termchat.commands.compare.shell_line import ShellLine
from termchat.core.messages import Part
from termchat.core.sanitize import safe_format, safe_line
from termchat.ui.compare.shell_words import (
    KEPT_BYTES,
    MAX_CHARACTERS,
    ending_words,
    goes_along,
    output_part,
    shell_command,
)
from termchat.ui.plain.writer import PlainWriter
from termchat.ui.text.line import lines_of
from termchat.ui.text.terminal_text import BoundedOutput, plain_output

_GRACE = 2.0  # seconds that a command has to end after Ctrl-C


async def run_shell_line(line: ShellLine, writer: PlainWriter, env: Mapping[str, str]) -> Part | None:
    """Run a command of the user; return its output as an attachment if it is shared and there is any.

    Ctrl-C, a cancel of this task, interrupts only the command. It reads no input.
    """
    output, began = BoundedOutput(KEPT_BYTES), monotonic()
    try:
        process = await asyncio.create_subprocess_exec(
            *shell_command(line, env.get("SHELL", "")),
            env=env,
            stdin=DEVNULL,
            stdout=PIPE,
            stderr=STDOUT,
            start_new_session=True,
        )
    except OSError as error:
        writer.aside(safe_format("Cannot run the shell: {why}.", why=safe_line(str(error))))
        return None
    reading = asyncio.ensure_future(_show(process, writer, output))
    try:
        await asyncio.shield(reading)
    except asyncio.CancelledError:
        _send(process, signal.SIGINT)
        if not (await asyncio.wait({reading}, timeout=_GRACE))[0]:
            _send(process, signal.SIGKILL)
            await reading
    end = ending_words(await process.wait(), monotonic() - began)
    if end:
        writer.aside(end)
    text = output.text(MAX_CHARACTERS)
    if not line.shared or not (text or end):
        return None
    writer.aside(goes_along(line, text, end))
    return output_part(line, text, end)


async def _show(process: Process, writer: PlainWriter, output: BoundedOutput) -> None:
    """Print the output in whole lines as it comes."""
    assert process.stdout
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    held = ""
    while data := await process.stdout.read(1 << 16):
        output.feed(data)
        whole, newline, held = (held + decoder.decode(data)).rpartition("\n")
        if newline:
            writer.lines(lines_of(plain_output(whole.encode())), gap=False)
    if held := held + decoder.decode(b"", final=True):
        writer.lines(lines_of(plain_output(held.encode())), gap=False)


def _send(process: Process, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, number)
