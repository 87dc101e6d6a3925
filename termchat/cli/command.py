"""Run the typer command of a subcommand, with its configuration and the open chat store."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextvars import ContextVar
from typing import Any, NamedTuple

import typer

from termchat.app.build import open_store
from termchat.app.options import usage_error
from termchat.cli.help_text import HelpCommand
from termchat.config.load import Config, load_config
from termchat.core.chat_store import ChatStore
from termchat.core.errors import Failure
from termchat.core.outcomes import ExitCode
from termchat.system import startup_gc
from termchat.ui.stderr import Stderr, log_to_stderr


class CommandShape(NamedTuple):
    """The parameters of a command as typer knows them, and its subcommands or actions with a line about each."""

    parameters: Sequence[Any]
    commands: Mapping[str, str]


_shapes: ContextVar[list[CommandShape] | None] = ContextVar("shapes", default=None)


def command_shape(run: Callable[[list[str], Mapping[str, str]], int], arguments: list[str]) -> CommandShape:
    """Return the shape of the command that `run` would run for the arguments, instead of running it."""
    shapes: list[CommandShape] = []
    token = _shapes.set(shapes)
    try:
        run(arguments, {})
    finally:
        _shapes.reset(token)
    return shapes[0]


def run_typer(
    command: Callable[..., None],
    arguments: list[str],
    name: str,
    env: Mapping[str, str],
    commands: Mapping[str, str] | None = None,
    more: Mapping[str, Mapping[str, str]] | None = None,
) -> int:
    """Run a typer command and return its exit code; `env` is its context's `obj`.

    `commands` and `more` are listed in its help (see HelpCommand). Wrong arguments are reported on standard error, with
    exit code 2.
    """
    kind = type("_Command", (HelpCommand,), {"commands": commands or {}, "more": more or {}})
    parser = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
    parser.command(cls=kind, context_settings={"help_option_names": ["-h", "--help"]})(command)
    shapes = _shapes.get()
    if shapes is not None:
        shapes.append(CommandShape(typer.main.get_command(parser).params, commands or {}))
        return ExitCode.COMPLETE
    try:
        parser(arguments, prog_name=name, obj=env)
    except SystemExit as done:
        return done.code if isinstance(done.code, int) else ExitCode.USAGE
    return ExitCode.COMPLETE


def require_config(context: typer.Context) -> Config:
    """Load the configuration of a subcommand's environment. Raises typer.Exit after reporting a mistake in it."""
    config = load_config(context.obj)
    if isinstance(config, Failure):
        raise typer.Exit(usage_error(config, None))
    return config


def with_store(context: typer.Context, action: Callable[[ChatStore], Awaitable[int]]) -> int:
    """Open the chat store, run `action` on it, close it; return the action's exit code.

    Code 0 becomes 1 if the store reported a failure: its file could not be read, or was recovered.
    """
    config = require_config(context)
    startup_gc.resume()  # paused in __main__; no SDK is imported here

    log_to_stderr()
    reported: list[Failure] = []

    def report(failure: Failure) -> None:
        reported.append(failure)
        Stderr().failure(failure)

    async def run() -> int:
        store = open_store(config, context.obj, report)
        try:
            code = await action(store)
        finally:
            await store.close()
        return code or (ExitCode.ERROR if reported else ExitCode.COMPLETE)

    return asyncio.run(run())


def with_context(command: Callable[..., None]) -> Callable[..., None]:
    """Let typer pass its context, which has the environment."""
    signature = inspect.signature(command)
    first = inspect.Parameter("context", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context)
    command.__signature__ = signature.replace(parameters=[first, *signature.parameters.values()])  # type: ignore[attr-defined]
    command.__annotations__ = {"context": typer.Context, **command.__annotations__}
    return command
