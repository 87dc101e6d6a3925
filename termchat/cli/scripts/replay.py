"""`termchat replay`: replay recorded responses without a network."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Annotated

import typer

from termchat.app.options import Options, reply_format, usage_error
from termchat.cli.command import require_config, run_typer
from termchat.config.bounded_read import read_bounded
from termchat.config.credentials import Credentials
from termchat.config.paths import user_path
from termchat.core.errors import Failure, FailureKind, error_reason
from termchat.core.messages import user_message
from termchat.core.models import ModelRef
from termchat.core.outcomes import ExitCode
from termchat.core.sanitize import safe_format, safe_line
from termchat.providers.http.recording import RecordedResponse, parse_recording
from termchat.ui.oneshot.formats import Format
from termchat.ui.oneshot.run import run_turn
from termchat.ui.stderr import Stderr

_MAX_BYTES = 1 << 30  # of a recording


def run(arguments: list[str], env: Mapping[str, str]) -> int:
    """Parse the arguments of `termchat replay`, run it and return its exit code."""
    return run_typer(replay_recording, arguments, "termchat replay", env)


def replay_recording(
    context: typer.Context,
    file: Annotated[str, typer.Argument(metavar="FILE", help="A file written by --record.")],
    speed: Annotated[
        float, typer.Option("--speed", min=0.0, metavar="N", help="The speed: 2 is twice as fast, 0 skips all delays.")
    ] = 1.0,
    raw: Annotated[bool, typer.Option("--raw", help="Print the exact text, even on a terminal.")] = False,
) -> None:
    """Replay recorded responses without a network."""
    out = reply_format(Options(raw=raw), require_config(context), context.obj)
    if isinstance(out, Failure):
        raise typer.Exit(usage_error(out, None))
    responses = _recorded(file)
    if isinstance(responses, Failure):
        raise typer.Exit(usage_error(responses, None))
    raise typer.Exit(asyncio.run(_play(responses, speed, out, context.obj)))


async def _play(responses: Sequence[RecordedResponse], speed: float, out: Format, env: Mapping[str, str]) -> int:
    """Print the responses one after the other; return the exit code of the last one."""
    from termchat.engine.session import ChatSession
    from termchat.engine.turn import TurnConfig
    from termchat.providers.registry import ProviderRegistry, RegistryConfig
    from termchat.providers.replay import NAME, ReplayProvider

    provider, code = ReplayProvider(responses, speed), int(ExitCode.COMPLETE)
    registry = ProviderRegistry(RegistryConfig({}, Credentials(env), {NAME: provider}, {}))
    session = ChatSession(TurnConfig(ModelRef(NAME, provider.origin.model), registry))
    for _ in responses:
        code = await run_turn(session, user_message("(recorded)"), out, Stderr())
    return code


def _recorded(file: str) -> Sequence[RecordedResponse] | Failure:
    try:
        return parse_recording(read_bounded(user_path(file), _MAX_BYTES, patient=True))
    except (OSError, ValueError) as error:
        why = error_reason(error)
        words = safe_format("Cannot replay {file}: {why}.", file=safe_line(file), why=why)
        return Failure(FailureKind.BAD_CONFIG, words, safe_format("Use --record FILE to write a recording."))
