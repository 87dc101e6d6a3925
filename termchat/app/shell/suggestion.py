"""Ask a model for one shell command; it is returned as text, and never run."""

from __future__ import annotations

import asyncio
import platform
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from termchat.app.build import build_app
from termchat.app.options import Options
from termchat.app.shell.last_command import LastCommand, code_block, described
from termchat.app.shell.proposed_command import ProposedCommand, proposed_command
from termchat.commands.answers.code_blocks import split_first_block
from termchat.config.load import Config
from termchat.config.settings import ShellFact
from termchat.core.errors import Failure, FailureKind
from termchat.core.messages import user_message
from termchat.core.outcomes import ExitCode
from termchat.core.sanitize import Safe, safe, safe_format, safe_line
from termchat.late_dataclass import dataclass
from termchat.ui.oneshot.formats.captured import CapturedFormat
from termchat.ui.oneshot.run import run_turn
from termchat.ui.stderr import Stderr, clear_row, explain

_PROPOSE = """You propose one command for a person to run in a shell; it is shown, and never run for them.
Reply with the command in one fenced code block, and nothing else in it. Then explain in one to three plain sentences \
without Markdown: what it does, and what it changes or deletes.
One line is best; a pipeline or a short here-document is fine. Prefer what every system has. Quote names that may have \
blanks. If no command does it, say why in one sentence, without a code block."""
_EXPLAIN = """You explain a shell command to a person who considers running it. Say first what it does as a whole, \
then what each part and option does, then what it changes, deletes or sends. Name a mistake or a danger plainly."""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A command and the words about it."""

    command: ProposedCommand
    explanation: Safe


def shell_system(config: Config, shell: str, *, explains: bool) -> Config:
    """Return the configuration with the system prompt of a request about a shell, before the user's own.

    It names the facts about this machine that the setting `suggest` allows, and no others.
    """
    facts = config.settings.suggest
    lines = [
        *([f"Operating system: {_system_name()}"] if ShellFact.OS in facts else ()),
        *([f"Shell: {shell}"] if ShellFact.SHELL in facts and shell else ()),
        *([f"Current directory: {_directory()}"] if ShellFact.CWD in facts else ()),
    ]
    parts = [_EXPLAIN if explains else _PROPOSE, "\n".join(lines), config.settings.system]
    system = "\n\n".join(part for part in parts if part)
    return replace(config, settings=replace(config.settings, system=system))


def request_words(words: str, command: str = "", last: LastCommand | None = None) -> str:
    """Return the question for a proposal: the words, the command that they change, the last command of the shell."""
    parts = [
        f"The last command in this shell was:\n\n{described(last)}" if last else "",
        f"This is the command so far:\n\n{code_block(command, 'sh')}\n\nChange it: {words}" if command else words,
    ]
    return "\n\n".join(part for part in parts if part)


def captured_reply(
    options: Options, config: Config, env: Mapping[str, str], asking: Callable[[Safe], None] | None
) -> str | int:
    """Ask the words of the options; return the reply, or the exit code of an outcome that was reported.

    asking   called with the name of the model before the request; may show a row on standard error
    """
    stderr = Stderr(options.quiet, usage=options.verbose, full=options.verbose)
    reply = CapturedFormat()

    async def ask() -> int:
        scripted = replace(options, priced=stderr.usage)
        async with build_app(config, env, scripted, stderr.failure) as app:
            if isinstance(app, Failure):
                stderr.failure(app)
                return ExitCode.NO_KEY if app.kind is FailureKind.NO_KEY else ExitCode.USAGE
            model = safe_line(str(app.session.settings.model))
            message = user_message(options.words)
            if secret := app.find_secret(user_message(f"{config.settings.system}\n{options.words}")):
                stderr.note(safe_format("{secret} It is sent to {model}.", secret=secret, model=model))
            if asking:
                asking(model)
            return await run_turn(app.session, message, reply, stderr)

    try:
        code = asyncio.run(ask())
    finally:
        clear_row()
    return code or reply.text


def suggestion(reply: str, stderr: Stderr) -> Suggestion | int:
    """Return the command of a reply; without one, report the words of the reply and return the exit code."""
    code, words = split_first_block(reply) or _lone_command(reply) or ("", reply)
    found = proposed_command(code) if code else None
    if found is None:
        stderr.failure(Failure(FailureKind.NOT_FOUND, safe_format("The model proposed no command.")))
        if words.strip():
            explain(safe(words.strip()))
        return ExitCode.ERROR
    if isinstance(found, Failure):
        stderr.failure(found)
        return ExitCode.ERROR
    return Suggestion(found, safe(words.strip()))


def _lone_command(reply: str) -> tuple[str, str] | None:
    """Return the command of a reply whose first line is inline code, as small models write it."""
    first, _, rest = reply.strip().partition("\n")
    code = first.strip().strip("`")
    return (code, rest) if code and first.strip() == f"`{code}`" else None


def _system_name() -> str:
    if platform.system() == "Darwin":
        return f"macOS {platform.mac_ver()[0]}".strip()
    try:
        return f"{platform.system()} ({platform.freedesktop_os_release()['PRETTY_NAME']})"
    except (OSError, KeyError):
        return platform.system()


def _directory() -> str:
    try:
        return str(Path.cwd())
    except OSError:
        return "unknown: it was deleted"
