"""Commands of the user's own shell, `!command`: on the real terminal, their output with the next message."""

from __future__ import annotations

import sys
from collections.abc import Callable, Coroutine
from time import monotonic
from typing import Any

from termchat.commands.compare.shell_line import ShellLine
from termchat.core.sanitize import Safe, safe, safe_format
from termchat.core.style import TextRole
from termchat.ui.compare.shell_words import (
    KEPT_BYTES,
    MAX_CHARACTERS,
    SHELL_USE,
    ending_words,
    goes_along,
    output_part,
    shell_command,
)
from termchat.ui.frontend import FrontendContext
from termchat.ui.repl.external_programs import ExternalPrograms
from termchat.ui.repl.transcript import prompt_sign, user_lines
from termchat.ui.repl.widgets import Widgets
from termchat.ui.text.line import Line, styled_line
from termchat.ui.text.terminal_text import BoundedOutput


class ShellRunner:
    """Runs commands of the user, one at a time, while the program has no terminal of its own."""

    def __init__(
        self,
        context: FrontendContext,
        widgets: Widgets,
        programs: ExternalPrograms,
        start: Callable[[Coroutine[Any, Any, None]], None],
    ) -> None:
        self._env = context.env
        self._sign = prompt_sign(signs=context.look.signs)
        self._editor = widgets.editor
        self._transcript = widgets.transcript
        self._toast = widgets.toast
        self._programs = programs
        self._start = start

    def submit(self, line: ShellLine) -> None:
        """Run the command that the input holds; attachments stay in the input."""
        if not line.command:
            self._toast.say(SHELL_USE, 5.0)
            return
        if marks := self._editor.pastes.attachment_marks(self._editor.pop()):
            self._editor.set_text(marks)
        self._start(self.run(line))

    async def run(self, line: ShellLine) -> None:
        """Run a command; show how it ended, and attach its output to the next message if it is shared."""
        typed = safe(f"{'!' if line.shared else '!!'}{line.command}")
        self._transcript.lines(user_lines(typed, self._sign), whole=True)
        output, began = BoundedOutput(KEPT_BYTES), monotonic()
        self._transcript.blank = False
        stdin, stdout = sys.__stdin__ or sys.stdin, sys.__stdout__ or sys.stdout
        fds = (stdin.fileno(), stdout.fileno())
        code = await self._programs.run_in_pty(shell_command(line, self._env.get("SHELL", "")), fds, output.feed)
        lines: list[Line] = []
        if end := ending_words(code, monotonic() - began):
            lines.append(styled_line(end, TextRole.WARNING))
        if line.shared and (words := self._attach(line, output.text(MAX_CHARACTERS), end)):
            lines.append(styled_line(words, TextRole.DIM))
        if lines:
            self._transcript.lines(lines, gap=False)

    def _attach(self, line: ShellLine, text: Safe, end: Safe) -> Safe:
        """Put the output into the input, between attachments and draft; return the line that says so or why not."""
        if not text and not end:
            return safe_format("No output, so nothing goes with the next message.")
        mark = self._editor.pastes.attach(output_part(line, text, end))
        draft, cursor = self._editor.text_with_marks, self._editor.buffer.cursor_position
        before = self._editor.pastes.attachment_marks(draft)
        at = len(before) if draft.startswith(before) else 0
        self._editor.set_text(draft[:at] + mark + draft[at:], cursor + len(mark) * (cursor >= at))
        return safe_format("{words} · Backspace removes it", words=goes_along(line, text, end))
