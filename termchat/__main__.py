"""Entry point; without arguments, it imports only the modules that the first paint needs."""

from __future__ import annotations

import os
import sys

from termchat import startup_gc


def main() -> None:
    """Run termchat and exit with its exit code."""
    startup_gc.pause()
    code = 1
    try:
        code = _run(sys.argv[1:])
    except KeyboardInterrupt:
        code = 130
    finally:
        _leave(code)


def _run(arguments: list[str]) -> int:
    if arguments:
        from termchat.cli import run_command_line

        return run_command_line(arguments, os.environ)
    from termchat.ui.terminal.tty import Tty

    tty = Tty.acquire()  # first, because keys typed from here on are kept
    from termchat.app import Options, run_app

    return run_app(Options(), os.environ, tty)


def _leave(code: int) -> None:
    """Exit at once: tearing down the interpreter and the SDKs would keep the shell waiting for a tenth of a second.

    An unhandled exception returns instead, so that Python prints its traceback.
    """
    if sys.exc_info()[0] not in (None, KeyboardInterrupt):
        return
    import atexit

    atexit._run_exitfuncs()  # noqa: SLF001  # type: ignore[reportPrivateUsage]  # the terminal is restored there
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            pass
    os._exit(code)


if __name__ == "__main__":
    main()
