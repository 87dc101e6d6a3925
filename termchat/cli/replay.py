"""The subcommands: models, config, themes, chats, usage, replay. Each gives an exit code."""

from __future__ import annotations

import asyncio
import gc
import sys
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from termchat.app.build import AppOptions, build_app, open_library
from termchat.app.options import Launch, reply_format, resolve_theme, usage_error
from termchat.config.credentials import Credentials
from termchat.config.load import load
from termchat.core.chat_store import ChatStore
from termchat.core.chats import UsageGroup
from termchat.core.errors import Failure, FailureKind
from termchat.core.models import ModelRef
from termchat.core.outcomes import ExitCode
from termchat.core.sanitize import safe_format, safe_line
from termchat.ui.stderr import Stderr


def models(query: str, env: Mapping[str, str], *, fresh: bool, as_json: bool) -> int:
    """`termchat models`: what the usable providers list."""
    from termchat.cli.models import show_models

    config = load(env)
    if isinstance(config, Failure):
        return usage_error(config, None)

    async def show() -> int:
        async with build_app(config, env, AppOptions(saved=False, person=True), Stderr().failure) as house:
            if isinstance(house, Failure):
                return usage_error(house, None)
            return await show_models(house.registry, query, fresh=fresh, as_json=as_json)

    return asyncio.run(show())


def show_config(env: Mapping[str, str]) -> int:
    """`termchat config`: every setting with its value and where it came from."""
    from termchat.cli.config import config_lines

    config = load(env)
    if isinstance(config, Failure):
        return usage_error(config, None)
    for line in config_lines(config, Credentials(env)):
        sys.stdout.write(f"{line}\n")
    theme = resolve_theme(config, env)
    return usage_error(theme, None) if isinstance(theme, Failure) else ExitCode.COMPLETE


def themes(env: Mapping[str, str]) -> int:
    """`termchat themes`: every theme with a sample of it, the names alone for a pipe."""
    from termchat.cli.themes import show_themes

    config = load(env)
    return usage_error(config, None) if isinstance(config, Failure) else show_themes(config, env)


def chats(env: Mapping[str, str], act: Callable[[ChatStore], Awaitable[int]]) -> int:
    """`termchat chats …`: something is done with the kept chats."""
    config = load(env)
    if isinstance(config, Failure):
        return usage_error(config, None)

    gc.enable()  # off since the start, see __main__; here is no SDK to wait for

    async def run_it() -> int:
        library = open_library(config, env, Stderr().failure)
        try:
            return await act(library)
        finally:
            await library.close()

    return asyncio.run(run_it())


def usage(by: UsageGroup, since: float, env: Mapping[str, str], *, as_json: bool) -> int:
    """`termchat usage`: what was asked since a moment, added up."""
    from termchat.cli.usage import show_usage
    from termchat.providers.prices import PriceTable

    config = load(env)
    if isinstance(config, Failure):
        return usage_error(config, None)
    prices = PriceTable(config.providers)

    async def show(library: ChatStore) -> int:
        await library.price(prices, since)
        show_usage(await library.usage(by, since), as_json=as_json)
        return ExitCode.COMPLETE

    return chats(env, show)


def replay(file: str, speed: float, launch: Launch, env: Mapping[str, str]) -> int:
    """`termchat replay`: the responses of a recording, through everything but the network; the last one's exit code."""
    from termchat.core.messages import user_message
    from termchat.engine.session import ChatSession
    from termchat.engine.turn import TurnConfig
    from termchat.providers.registry import ProviderRegistry, RegistryConfig
    from termchat.providers.replay import NAME, ReplayProvider
    from termchat.providers.wire.recording import read
    from termchat.ui.oneshot.run import run

    config = load(env)
    out = config if isinstance(config, Failure) else reply_format(launch, config, env)
    if isinstance(config, Failure) or isinstance(out, Failure):
        assert isinstance(out, Failure)
        return usage_error(out, None)
    try:
        responses = read(Path(file).expanduser().read_bytes())
    except (OSError, ValueError) as error:
        why = safe_line(error.strerror or "it cannot be read" if isinstance(error, OSError) else str(error))
        words = safe_format("Cannot replay {file}: {why}.", file=safe_line(file), why=why)
        return usage_error(
            Failure(FailureKind.BAD_CONFIG, words, safe_format("--record FILE writes such a file.")), None
        )

    async def play() -> int:
        player, code = ReplayProvider(responses, speed), int(ExitCode.COMPLETE)
        registry = ProviderRegistry(RegistryConfig({}, Credentials(env), {NAME: player}, {}))
        session = ChatSession(TurnConfig(ModelRef(NAME, player.origin.model), registry))
        for _ in responses:
            code = await run(session, user_message("(recorded)"), out, Stderr(launch.quiet, usage=launch.verbose))
        return code

    return asyncio.run(play())
