"""`termchat prompts`: list the roles, show one, begin one, print their directory."""

import inspect
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Annotated

import typer

from termchat.app.options import usage_error
from termchat.cli.command import require_config, run_typer
from termchat.cli.print_table import Column, Fit, print_json, print_table
from termchat.commands.prompts.role_files import RoleFile, load_role, role_names, shown_path, valid_role_name
from termchat.config.bounded_read import read_bounded
from termchat.core.errors import Failure, FailureKind, error_reason
from termchat.core.outcomes import ExitCode
from termchat.core.sanitize import Safe, safe, safe_format, safe_line
from termchat.ui.stderr import Stderr, print_stdout, warn

_MAX_BYTES = 1 << 20  # of a file
_SKELETON = """---
description:
# model: anthropic/claude-opus-5
# think: high
# tools: read
# variables:
#   lang: Python
---
You are …
"""


def run(arguments: list[str], env: Mapping[str, str]) -> int:
    """Parse the arguments of `termchat prompts` and run it, or the action they name; return the exit code."""
    name = _ALIASES.get(arguments[0], arguments[0]) if arguments else ""
    if action := _COMMANDS.get(name):
        return run_typer(action, arguments[1:], f"termchat prompts {name}", env)
    return run_typer(print_prompts, arguments, "termchat prompts", env, ACTIONS)


def print_prompts(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON array.")] = False,
) -> None:
    """List the roles; a file with a mistake is reported on standard error."""
    folder = require_config(context).paths.prompts
    found = [load_role(folder, name) for name in role_names(folder)]
    roles = [role for role in found if isinstance(role, RoleFile)]
    if as_json:
        print_json(map(_row, roles))
    elif roles and sys.stdout.isatty():
        columns = (
            Column(safe_line("Role")),
            Column(safe_line("Uses"), fit=Fit.CUT),
            Column(safe_line("Description"), fit=Fit.CUT),
        )
        print_table(columns, ((safe_line(r.name), _uses(r), safe_line(r.description)) for r in roles))
    else:
        print_stdout("".join(f"{safe_line(role.name)}\t{safe_line(role.description)}\n" for role in roles))
    if not found:
        warn(safe_format("There are no roles in {folder}.", folder=shown_path(folder)))
        warn(safe_format("`termchat prompts new NAME` begins one."))
    failures = [role for role in found if isinstance(role, Failure)]
    for failure in failures:
        Stderr().failure(failure)
    raise typer.Exit(ExitCode.ERROR if failures else ExitCode.COMPLETE)


def show_prompt(
    context: typer.Context, name: Annotated[str, typer.Argument(metavar="NAME", help="The name of a role.")]
) -> None:
    """Print the file of a role; a mistake in it is reported on standard error."""
    folder = require_config(context).paths.prompts
    role = load_role(folder, name)
    file = folder / f"{name}.md"
    if isinstance(role, Failure) and not (valid_role_name(name) and file.is_file()):
        raise typer.Exit(usage_error(role, None))
    try:
        text = read_bounded(file, _MAX_BYTES).decode("utf-8-sig", "replace")
    except OSError as error:
        raise typer.Exit(_refused(file, error)) from None
    print_stdout(safe(text) if sys.stdout.isatty() else text)
    if isinstance(role, Failure):
        Stderr().failure(role)
    raise typer.Exit(ExitCode.ERROR if isinstance(role, Failure) else ExitCode.COMPLETE)


def new_prompt(
    context: typer.Context, name: Annotated[str, typer.Argument(metavar="NAME", help="The name of the new role.")]
) -> None:
    """Begin the file of a role, and print its path; an existing one is kept."""
    folder = require_config(context).paths.prompts
    file = folder / f"{name}.md"
    if not valid_role_name(name):
        words = safe_format("{name} is no name of a role.", name=safe_line(f'"{name}"'))
        hint = safe_format("Use letters, digits, -, _ and .")
        raise typer.Exit(usage_error(Failure(FailureKind.BAD_CONFIG, words, hint), None))
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as opened:
            opened.write(_SKELETON)
    except FileExistsError:
        words = safe_format("{file} exists and is not overwritten.", file=safe_line(str(file)))
        raise typer.Exit(usage_error(Failure(FailureKind.BAD_CONFIG, words), None)) from None
    except OSError as error:
        raise typer.Exit(_refused(file, error)) from None
    print_stdout(f"{safe_line(str(file))}\n")
    warn(safe_format("Edit this file, then: termchat -r {name}", name=safe_line(name)))


def print_path(context: typer.Context) -> None:
    """Print the directory of the roles."""
    print_stdout(f"{safe_line(str(require_config(context).paths.prompts))}\n")


_COMMANDS: Mapping[str, Callable[..., None]] = {
    "list": print_prompts,
    "show": show_prompt,
    "new": new_prompt,
    "path": print_path,
}
_ALIASES = {"ls": "list"}
ACTIONS = {name: inspect.getdoc(command) or "" for name, command in _COMMANDS.items()}


def _row(role: RoleFile) -> dict[str, object]:
    settings = {key: list(value) if isinstance(value, tuple) else value for key, value in role.settings.items()}
    return {
        "name": role.name,
        "description": role.description,
        "file": str(role.file),
        "settings": settings,
        "variables": dict(role.defaults),
    }


def _uses(role: RoleFile) -> Safe:
    return safe_line(", ".join(_facts(role)))


def _facts(role: RoleFile) -> Iterator[str]:
    for key, value in role.settings.items():
        shown = " ".join(value) if isinstance(value, tuple) else str(value)
        yield shown if key == "model" else f"{key} {shown}"
    for name, default in role.defaults.items():
        yield f"{name}={default}" if default else f"{name}="


def _refused(file: Path, error: OSError) -> int:
    why = error_reason(error)
    words = safe_format("Cannot use {file}: {why}.", file=safe_line(str(file)), why=why)
    return usage_error(Failure(FailureKind.BAD_CONFIG, words), None)
