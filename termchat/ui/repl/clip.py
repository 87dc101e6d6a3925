"""The REPL's side of /copy: what became of it is a word in the status line, or a line when there is more to say."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from termchat.core.effects import Copy
from termchat.core.style import TextRole
from termchat.ui.repl.panels.toast import Toast
from termchat.ui.repl.transcript import Transcript
from termchat.ui.terminal.clipboard import copied
from termchat.ui.text.line import styled_line


class Clip:
    """Copies; `send` writes a sequence to the terminal."""

    def __init__(self, env: Mapping[str, str], send: Callable[[str], None], toast: Toast, painter: Transcript) -> None:
        self._env = env
        self._send = send
        self._toast = toast
        self._painter = painter

    async def copy(self, effect: Copy) -> None:
        """Put the text into the clipboard, and say so."""
        result = await copied(effect.text, effect.what, self._env, self._send)
        if result.done:
            self._toast.say(result.words)
        else:
            self._painter.lines([styled_line(result.words, TextRole.DIM)])
