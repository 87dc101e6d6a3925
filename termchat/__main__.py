"""Entry point; without arguments, it imports only the modules that the first paint needs."""

from __future__ import annotations

import os
import sys

from termchat import startup_gc

TYPE_CHECKING = False
if TYPE_CHECKING:
    from termchat.ui.terminal.tty import Tty


def main() -> None:
    """Run termchat and exit with its exit code."""
    startup_gc.pause()
    _fill_closed_streams()
    code = 1
    try:
        code = _run(sys.argv[1:])
    except KeyboardInterrupt:
        code = 130
    except SystemExit as done:
        code = done.code if isinstance(done.code, int) else 1
    finally:
        _leave(code)


def _fill_closed_streams() -> None:
    """Open the null device for each closed standard stream: else the next file opened, a database, would be one.

    Standard output is opened for reading, so that writing to it fails as it should.
    """
    for fd, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        try:
            os.fstat(fd)
        except OSError:
            os.open(os.devnull, os.O_WRONLY if name == "stderr" else os.O_RDONLY)  # as `fd`, the lowest free number
            setattr(sys, name, open(fd, mode, encoding="utf-8", closefd=False))  # noqa: SIM115 - until the exit


def _run(arguments: list[str]) -> int:
    from termchat.cli.flags import starts_chat

    # First, because keys typed from here on are kept.
    tty = _acquire_tty(arguments) if starts_chat(arguments) else None
    if arguments:
        from termchat.cli import run_command_line

        return run_command_line(arguments, os.environ, tty)
    from termchat.app import Options, run_app

    return run_app(Options(), os.environ, tty)


def _acquire_tty(arguments: list[str]) -> Tty | None:
    try:
        from termchat.ui.terminal.tty import Tty
    except ImportError:  # Windows
        return None
    return Tty.acquire(early_prompt=not {"--plain", "--accessible"} & {*arguments})


def _leave(code: int) -> None:
    """Exit at once: tearing down the interpreter and the SDKs would keep the shell waiting for a tenth of a second.

    An unhandled exception returns instead, so that Python prints its traceback.
    """
    if sys.exc_info()[0] not in (None, KeyboardInterrupt, SystemExit):
        return
    import atexit

    atexit._run_exitfuncs()  # noqa: SLF001  # type: ignore[reportPrivateUsage]  # the terminal is restored there
    try:
        sys.stdout.flush()
    except (OSError, ValueError) as error:
        from termchat.ui.stderr import output_failed

        code = code or output_failed(error)
    try:
        sys.stderr.flush()
    except (OSError, ValueError):
        pass
    os._exit(code)


if __name__ == "__main__":
    main()
