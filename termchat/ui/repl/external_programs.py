"""The terminal, lent: to an editor, to a pager, to the shell. The reply that streams meanwhile is shown afterwards."""

from __future__ import annotations

import asyncio
import os
import shlex
import shutil
import signal
import tempfile
from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic

from prompt_toolkit.application import in_terminal

from termchat.core.sanitize import Safe, safe_format, safe_line
from termchat.ui.frontend import FrontendContext
from termchat.ui.repl.widgets import Widgets
from termchat.ui.terminal.screen import Screen

_MOMENT = 0.5


class ExternalPrograms:
    """Gives the terminal away as it was found, and takes it back with its modes."""

    def __init__(
        self, screen: Screen, context: FrontendContext, widgets: Widgets, reapply_modes: Callable[[], None]
    ) -> None:
        self._screen = screen
        self._tty = context.tty
        self._env = context.env
        self._editor = widgets.editor
        self._toast = widgets.toast
        self._reapply_modes = reapply_modes
        self._tasks: set[asyncio.Task[None]] = set()
        self._back_at = -1e9

    @property
    def is_lent_out(self) -> bool:
        """Whether something else has the terminal, or has given it back this moment."""
        return self._screen.app.suspended or monotonic() - self._back_at < _MOMENT

    def suspend(self) -> None:
        """Ctrl-Z: stop, as the shell expects it; `fg` goes on."""
        self._start(self._suspend())

    def stopped(self) -> None:
        """Somebody else has us stop. Whoever has the terminal then is stopped by them as well."""
        if self._screen.app.suspended:
            self._stop(os.getpid())
        else:
            self.suspend()

    def edit(self) -> None:
        """Ctrl-G: the draft in the user's editor, pastes written out; they are folded again on the way back."""
        self._start(self._edit())

    def page(self, text: Safe) -> None:
        """A long text in the pager, which leaves the scrollback alone."""
        self._start(self._page(text))

    def _start(self, doing: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(doing)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    @asynccontextmanager
    async def _lent(self) -> AsyncGenerator[None, None]:
        async with in_terminal():
            if self._tty:
                self._tty.restore()
            try:
                yield
            finally:
                if self._tty:
                    self._tty.raw()
        self._back_at = monotonic()
        self._reapply_modes()
        self._screen.commit("")

    async def _suspend(self) -> None:
        async with self._lent():
            self._stop(0)

    def _stop(self, group: int) -> None:
        """Stop as a program does that takes no notice of the signal; this returns when it goes on."""
        loop = asyncio.get_running_loop()
        loop.remove_signal_handler(signal.SIGTSTP)
        os.kill(group, signal.SIGTSTP)
        loop.add_signal_handler(signal.SIGTSTP, self.stopped)

    async def _edit(self) -> None:
        editor = shlex.split(self._env.get("VISUAL") or self._env.get("EDITOR") or "vi")
        marked = self._editor.text_with_marks
        with tempfile.TemporaryDirectory(prefix="termchat-") as folder:
            file = Path(folder) / "message.md"
            file.write_text(self._editor.text, encoding="utf-8")
            async with self._lent():
                code = await _run([*editor, str(file)])
            if code != 0:
                self._toast.say(safe_format("{editor} failed; the draft is as it was.", editor=safe_line(editor[0])))
                return
            text = file.read_text(encoding="utf-8", errors="replace").removesuffix("\n")
        self._editor.set_text(self._editor.pastes.refold(text, marked))

    async def _page(self, text: Safe) -> None:
        pager = shlex.split(self._env.get("PAGER") or "less")
        if not pager or not shutil.which(pager[0]):
            self._screen.commit(f"{text}\n")
            return
        with tempfile.TemporaryDirectory(prefix="termchat-") as folder:
            file = Path(folder) / "reasoning.txt"
            file.write_text(text, encoding="utf-8")
            async with self._lent():
                await _run([*pager, str(file)])


async def _run(command: Sequence[str]) -> int:
    """Run a program on the terminal itself; its exit code, 127 when there is none of that name."""
    try:
        process = await asyncio.create_subprocess_exec(*command)
    except OSError:
        return 127
    return await process.wait()
