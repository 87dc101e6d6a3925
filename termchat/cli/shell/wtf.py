"""`termchat wtf`: ask about the last command of the shell, with its output."""

from collections.abc import Mapping
from typing import Annotated

import typer

from termchat.app import run_app
from termchat.app.options import Options
from termchat.app.shell.last_command import last_command, question, sent_note
from termchat.cli.command import run_typer
from termchat.core.errors import Failure
from termchat.core.outcomes import ExitCode
from termchat.ui.stderr import Stderr


def run(arguments: list[str], env: Mapping[str, str]) -> int:
    """Parse the arguments of `termchat wtf`, run it and return its exit code."""
    return run_typer(explain_last_command, arguments, "termchat wtf", env)


def explain_last_command(
    context: typer.Context,
    words: Annotated[
        list[str] | None,
        typer.Argument(metavar="QUESTION", help="The question; by default, what it means and how to fix it."),
    ] = None,
    model: Annotated[str | None, typer.Option("-m", "--model", metavar="MODEL", help="The model.")] = None,
    no_save: Annotated[bool, typer.Option("--no-save", help="Do not save the chat.")] = False,
) -> None:
    """Ask about the last command of the shell, with its exit code and output where they are known."""
    found = last_command(context.obj)
    if isinstance(found, Failure):
        Stderr().failure(found)
        raise typer.Exit(ExitCode.ERROR)
    Stderr().note(sent_note(found))
    options = Options(
        words=question(found, " ".join(words or ())),
        read_input=False,
        saved=not no_save,
        settings={"model": model} if model else {},
    )
    raise typer.Exit(run_app(options, context.obj))
