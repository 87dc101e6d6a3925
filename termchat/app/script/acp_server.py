"""`termchat acp`: keep standard output for the protocol, and answer an editor until it has gone."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from importlib.util import find_spec

from termchat.app import with_command_line
from termchat.app.options import Options
from termchat.app.script.acp_chats import AcpChats
from termchat.config.load import Config, load_config
from termchat.core.errors import Failure, FailureKind
from termchat.core.outcomes import ExitCode
from termchat.core.sanitize import safe_format
from termchat.system.installation import install_command
from termchat.ui.oneshot.stop_signals import handled_signals
from termchat.ui.stderr import Stderr, log_to_stderr

_TERMINAL = safe_format("An editor starts this command and speaks to it; a person does not. Ctrl-C stops it.")


def run_acp(options: Options, env: Mapping[str, str]) -> int:
    """Answer the client on standard input and output until it has gone or a signal comes; return the exit code."""
    stderr = Stderr(options.quiet)
    config = _configured(options, env) if find_spec("acp") else _no_extra()
    if isinstance(config, Failure):
        stderr.failure(config)
        return ExitCode.USAGE
    if "system" in options.settings:  # its file may be a pipe, which is read once
        options = replace(options, settings={**options.settings, "system": config.settings.system})
    if sys.stdin.isatty():
        stderr.note(_TERMINAL)
    log_to_stderr()
    with suppress(KeyboardInterrupt):
        asyncio.run(_answer(options, env, stderr, _own_stdout()))
    return ExitCode.COMPLETE


async def _answer(options: Options, env: Mapping[str, str], stderr: Stderr, target: int) -> None:
    from termchat.serve.acp.run_agent import run_agent
    from termchat.system import startup_gc

    startup_gc.resume()  # paused in __main__: an agent runs for long
    chats = AcpChats(replace(options, priced=True, person=True), lambda: _configured(options, env), env, stderr.failure)
    stop = asyncio.Event()
    with handled_signals(lambda _: stop.set()):
        await run_agent(chats, sys.stdin.buffer, target, stop)


def _no_extra() -> Failure:
    return Failure(
        FailureKind.BAD_CONFIG,
        safe_format("The agent for editors needs a package that is not installed."),
        safe_format("Install it: {command}", command=install_command("acp")),
    )


def _configured(options: Options, env: Mapping[str, str]) -> Config | Failure:
    """Return the configuration with the flags; tools that nothing names are off."""
    config = load_config(env)
    config = config if isinstance(config, Failure) else with_command_line(config, options)
    if isinstance(config, Failure) or config.settings.tools is not None:
        return config
    return replace(config, settings=replace(config.settings, tools=("none",)))


def _own_stdout() -> int:
    """Return a descriptor of standard output that nothing else writes to; what is printed goes to standard error."""
    own = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return own
