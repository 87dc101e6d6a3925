"""One question, for scripts and pipes: what is asked, the reply as it is to be written, the exit code."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from typing import Any

from termchat.app.build import AppOptions, build_app
from termchat.app.options import Launch, reply_format, usage_error
from termchat.config.load import Config
from termchat.core.errors import Failure, FailureKind
from termchat.core.outcomes import ExitCode
from termchat.ui.oneshot.input import build_message, read_standard_input
from termchat.ui.oneshot.run import run
from termchat.ui.stderr import Stderr


def run_oneshot(launch: Launch, config: Config, env: Mapping[str, str]) -> int:
    """Ask once; the exit code tells how the reply ended."""
    schema = _schema(launch)
    if isinstance(schema, Failure):
        return usage_error(schema, None)
    notes = Stderr(launch.quiet, usage=launch.verbose or (sys.stderr.isatty() and sys.stdout.isatty()))
    for words in config.notes:
        notes.note(words)
    piped = read_standard_input(notes.note) if launch.read_input else ""
    message = piped if isinstance(piped, Failure) else build_message(launch.words, piped, launch.files)
    if isinstance(message, Failure):
        return usage_error(message, None)
    out = reply_format(launch, config, env)
    if isinstance(out, Failure):
        return usage_error(out, None)

    def check(reply: str) -> Failure | None:
        from termchat.app.reply_schema import validate_reply

        return validate_reply(schema, reply) if schema else None

    async def ask() -> int:
        wish = AppOptions(
            tools=launch.tools,
            priced=notes.usage,
            saved=launch.saved,
            chat=launch.chat,
            last=launch.last,
            record=launch.record,
            schema=schema,
        )
        async with build_app(config, env, wish, notes.failure) as house:
            if isinstance(house, Failure):
                notes.failure(house)
                return ExitCode.NO_KEY if house.kind is FailureKind.NO_KEY else ExitCode.USAGE
            return await run(house.session, message, out, notes, launch.continue_cut, check)

    return asyncio.run(ask())


def _schema(launch: Launch) -> Mapping[str, Any] | Failure | None:
    from termchat.app.reply_schema import reply_schema

    return reply_schema(launch.schema) if launch.schema else None
