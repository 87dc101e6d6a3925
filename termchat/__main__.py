"""The way in. Without arguments nothing is imported that the first paint does not need."""

from __future__ import annotations

import gc
import os
import sys


def main() -> None:
    """Run termchat and leave with its exit code."""
    gc.disable()  # nothing of what is imported now can be collected; it comes back once the SDK is loaded
    code = 1
    try:
        code = _run(sys.argv[1:])
    except KeyboardInterrupt:
        code = 130
    finally:
        _leave(code)


def _run(arguments: list[str]) -> int:
    if arguments:
        from termchat.cli import main as parse

        return parse(arguments, os.environ)
    from termchat.ui.terminal.tty import Tty

    tty = Tty.acquire()  # before anything else: what is typed from here on is kept
    from termchat.app import Launch, run

    return run(Launch(), os.environ, tty)


def _leave(code: int) -> None:
    """End at once: taking the interpreter and the SDKs apart would keep the shell waiting for a tenth of a second.

    A bug on its way out has its traceback first.
    """
    if sys.exc_info()[0] not in (None, KeyboardInterrupt):
        return
    import atexit

    atexit._run_exitfuncs()  # noqa: SLF001  # type: ignore[reportPrivateUsage]  # the terminal is given back there
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            pass
    os._exit(code)


if __name__ == "__main__":
    main()
