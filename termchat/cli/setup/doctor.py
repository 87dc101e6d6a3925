"""`termchat doctor`: check the providers, the terminal and the installation."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Coroutine, Mapping, Sequence
from typing import Annotated, Any, TypeVar

import typer

from termchat import __version__
from termchat.app.setup import AppSetup
from termchat.cli.command import run_typer
from termchat.commands.setup.diagnosis import diagnose
from termchat.commands.setup.ports import DialogCancelledError, TextQuestion
from termchat.config.credentials import Credentials
from termchat.config.load import load_config
from termchat.core.effects import Choice
from termchat.core.errors import Failure
from termchat.core.models import Check, CheckState
from termchat.core.outcomes import ExitCode
from termchat.core.redact import Redactor
from termchat.core.sanitize import Safe, escape_json, safe, safe_format
from termchat.core.style import TextRole
from termchat.system import startup_gc
from termchat.ui.stderr import print_stdout, warn

T = TypeVar("T")
VERSION = 1  # of the JSON report


def run(arguments: list[str], env: Mapping[str, str]) -> int:
    """Parse the arguments of `termchat doctor`, run it and return its exit code."""
    return run_typer(print_diagnosis, arguments, "termchat doctor", env)


def print_diagnosis(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    full: Annotated[bool, typer.Option("--full", help="Also make requests that cost tokens; asks first.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="With --full, make them without asking.")] = False,
) -> None:
    """Check providers, terminal, configuration and chats. The exit code is 0 only if nothing failed."""
    if full and not yes and not (sys.stdin.isatty() and sys.stderr.isatty()):
        warn(safe_format("--full makes requests that cost tokens, and there is no terminal to ask on."))
        warn(safe_format("Add --yes to make them without asking."))
        raise typer.Exit(ExitCode.USAGE)
    startup_gc.resume()
    raise typer.Exit(asyncio.run(_diagnose(context.obj, as_json=as_json, full=full, agreed=yes)))


async def _diagnose(env: Mapping[str, str], *, as_json: bool, full: bool, agreed: bool) -> int:
    """Print the report; return the exit code."""
    from termchat.ui.repl.setup.abilities import query_terminal, terminal_checks

    redact = Redactor()
    dialog = _Report(redact, quiet=as_json, env=env)
    terminal = tuple(terminal_checks(env, _terminal_size(), query_terminal()))
    config = load_config(env)
    if isinstance(config, Failure):
        broken = Check("config", "", "file", CheckState.FAILED, config.message, config.hint)
        found = [broken, *terminal]
        for check in found:
            dialog.check(check)
    else:
        keys = Credentials(env)
        for provider in config.providers.values():
            key = "" if provider.key.startswith(("cmd:", "keyring:")) else keys.key(provider)
            if isinstance(key, str):
                redact.add(key)
        setup = AppSetup(config, env, keys, redactors=(redact,))
        try:
            found = await diagnose(dialog, setup, terminal, full=full, agreed=agreed)
        except DialogCancelledError:
            return ExitCode.CANCELLED
    failed = any(check.state is CheckState.FAILED for check in found)
    if as_json:
        print_stdout(dialog.json(found, ok=not failed))
    return ExitCode.ERROR if failed else ExitCode.COMPLETE


def _terminal_size() -> tuple[int, int] | None:
    """Return the columns and rows of the terminal, None if standard output is none."""
    import os

    try:
        size = os.get_terminal_size(sys.stdout.fileno()) if sys.stdout.isatty() else None
    except OSError:
        return None
    return (size.columns, size.lines) if size else None


class _Report:
    """The dialogue of a diagnosis: findings go to standard output, without secrets and with ~ for the home."""

    def __init__(self, redact: Redactor, *, quiet: bool, env: Mapping[str, str]) -> None:
        self._redact = redact
        self._quiet = quiet
        self._home = env.get("HOME", "").rstrip("/")

    def clean(self, words: str) -> Safe:
        """Return words without secrets, and with ~ for the home directory."""
        words = self._redact(words)
        return safe(words.replace(f"{self._home}/", "~/") if self._home else words)

    def show(self, words: Safe, role: TextRole = TextRole.DIM) -> None:
        if not self._quiet:
            print_stdout(f"{self.clean(words)}\n")

    def check(self, check: Check) -> None:
        """Print a finding outside of a diagnosis."""
        from termchat.commands.setup.diagnosis import check_line

        self.show(check_line(check))
        if check.step:
            self.show(safe_format("    {step}", step=check.step))

    async def choose(self, title: Safe, choices: Sequence[Choice], at: int = 0) -> int:
        """Ask a question of yes or no on standard error; No is the first choice."""
        sys.stderr.write(f"{title} [y/N] ")
        sys.stderr.flush()
        answer = await asyncio.to_thread(sys.stdin.readline)
        return 1 if answer.strip().lower() in ("y", "yes") else 0

    async def ask(self, question: TextQuestion) -> str:
        raise DialogCancelledError

    async def wait(self, words: Safe, work: Coroutine[Any, Any, T]) -> T:
        return await work

    def json(self, found: Sequence[Check], *, ok: bool) -> Safe:
        """Return the report as JSON."""
        import json
        import platform

        rows = [
            {
                "group": check.group,
                "subject": self.clean(check.subject),
                "name": check.name,
                "state": check.state.value,
                "message": self.clean(check.words),
                "next": self.clean(check.step),
            }
            for check in found
        ]
        report = {
            "v": VERSION,
            "termchat": __version__,
            "python": platform.python_version(),
            "system": platform.system(),
            "ok": ok,
            "checks": rows,
        }
        return escape_json(json.dumps(report, ensure_ascii=False, indent=1) + "\n")
