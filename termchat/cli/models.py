"""`termchat models`: list the models of the usable providers."""

import asyncio
import sys
from collections.abc import Mapping
from typing import Annotated

import typer

from termchat.app.build import build_app
from termchat.app.options import Options, usage_error
from termchat.cli.command import require_config, run_typer
from termchat.cli.print_table import Column, Fit, print_json, print_table
from termchat.core.errors import Failure, FailureKind, ProviderError
from termchat.core.models import ModelInfo
from termchat.core.outcomes import ExitCode
from termchat.core.provider import Providers
from termchat.core.sanitize import Safe, safe_format, safe_line
from termchat.ui.phrases import count
from termchat.ui.stderr import Stderr, print_stdout


def run(arguments: list[str], env: Mapping[str, str]) -> int:
    """Parse the arguments of `termchat models`, run it and return its exit code."""
    return run_typer(print_models, arguments, "termchat models", env)


def print_models(
    context: typer.Context,
    query: Annotated[str, typer.Argument(metavar="PART", help="Show only models whose name contains this text.")] = "",
    fresh: Annotated[bool, typer.Option("--fresh", help="Ask the servers instead of using the cached list.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON array.")] = False,
) -> None:
    """List the models of the providers you have a key for, as provider/model."""
    config = require_config(context)

    async def show() -> int:
        async with build_app(config, context.obj, Options(saved=False, person=True), Stderr().failure) as app:
            if isinstance(app, Failure):
                return usage_error(app, None)
            return await _show(app.registry, query, fresh=fresh, as_json=as_json)

    raise typer.Exit(asyncio.run(show()))


async def _show(providers: Providers, query: str, *, fresh: bool, as_json: bool) -> int:
    """Print the models whose name contains `query`, and report each provider that does not answer."""
    found, failed = await _ask(providers, fresh=fresh)
    for failure in failed:
        Stderr().failure(failure)
    matching = [info for info in found if query.lower() in str(info.ref).lower()]
    if as_json:
        print_json(map(_row, matching))
    else:
        _print(matching)
    if matching or (found and not query):
        return ExitCode.COMPLETE
    if found:
        words = safe_format('No model name contains "{name}".', name=safe_line(query))
        Stderr().failure(Failure(FailureKind.NOT_FOUND, words, safe_format("Use --fresh to ask the servers again.")))
    return ExitCode.ERROR


async def _ask(providers: Providers, *, fresh: bool) -> tuple[list[ModelInfo], list[Failure]]:
    found: list[ModelInfo] = []
    failed: list[Failure] = []
    names = providers.usable_providers()
    answers = await asyncio.gather(*(providers.models(name, fresh=fresh) for name in names), return_exceptions=True)
    for name, answer in zip(names, answers, strict=True):
        if isinstance(answer, ProviderError):
            failed.append(answer.failure)
        elif isinstance(answer, BaseException):
            raise answer
        elif answer:
            found += answer
        else:
            failed.append(_empty(safe_line(name)))
    return found, failed


def _empty(provider: Safe) -> Failure:
    message = safe_format("{provider} lists no models.", provider=provider)
    return Failure(FailureKind.NOT_FOUND, message, safe_format("Name one: -m {provider}/MODEL", provider=provider))


def _print(models: list[ModelInfo]) -> None:
    """Print a table on a terminal; in a pipe, one name a line."""
    names = [safe_line(str(info.ref)) for info in models]
    if not sys.stdout.isatty():
        print_stdout("".join(f"{name}\n" for name in names))
        return
    columns = (Column(), Column(right=True), Column(fit=Fit.CUT))
    rows = ((name, _context(info), safe_line(info.title)) for name, info in zip(names, models, strict=True))
    print_table(columns, rows)


def _context(info: ModelInfo) -> Safe:
    return count(info.context) if info.context else Safe("")


def _row(info: ModelInfo) -> dict[str, object]:
    return {
        "model": str(info.ref),
        "title": info.title,
        "context": info.context,
        "max_output": info.max_output,
    }
