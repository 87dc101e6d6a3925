"""The typer command of `termchat completion`: its help and its errors."""

from collections.abc import Mapping
from typing import Annotated

import typer

from termchat.cli.command import run_typer
from termchat.cli.shell.completion import SHELLS


def run_completion(arguments: list[str], env: Mapping[str, str]) -> int:
    """Parse the arguments of `termchat completion` and return the exit code."""
    return run_typer(print_script, arguments, "termchat completion", env)


def print_script(
    context: typer.Context,
    shell: Annotated[str, typer.Argument(metavar="SHELL", help=f"The shell: {', '.join(SHELLS)}.")],
    integration: Annotated[
        bool,
        typer.Option(
            "--integration", help="Also bind Alt-M to `termchat suggest`, and keep the last command for `termchat wtf`."
        ),
    ] = False,
) -> None:
    """Print the completion script of a shell."""
    if shell not in SHELLS:
        raise typer.BadParameter(f"must be one of {', '.join(SHELLS)}", param_hint="SHELL")
    from termchat.cli.shell.completion import run

    raise typer.Exit(run([shell, *(["--integration"] if integration else ())], context.obj))
