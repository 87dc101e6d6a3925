"""Entry point; without arguments, it imports only the modules that the first paint needs."""

from __future__ import annotations

import os
import sys

from termchat.system import startup_gc

TYPE_CHECKING = False
if TYPE_CHECKING:
    from termchat.ui.terminal.tty import Tty


def main() -> None:
    """Run termchat and exit with its exit code."""
    startup_gc.pause()
    _ignore_current_directory()
    _fill_closed_streams()
    code = 1
    try:
        code = _run(sys.argv[1:])
    except KeyboardInterrupt:
        code = 130
    except SystemExit as done:
        code = done.code if isinstance(done.code, int) else 1
    except BaseException as error:
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


def _run(arguments: list[str]) -> int:
    from termchat.cli.flags import starts_chat
    from termchat.cli.process_memory import deny_inspection

    # First, because keys typed from here on are kept.
    tty = _acquire_tty(arguments) if starts_chat(arguments) else None
    if arguments[:2] != ["completion", "--words"]:  # it answers a press of Tab, and holds no key
        _report_uncaught()
        deny_inspection()
    try:
        return _start(arguments, tty)
    except Exception as error:
        typed = tty.release() if tty else ""
        _report(error, typed)
        return 1


def _start(arguments: list[str], tty: Tty | None) -> int:
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
    """Exit at once: tearing down the interpreter and the SDKs would keep the shell waiting for a tenth of a second."""
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


def _report(error: BaseException, typed: str = "") -> None:
    """Report an unhandled exception in a sentence, which names a file, and the text that was `typed` for a chat."""
    from termchat.app.diagnosis.error_reports import ErrorReports
    from termchat.core.errors import bug_reporting, internal_error
    from termchat.ui.stderr import Stderr, report_unsent

    bug_reporting.write = bug_reporting.write or ErrorReports(os.environ).write
    Stderr().failure(internal_error(error))
    report_unsent(typed)


def _report_uncaught() -> None:
    """Report the exceptions of finalizers and threads in the same way."""
    import threading

    def report(args: sys.UnraisableHookArgs | threading.ExceptHookArgs) -> None:
        if isinstance(args.exc_value, Exception):
            _report(args.exc_value)

    sys.unraisablehook = threading.excepthook = report


if __name__ == "__main__":
    main()
