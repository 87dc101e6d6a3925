"""`termchat tools`: list the tools, the problems of a user's functions, and what installed packages bring."""

import asyncio
import sys
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Annotated, NamedTuple

import typer

from termchat.app.build_tools import build_tools
from termchat.app.options import Options, usage_error
from termchat.cli.command import require_config, run_typer
from termchat.cli.print_table import Column, Fit, print_json, print_table
from termchat.config.load import Config
from termchat.core.errors import Failure
from termchat.core.outcomes import ExitCode
from termchat.core.sanitize import EMPTY, Safe, safe_format, safe_line
from termchat.providers.installed import GROUP as PROVIDERS
from termchat.tools.functions.packages import TOOLS, find_entry_points, package_name
from termchat.tools.functions.user_errors import short_path
from termchat.ui.stderr import Stderr, print_stdout

_ALL_PROBLEMS = 10_000


class _Row(NamedTuple):
    """A tool, or an entry point of a package that is not loaded; `effect` is "" where it is not known."""

    name: str
    effect: str
    source: str
    offered: bool
    description: str


def run(arguments: list[str], env: Mapping[str, str]) -> int:
    """Parse the arguments of `termchat tools`, run it and return its exit code."""
    return run_typer(print_tools, arguments, "termchat tools", env)


def print_tools(
    context: typer.Context,
    functions: Annotated[
        list[str] | None, typer.Option("--functions", metavar="FILE", help="List the functions of a file, too.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON array.")] = False,
) -> None:
    """List the tools that a model may call in a chat, your own functions, and the tools of packages.

    Problems of your functions go to standard error; then the exit code is 1.
    """
    config = require_config(context)
    found = asyncio.run(_find(config, context.obj, tuple(functions or ())))
    if isinstance(found, Failure):
        raise typer.Exit(usage_error(found, None))
    rows, problems = found
    if as_json:
        print_json([row._asdict() for row in rows])
    elif sys.stdout.isatty():
        _print(rows, config)
    else:
        print_stdout("".join(f"{safe_line(row.name)}\n" for row in rows))
    for problem in problems:
        Stderr().note(problem)
    raise typer.Exit(ExitCode.ERROR if problems else ExitCode.COMPLETE)


async def _find(
    config: Config, env: Mapping[str, str], functions: tuple[str, ...]
) -> tuple[list[_Row], tuple[Safe, ...]] | Failure:
    toolbox = build_tools(config, env, Options(functions=functions, person=True), _ALL_PROBLEMS)
    if toolbox is None or isinstance(toolbox, Failure):
        return toolbox or ([], ())
    try:
        pending = toolbox.prepare()
        problems = await pending if pending else ()
        rows = [_Row(row.name, row.effect, row.source, row.offered, row.description) for row in toolbox.tools()]
    finally:
        await toolbox.close()
    rows += _not_loaded(await asyncio.to_thread(find_entry_points, TOOLS), {row.source for row in rows})
    return [*rows, *_providers(await asyncio.to_thread(find_entry_points, PROVIDERS))], problems


def _not_loaded(entries: Iterable[EntryPoint], loaded: set[str]) -> Iterator[_Row]:
    for entry in entries:
        if package_name(entry) not in loaded:
            yield _Row(entry.name, "", package_name(entry), False, "a tool of a package, not loaded")


def _providers(entries: Iterable[EntryPoint]) -> Iterator[_Row]:
    for entry in entries:
        yield _Row(f"{entry.name}/", "", package_name(entry), False, "a provider of a package, not loaded")


def _print(rows: list[_Row], config: Config) -> None:
    header = ("Tool", "", "Effect", "From", "Description")
    fits = (Fit.WHOLE, Fit.WHOLE, Fit.WHOLE, Fit.WHOLE, Fit.CUT)
    columns = [Column(safe_line(title), fit=fit) for title, fit in zip(header, fits, strict=True)]
    print_table(columns, ((*map(safe_line, _cells(row)),) for row in rows))
    folder = safe_line(short_path(str(config.paths.config / "tools")))
    lines = (
        EMPTY,
        safe_format("Turn tools on with /tools on NAMES in a chat, --tools NAMES, or the setting tools."),
        safe_format("Your own: typed Python functions in {folder}/*.py, or --functions FILE.", folder=folder),
    )
    print_stdout("".join(f"{line}\n" for line in lines))


def _cells(row: _Row) -> tuple[str, ...]:
    source = Path(row.source).name if row.source.startswith(("/", "~")) else row.source
    return row.name, "on" if row.offered else "off", row.effect, source, row.description.split(". ")[0]
