"""The subcommands: models, config, themes, chats, usage, replay. Each gives an exit code."""

from __future__ import annotations

import asyncio
import gc
import sys
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from termchat.app.build import Wish, joined, open_library
from termchat.app.options import Launch, chosen_theme, refused, reply_format
from termchat.config.credentials import Secrets
from termchat.config.load import load
from termchat.core.chat_store import Library
from termchat.core.chats import By
from termchat.core.errors import Failure, FailureKind
from termchat.core.models import ModelRef
from termchat.core.outcomes import ExitCode
from termchat.core.sanitize import safe_line, say
from termchat.ui.stderr import Notes


def models(query: str, env: Mapping[str, str], *, fresh: bool, as_json: bool) -> int:
    """`termchat models`: what the usable providers list."""
    from termchat.cli.models import show_models

    config = load(env)
    if isinstance(config, Failure):
        return refused(config, None)

    async def show() -> int:
        async with joined(config, env, Wish(saved=False, person=True), Notes().failure) as house:
            if isinstance(house, Failure):
                return refused(house, None)
            return await show_models(house.registry, query, fresh=fresh, as_json=as_json)

    return asyncio.run(show())


def show_config(env: Mapping[str, str]) -> int:
    """`termchat config`: every setting with its value and where it came from."""
    from termchat.cli.config import listing

    config = load(env)
    if isinstance(config, Failure):
        return refused(config, None)
    for line in listing(config, Secrets(env)):
        sys.stdout.write(f"{line}\n")
    theme = chosen_theme(config, env)
    return refused(theme, None) if isinstance(theme, Failure) else ExitCode.COMPLETE


def themes(env: Mapping[str, str]) -> int:
    """`termchat themes`: every theme with a sample of it, the names alone for a pipe."""
    from termchat.cli.themes import show_themes

    config = load(env)
    return refused(config, None) if isinstance(config, Failure) else show_themes(config, env)


def chats(env: Mapping[str, str], act: Callable[[Library], Awaitable[int]]) -> int:
    """`termchat chats …`: something is done with the kept chats."""
    config = load(env)
    if isinstance(config, Failure):
        return refused(config, None)

    gc.enable()  # off since the start, see __main__; here is no SDK to wait for

    async def run_it() -> int:
        library = open_library(config, env, Notes().failure)
        try:
            return await act(library)
        finally:
            await library.close()

    return asyncio.run(run_it())


def usage(by: By, since: float, env: Mapping[str, str], *, as_json: bool) -> int:
    """`termchat usage`: what was asked since a moment, added up."""
    from termchat.cli.usage import show_usage
    from termchat.providers.prices import PriceTable

    config = load(env)
    if isinstance(config, Failure):
        return refused(config, None)
    prices = PriceTable(config.profiles)

    async def show(library: Library) -> int:
        await library.price(prices, since)
        show_usage(await library.usage(by, since), as_json=as_json)
        return ExitCode.COMPLETE

    return chats(env, show)


def replay(file: str, speed: float, launch: Launch, env: Mapping[str, str]) -> int:
    """`termchat replay`: the responses of a recording, through everything but the network; the last one's exit code."""
    from termchat.core.messages import user
    from termchat.engine.session import Session
    from termchat.engine.turn import Plan
    from termchat.providers.registry import Registry, Setup
    from termchat.providers.replay import NAME, Replay
    from termchat.providers.wire.recording import read
    from termchat.ui.oneshot.run import run

    config = load(env)
    out = config if isinstance(config, Failure) else reply_format(launch, config, env)
    if isinstance(config, Failure) or isinstance(out, Failure):
        assert isinstance(out, Failure)
        return refused(out, None)
    try:
        responses = read(Path(file).expanduser().read_bytes())
    except (OSError, ValueError) as error:
        why = safe_line(error.strerror or "it cannot be read" if isinstance(error, OSError) else str(error))
        words = say("Cannot replay {file}: {why}.", file=safe_line(file), why=why)
        return refused(Failure(FailureKind.BAD_CONFIG, words, say("--record FILE writes such a file.")), None)

    async def play() -> int:
        player, code = Replay(responses, speed), int(ExitCode.COMPLETE)
        registry = Registry(Setup({}, Secrets(env), {NAME: player}, {}))
        session = Session(Plan(ModelRef(NAME, player.origin.model), registry))
        for _ in responses:
            code = await run(session, user("(recorded)"), out, Notes(launch.quiet, usage=launch.verbose))
        return code

    return asyncio.run(play())
