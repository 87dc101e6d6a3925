"""Editor, pager and shell on the terminal. A reply that streams meanwhile is shown afterwards."""

from __future__ import annotations

import asyncio
import os
import shlex
import shutil
import signal
import tempfile
from asyncio.subprocess import PIPE
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic

from prompt_toolkit.application import in_terminal

from termchat.core.sanitize import Safe, safe_format, safe_line
from termchat.ui.frontend import FrontendContext
from termchat.ui.repl.widgets import Widgets
from termchat.ui.terminal.screen import Screen
from termchat.ui.text.fit import wrapped_text

_MOMENT = 0.5  # seconds after which the terminal counts as taken back


class ExternalPrograms:
    """Runs other programs on the terminal, restored for them and taken back afterwards."""

    def __init__(
        self, screen: Screen, context: FrontendContext, widgets: Widgets, reapply_modes: Callable[[], None]
    ) -> None:
        self._screen = screen
        self._tty = context.tty
        self._env = context.env
        self._session = context.session
        self._editor = widgets.editor
        self._toast = widgets.toast
        self._approval = widgets.approval
        self._reapply_modes = reapply_modes
        self._tasks: set[asyncio.Task[None]] = set()
        self._back_at = -1e9

    @property
    def is_lent_out(self) -> bool:
        """Return True while another program has the terminal, and for a moment afterwards."""
        return self._screen.app.suspended or monotonic() - self._back_at < _MOMENT

    def suspend(self) -> None:
        """Stop the process (Ctrl-Z); `fg` in the shell continues it."""
        self._start(self._suspend())

    def stopped(self) -> None:
        """Stop on SIGTSTP from another process, which also stops the program that has the terminal."""
        if self._screen.app.suspended:
            self._stop(os.getpid())
        else:
            self.suspend()

    def edit(self) -> None:
        """Edit the input in the user's editor (Ctrl-G), pastes expanded; they are folded again afterwards."""
        self._start(self._edit())

    def edit_text(self, text: str, edited: Callable[[str], None]) -> None:
        """Edit a text in the user's editor; `edited` receives the new text unless the editor failed."""

        async def edit() -> None:
            if (new := await self._edited(text, "arguments.json")) is not None:
                edited(new)

        self._start(edit())

    async def run_in_pty(self, command: Sequence[str], fds: tuple[int, int], output: Callable[[bytes], None]) -> int:
        """Run a program on the terminal with the file descriptors `fds`; `output` gets what it writes.

        Return its exit code, -N after signal N, 127 if it cannot be started.
        """
        from termchat.ui.terminal.pty_program import PtyProgram

        async with self._lent():
            try:
                program = PtyProgram(command, self._env, fds, output)
            except OSError as error:
                words = safe_format("Cannot run {name}: {why}", name=safe_line(command[0]), why=safe_line(str(error)))
                os.write(fds[1], f"{words}\r\n".encode())
                return 127
            return await program.run()

    def page(self, text: Safe, seen: Callable[[], None] | None = None) -> None:
        """Show a long text in the pager, wrapped between words; the scrollback stays unchanged.

        seen   called after a pager that did not fail
        """
        self._start(self._page(text, seen or _nothing))

    def _start(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
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
                    self._tty.take_back()
        self._back_at = monotonic()
        self._approval.covered()
        self._reapply_modes()
        self._screen.commit("")

    async def _suspend(self) -> None:
        async with self._lent():
            self._stop(0)

    def _stop(self, group: int) -> None:
        """Stop with the default handling of SIGTSTP; return when the process continues."""
        loop = asyncio.get_running_loop()
        loop.remove_signal_handler(signal.SIGTSTP)
        os.kill(group, signal.SIGTSTP)
        loop.add_signal_handler(signal.SIGTSTP, self.stopped)

    async def _edit(self) -> None:
        marked = self._editor.text_with_marks
        if (text := await self._edited(self._editor.text, "message.md")) is not None:
            self._editor.set_text(self._editor.pastes.refold(text, marked))

    async def _edited(self, text: str, name: str) -> str | None:
        """Return the text as it was saved by the editor; None if the editor failed."""
        editor = _words(self._env.get("VISUAL") or self._env.get("EDITOR") or "", "vi")
        with tempfile.TemporaryDirectory(prefix="termchat-") as folder:
            file = Path(folder) / name
            file.write_text(text, encoding="utf-8")
            async with self._lent():
                code = await _run([*(editor if self._session.is_saved else _traceless(editor)), str(file)])
            if code != 0:
                self._toast.say(safe_format("{editor} failed; the draft is unchanged.", editor=safe_line(editor[0])))
                return None
            return file.read_text(encoding="utf-8", errors="replace").removesuffix("\n")

    async def _page(self, text: Safe, seen: Callable[[], None]) -> None:
        """Write the text to the standard input of the pager: no file holds it, and `less` keeps no searches."""
        text = await asyncio.to_thread(wrapped_text, text, self._screen.size.columns - 1)
        pager = _words(self._env.get("PAGER", ""), "less")
        if not shutil.which(pager[0]):
            self._screen.commit(f"{text}\n")
            seen()
            return
        async with self._lent():
            code = await _run(pager, {**self._env, "LESSHISTFILE": "-"}, text.encode())
        if code == 0:
            seen()


def _nothing() -> None: ...


def _words(command: str, default: str) -> list[str]:
    """Return a command of the environment as words, `default` for a blank one; one with an open quote is one word."""
    try:
        return shlex.split(command) or [default]
    except ValueError:
        return [command]


async def _run(command: Sequence[str], env: Mapping[str, str] | None = None, data: bytes | None = None) -> int:
    """Run a program on the terminal, `data` on its standard input; return its exit code, 127 if it cannot be started.

    A program that ends before it has read all of the data is no error.
    """
    try:
        process = await asyncio.create_subprocess_exec(*command, env=env, stdin=None if data is None else PIPE)
    except OSError:
        return 127
    await process.communicate(data)
    return await process.wait()


def _traceless(editor: Sequence[str]) -> list[str]:
    """Return the command of an editor, for Vim and Neovim with options that keep no history, undo file or backup.

    `vi` counts as Vim where it is a link to it; other implementations do not know the options.
    """
    program = shutil.which(editor[0])
    if program is None or not Path(program).resolve().name.startswith(("vim", "nvim")):
        return list(editor)
    return [*editor, "-n", "-i", "NONE", "-c", "set noundofile nobackup nowritebackup"]
