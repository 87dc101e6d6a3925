"""Ask one question, for scripts and pipes, and return the exit code of its reply."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from termchat.app.build import App, build_app
from termchat.app.first_request import prepare_end_of_reply
from termchat.app.options import Options, reply_format, usage_error
from termchat.config.load import Config
from termchat.core.errors import Failure, FailureKind
from termchat.core.messages import user_message
from termchat.core.outcomes import ExitCode
from termchat.core.sanitize import Safe, safe_format, safe_line
from termchat.ui.oneshot.input import build_message, read_standard_input
from termchat.ui.oneshot.run import run_turn
from termchat.ui.stderr import Stderr


def run_oneshot(options: Options, config: Config, env: Mapping[str, str]) -> int:
    """Ask once and print the reply; return the exit code for the reply's outcome."""
    schema = _schema(options)
    if isinstance(schema, Failure):
        return usage_error(schema, None)
    shown = options.verbose or (sys.stderr.isatty() and sys.stdout.isatty())
    stderr = Stderr(options.quiet, usage=shown, full=options.verbose)
    for words in config.notes:
        stderr.note(words)
    piped = read_standard_input(stderr.note, options.stdin_timeout or None) if options.read_input else ""
    message = (
        piped
        if isinstance(piped, Failure)
        else build_message(options.words, piped, options.files, options.stdin_timeout or None)
    )
    if isinstance(message, Failure):
        return usage_error(message, None)
    out = reply_format(options, config, env)
    if isinstance(out, Failure):
        return usage_error(out, None)

    def check(reply: str) -> Failure | None:
        from termchat.app.reply_schema import validate_reply

        return validate_reply(schema, reply) if schema else None

    async def ask() -> int:
        scripted = replace(options, priced=stderr.usage, json_schema=schema)
        async with build_app(config, env, scripted, stderr.failure) as app:
            if isinstance(app, Failure):
                stderr.failure(app)
                return ExitCode.NO_KEY if app.kind is FailureKind.NO_KEY else ExitCode.USAGE
            asked = user_message(config.settings.system or "", *message.parts)
            if secret := app.find_secret(asked):
                stderr.note(safe_format("{secret} It is sent to {model}.", secret=secret, model=_model(app)))
            again = options.continue_cut
            return await run_turn(app.session, message, out, stderr, again, check, prepare_end_of_reply)

    return asyncio.run(ask())


def _model(app: App) -> Safe:
    return safe_line(str(app.session.settings.model))


def _schema(options: Options) -> Mapping[str, Any] | Failure | None:
    from termchat.app.reply_schema import reply_schema

    return reply_schema(options.schema) if options.schema else None
