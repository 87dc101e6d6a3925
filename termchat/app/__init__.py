"""The composition root: join configuration, providers, tools, engine and front end into a program.

    options       options of a run, and what every front end derives from them
    build         the parts, joined
    interactive   the REPL
    oneshot       one question, for scripts and pipes

Heavy modules are imported where they are used: the REPL must accept keys before they are loaded, and a script loads
one SDK and no module of the terminal.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from termchat.app.options import Options, usage_error
from termchat.config.load import Config, load_config
from termchat.config.system_prompt import system_prompt
from termchat.core.errors import Failure, FailureKind
from termchat.core.sanitize import safe_format

if TYPE_CHECKING:
    from termchat.ui.terminal.tty import Tty

__all__ = ["Options", "configure", "run_app"]

_NO_TERMIOS = Failure(
    FailureKind.BAD_CONFIG,
    safe_format("A chat needs a terminal of Linux or macOS, and this system has none."),
    safe_format('Use WSL on Windows, or ask one question: termchat "your question".'),
)


def run_app(options: Options, env: Mapping[str, str], tty: Tty | None = None) -> int:
    """Run the program for a parsed command line and return its exit code; `tty` is the terminal if already acquired."""
    configured = configure(options, env)
    if isinstance(configured, Failure):
        return usage_error(configured, tty)
    config, options = configured
    if not (options.words or options.files or options.messages) and _both_terminals():
        if failure := _no_question(options):
            return usage_error(failure, tty)
        try:
            from termchat.app.interactive import run_interactive
        except ModuleNotFoundError as error:
            if error.name != "termios":
                raise
            return usage_error(_NO_TERMIOS, tty)
        return run_interactive(options, config, env, tty)
    from termchat.app.oneshot import run_oneshot

    return run_oneshot(options, config, env)


def configure(options: Options, env: Mapping[str, str]) -> tuple[Config, Options] | Failure:
    """Load the configuration with the flags and the role of the options; return it with the options that remain."""
    config = load_config(env)
    config = config if isinstance(config, Failure) else with_command_line(config, options)
    if options.base_url and not isinstance(config, Failure):
        from termchat.app.script.run_provider import with_run_provider

        config = with_run_provider(config, options)
    if isinstance(config, Failure) or not options.role:
        return config if isinstance(config, Failure) else (config, options)
    from termchat.app.roles import apply_role

    return apply_role(config, options)


def _no_question(options: Options) -> Failure | None:
    """Return the failure of an option that only a question has."""
    from termchat.app.script.option_checks import question_flags

    flags = question_flags(options)
    if not flags:
        return None
    hint = safe_format("Add the question after the options, or remove {flag} to start a chat.", flag=flags[0])
    return Failure(FailureKind.BAD_CONFIG, safe_format("{flag} requires a question.", flag=flags[0]), hint)


def with_command_line(config: Config, options: Options) -> Config | Failure:
    """Return the configuration with the flags and the `--set` of a command line."""
    changed = config.with_assignments(options.sets)
    changed = changed if isinstance(changed, Failure) else changed.with_flags(options.settings)
    if isinstance(changed, Failure) or changed.origin("system") not in ("--system", "--set"):
        return changed
    system = system_prompt(changed.settings.system, options.stdin_timeout or None)
    if isinstance(system, Failure):
        return system
    return replace(changed, settings=replace(changed.settings, system=system))


def _both_terminals() -> bool:
    try:
        return os.isatty(0) and os.isatty(1)
    except OSError:
        return False
