"""The composition root: what was configured, the providers, the tools, the engine and a front end become a program.

    launch   what the command line asked for
    talk     the REPL            script   one question, for scripts and pipes
    doors    the subcommands     (each is imported when it is used)

Everything heavy is imported where it is needed: the REPL must take keys before any of it, and a script loads one
SDK and nothing of the terminal's.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from termchat.app.options import Launch, usage_error
from termchat.config.load import Config, load
from termchat.config.system_prompt import system_prompt
from termchat.core.errors import Failure, FailureKind
from termchat.core.sanitize import safe_format

if TYPE_CHECKING:
    from termchat.ui.terminal.tty import Tty

__all__ = ["Launch", "run"]

_NO_QUESTION = Failure(
    FailureKind.BAD_CONFIG,
    safe_format("--schema is for one question, and there is none."),
    safe_format("Write it behind the options, or leave --schema out to start the chat."),
)


def run(launch: Launch, env: Mapping[str, str], tty: Tty | None = None) -> int:
    """The program, from a parsed command line to an exit code; `tty` is the terminal if it was taken already."""
    config = load(env)
    config = config if isinstance(config, Failure) else _with_flags(config, launch)
    if isinstance(config, Failure):
        return usage_error(config, tty)
    if not launch.words and not launch.files and _both_terminals():
        if launch.schema:
            return usage_error(_NO_QUESTION, tty)
        from termchat.app.interactive import run_interactive

        return run_interactive(launch, config, env, tty)
    from termchat.app.oneshot import run_oneshot

    return run_oneshot(launch, config, env)


def _with_flags(config: Config, launch: Launch) -> Config | Failure:
    changed = config.with_assignments(launch.sets)
    changed = changed if isinstance(changed, Failure) else changed.with_flags(launch.settings)
    if isinstance(changed, Failure) or changed.origin("system") not in ("--system", "--set"):
        return changed
    system = system_prompt(changed.settings.system)
    if isinstance(system, Failure):
        return system
    return replace(changed, settings=replace(changed.settings, system=system))


def _both_terminals() -> bool:
    try:
        return os.isatty(0) and os.isatty(1)
    except OSError:
        return False
