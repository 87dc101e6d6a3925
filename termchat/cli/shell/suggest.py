"""`termchat suggest`: propose a shell command, revise or explain one."""

import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import PurePath
from typing import Annotated

import typer

from termchat.app import configure
from termchat.app.options import Options, usage_error
from termchat.app.shell.last_command import code_block, last_command, sent_note
from termchat.cli.command import run_typer
from termchat.cli.shell.suggest_line import NO_WORDS, ShellRequest, read_line
from termchat.core.errors import Failure
from termchat.core.outcomes import ExitCode
from termchat.core.sanitize import Safe, safe, safe_format
from termchat.ui.stderr import Stderr, explain, print_stdout, show_row, warn


def run(arguments: list[str], env: Mapping[str, str]) -> int:
    """Parse the arguments of `termchat suggest`, run it and return its exit code."""
    return run_typer(suggest_command, arguments, "termchat suggest", env)


def suggest_command(
    context: typer.Context,
    words: Annotated[
        list[str] | None,
        typer.Argument(metavar="WORDS", help="What the command should do; the command itself with --explain."),
    ] = None,
    explains: Annotated[bool, typer.Option("--explain", help="Explain a command instead of proposing one.")] = False,
    command: Annotated[
        str | None, typer.Option("--command", metavar="COMMAND", help="The command to change as the words say.")
    ] = None,
    last: Annotated[
        bool,
        typer.Option("--last", help="Also send the last command of the shell, with its exit code and output if known."),
    ] = False,
    line: Annotated[
        bool,
        typer.Option("--line", help="Read the words as a line of the shell, as the key binding does."),
    ] = False,
    shell: Annotated[
        str | None, typer.Option("--shell", metavar="NAME", help="The shell; by default, that of $SHELL.")
    ] = None,
    model: Annotated[str | None, typer.Option("-m", "--model", metavar="MODEL", help="The model.")] = None,
    role: Annotated[
        str | None, typer.Option("-r", "--role", metavar="NAME", help="A role, for its prompt and model.")
    ] = None,
    max_cost: Annotated[
        str | None, typer.Option("--max-cost", metavar="USD", help="The most that the request may cost.")
    ] = None,
    sets: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Set any setting for this run. May be repeated."),
    ] = None,
    no_save: Annotated[bool, typer.Option("--no-save", help="Do not save the chat.")] = False,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Print only the command and errors.")] = False,
    verbose: Annotated[bool, typer.Option("-v", "--verbose", help="Print tokens and cost to standard error.")] = False,
) -> None:
    """Print a shell command that does what the words say, and on standard error what it does. It is never run."""
    asked = " ".join(words or ()).strip()
    given = ShellRequest(asked, command or "", explains=explains, last=last)
    request = read_line(asked, command or "") if line else given
    if isinstance(request, Failure) or not request.words:
        raise typer.Exit(usage_error(request if isinstance(request, Failure) else NO_WORDS, None))
    options = Options(
        role=role or "",
        settings={key: value for key, value in (("model", model), ("max_cost", max_cost)) if value is not None},
        sets=tuple(sets or ()),
        read_input=False,
        tools=False,
        saved=not no_save,
        quiet=quiet,
        verbose=verbose,
    )
    name = shell or PurePath(context.obj.get("SHELL", "")).name
    answer = _explain if request.explains else _propose
    raise typer.Exit(answer(request, options, context.obj, name, in_line=line))


def _show_waiting(model: Safe) -> None:
    """Show a row on the terminal while the shell waits for the model."""
    if sys.stderr.isatty():
        show_row(safe_format("{model} … Ctrl-C stops", model=model))


def _propose(request: ShellRequest, options: Options, env: Mapping[str, str], shell: str, *, in_line: bool) -> int:
    from termchat.app.shell.suggestion import captured_reply, request_words, shell_system, suggestion

    found = last_command(env) if request.last else None
    if isinstance(found, Failure):
        Stderr().failure(found)
        return ExitCode.ERROR
    if found:
        Stderr(options.quiet).note(sent_note(found))
    configured = configure(options, env)
    if isinstance(configured, Failure):
        return usage_error(configured, None)
    config, options = configured
    options = replace(options, words=request_words(request.words, request.command, found))
    system = shell_system(config, shell, explains=False)
    reply = captured_reply(options, system, env, _show_waiting if in_line else None)
    proposed = reply if isinstance(reply, int) else suggestion(reply, Stderr(options.quiet))
    if isinstance(proposed, int):
        return proposed
    if proposed.explanation and not options.quiet:
        explain(proposed.explanation)
    for warning in proposed.command.warnings:
        warn(warning)
    print_stdout(f"{proposed.command.command}\n")
    return ExitCode.COMPLETE


def _explain(request: ShellRequest, options: Options, env: Mapping[str, str], shell: str, *, in_line: bool) -> int:
    from termchat.app.oneshot import run_oneshot
    from termchat.app.shell.suggestion import captured_reply, shell_system

    configured = configure(options, env)
    if isinstance(configured, Failure):
        return usage_error(configured, None)
    config, options = configured
    config = shell_system(config, shell, explains=True)
    options = replace(options, words=code_block(request.words, "sh"))
    if not in_line:
        return run_oneshot(options, config, env)
    reply = captured_reply(options, config, env, _show_waiting)
    if isinstance(reply, int):
        return reply
    explain(safe(reply.strip()))
    return ExitCode.COMPLETE
