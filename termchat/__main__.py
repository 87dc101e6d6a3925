"""Entry point; without arguments, it imports only the modules that the first paint needs.

`__future__` is not imported, since that takes time in which Ctrl-C would print a traceback.
"""

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType

    from termchat.ui.terminal.tty import Tty

_INTERRUPTED = 130


def _end_quietly(kind: type[BaseException], error: BaseException, trace: "TracebackType | None") -> None:
    """Print no traceback for Ctrl-C before `main`; the interpreter then ends by SIGINT."""
    if not issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)


sys.excepthook = _end_quietly


def main() -> None:
    """Run termchat and exit with its exit code."""
    code = 1
    try:
        from termchat.system import startup_gc

        startup_gc.pause()
        _ignore_current_directory()
        _fill_closed_streams()
        code = _run(sys.argv[1:])
    except KeyboardInterrupt:
        code = _INTERRUPTED
    except SystemExit as done:
        code = done.code if isinstance(done.code, int) else 1
    except BaseException as error:
        if _is_interrupt(error):
            code = _INTERRUPTED
        else:
            _report(error)
    finally:
        _leave(code)


def _ignore_current_directory() -> None:
    """Find no module and no program in the current directory: `python -m termchat` and a PATH with `.` would."""
    try:
        here = os.getcwd()
    except OSError:  # it was removed
        here = ""
    if sys.path[:1] in ([""], [here]) and not sys.flags.safe_path:
        del sys.path[0]
    if path := os.environ.get("PATH"):
        absolute = [folder for folder in path.split(os.pathsep) if os.path.isabs(folder)]
        os.environ["PATH"] = os.pathsep.join(absolute) or os.defpath


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


def _is_interrupt(error: BaseException) -> bool:
    """Return True for Ctrl-C, also where Python 3.11 wraps it: in a class that is being created, as a RuntimeError."""
    while error.__cause__:
        error = error.__cause__
    return isinstance(error, KeyboardInterrupt)


def _run(arguments: list[str]) -> int:
    sys.unraisablehook = _report_unraisable
    from termchat.cli.flags import starts_chat
    from termchat.cli.process_memory import deny_inspection

    # First, because keys typed from here on are kept.
    tty = _acquire_tty(arguments) if starts_chat(arguments) else None
    if arguments[:2] != ["completion", "--words"]:  # it answers a press of Tab, and holds no key
        _report_threads()
        deny_inspection()
    try:
        return _start(arguments, tty)
    except Exception as error:
        if _is_interrupt(error):
            return _INTERRUPTED
        typed = tty.release() if tty else ""
        _report(error, typed)
        return 1


def _start(arguments: list[str], tty: "Tty | None") -> int:
    if arguments:
        from termchat.cli import run_command_line

        return run_command_line(arguments, os.environ, tty)
    from termchat.app import Options, run_app

    return run_app(Options(), os.environ, tty)


def _acquire_tty(arguments: list[str]) -> "Tty | None":
    try:
        from termchat.ui.terminal.tty import Tty
    except ImportError:  # Windows
        return None
    return Tty.acquire(early_prompt=not {"--plain", "--accessible"} & {*arguments})


def _leave(code: int) -> None:
    """Exit at once: tearing down the interpreter and the SDKs would keep the shell waiting for a tenth of a second."""
    import atexit
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a late Ctrl-C must not keep the terminal from being restored
    atexit._run_exitfuncs()  # noqa: SLF001  # type: ignore[reportPrivateUsage]  # the terminal is restored there
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # the reader of the output may take nothing more
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


def _report(error: BaseException, typed: str = "") -> None:
    """Report an unhandled exception in a sentence, which names a file, and the text that was `typed` for a chat."""
    from termchat.app.diagnosis.error_reports import ErrorReports
    from termchat.core.errors import bug_reporting, internal_error
    from termchat.ui.stderr import Stderr, report_unsent

    bug_reporting.write = bug_reporting.write or ErrorReports(os.environ).write
    Stderr().failure(internal_error(error))
    report_unsent(typed)


def _report_unraisable(args: "sys.UnraisableHookArgs") -> None:
    """Report the exception of a finalizer or a callback. Ctrl-C in one would be lost, so it ends the program here."""
    if isinstance(args.exc_value, KeyboardInterrupt):
        _leave(_INTERRUPTED)
    if isinstance(args.exc_value, Exception):
        _report(args.exc_value)


def _report_threads() -> None:
    """Report the exceptions of threads in the same way."""
    import threading

    def report(args: threading.ExceptHookArgs) -> None:
        if isinstance(args.exc_value, Exception):
            _report(args.exc_value)

    threading.excepthook = report


if __name__ == "__main__":
    main()
