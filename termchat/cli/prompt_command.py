"""The typer command of a prompt: its help, its errors, and the command lines that `flags` leaves to typer."""

import inspect
from collections.abc import Callable, Mapping
from typing import Annotated, Any

import typer

from termchat import __version__
from termchat.app import run_app
from termchat.cli import SUBCOMMANDS, is_blank, options_of
from termchat.cli.command import run_typer
from termchat.cli.flags import LISTS, NAMES, SWITCHES
from termchat.cli.help_text import OPTIONS
from termchat.config.setting_types import (
    ChoiceType,
    IntegerType,
    NumberType,
    SecondsType,
    SettingType,
)
from termchat.config.settings import SETTINGS, Setting
from termchat.core.outcomes import ExitCode
from termchat.ui.stderr import print_stdout

_MODEL, _CHAT, _OUTPUT, _NETWORK = "Model", "Chat", "Output", "Time limits and retries"  # groups of options
_SETTING_GROUPS = {
    "connect_timeout": _NETWORK, "idle_timeout": _NETWORK, "max_retries": _NETWORK,
    "theme": _OUTPUT, "plain": _OUTPUT, "accessible": _OUTPUT,
}  # fmt: skip
_METAVARS = {"model": "MODEL", "theme": "NAME", "think": "EFFORT"}  # where the type of the setting says less
_EXIT_CODES = {str(code.value): f"{code.description[:1].upper()}{code.description[1:]}." for code in ExitCode}
_HELP = """Chat with a language model. Without arguments, start a chat; with a prompt or a pipe, ask one question.

"termchat COMMAND --help" shows the options of a command."""


def run_prompt(arguments: list[str], env: Mapping[str, str]) -> int:
    """Parse the arguments with typer, send the prompt or start a chat, and return the exit code."""
    return run_typer(prompt_command(env), arguments, "termchat", env, SUBCOMMANDS, {"Exit codes": _EXIT_CODES})


def prompt_command(env: Mapping[str, str]) -> Callable[..., None]:
    """The command that sends a prompt; the flags of settings come from their declarations."""

    def prompt(**given: Any) -> None:
        given["prompt"] = given["prompt"] or []
        if is_blank(given):
            raise typer.BadParameter("it is empty; is a variable unset?", param_hint="PROMPT")
        raise typer.Exit(run_app(options_of(given), env))

    argument = Annotated[
        list[str] | None, typer.Argument(metavar="PROMPT", help="The prompt; several words need no quotation marks.")
    ]
    parameters = {
        "prompt": (argument, None),
        **_question_options(),
        **{key: setting_option(setting) for key, setting in SETTINGS.items() if setting.flag},
        "no_tools": _option(bool, False, "no_tools", group=_MODEL, help="Do not offer tools to the model."),
        "functions": _option(
            list[str] | None,
            None,
            "functions",
            group=_MODEL,
            metavar="FILE",
            help="Offer the functions of a Python file to the model. May be repeated.",
        ),
        "yes": _option(bool, False, "yes", group=_MODEL, help="Run tool calls without asking."),
        **provider_options(),
        **_chat_options(),
        **_output_options(),
    }
    return with_signature(prompt, parameters, _HELP)


def _question_options() -> dict[str, tuple[Any, Any]]:
    return {
        "prompt_option": _option(
            list[str] | None, None, "prompt_option", metavar="TEXT",
            help="The prompt, even if it begins with a command's name.",
        ),
        "file": _option(
            list[str] | None, None, "file", metavar="FILE",
            help="Attach a file, 'src/**/*.py', the list of a directory (src/) or a URL. May be repeated.",
        ),
        "messages": _option(
            str | None, None, "messages", metavar="FILE",
            help="Send the messages of a JSON file, as of Chat Completions, before the prompt; - is standard input.",
        ),
        "no_stdin": _option(bool, False, "no_stdin", help="Do not read standard input."),
        "stdin_timeout": _option(
            float, 0.0, "stdin_timeout", min=0, metavar="SECONDS",
            help="Fail after so many seconds without standard input; by default, wait.",
        ),
        "sets": _option(
            list[str] | None, None, "sets", metavar="KEY=VALUE",
            help="Set any setting for this run. May be repeated.",
        ),
        "version": (
            Annotated[
                bool,
                typer.Option(
                    "--version", help="Show the version and exit.", callback=_version, is_eager=True,
                    rich_help_panel=OPTIONS,
                ),
            ],
            False,
        ),
    }  # fmt: skip


def provider_options() -> dict[str, tuple[Any, Any]]:
    """Return the options of a provider without configuration, and the time limit of a run."""
    return {
        "base_url": _option(
            str | None, None, "base_url", group=_MODEL, metavar="URL",
            help="Ask the server at this address, without any configuration; requires -m.",
        ),
        "protocol": _option(
            str | None, None, "protocol", group=_MODEL, metavar="NAME",
            help="The protocol of --base-url: openai (Chat Completions, the default), responses, anthropic or gemini.",
        ),
        "key": _option(
            str | None, None, "key", group=_MODEL, metavar="SOURCE",
            help="The key for --base-url: env:NAME, cmd:COMMAND, file:FILE or keyring:NAME.",
        ),
        "timeout": _option(
            float, 0.0, "timeout", min=0, group=_NETWORK, metavar="SECONDS",
            help="Stop the run after so many seconds; by default, never.",
        ),
    }  # fmt: skip


def _chat_options() -> dict[str, tuple[Any, Any]]:
    return {
        "role": _option(
            str | None, None, "role", group=_CHAT, metavar="NAME",
            help="Use a role; NAME=VALUE among the words sets a variable of it.",
        ),
        "last": _option(
            bool, False, "last", group=_CHAT,
            help="Continue the last chat of this terminal and directory.",
        ),
        "chat": _option(
            str | None, None, "chat", group=_CHAT, metavar="ID|TITLE",
            help="Continue the chat with this id or title.",
        ),
        "no_save": _option(bool, False, "no_save", group=_CHAT, help="Do not save the chat."),
    }  # fmt: skip


def _output_options() -> dict[str, tuple[Any, Any]]:
    return {
        "raw": _option(
            bool, False, "raw", group=_OUTPUT, help="Print the reply's exact text, even on a terminal."
        ),
        "schema": _option(
            str | None, None, "schema", group=_OUTPUT, metavar="FILE|FIELDS",
            help="Reply in JSON that conforms to a schema: a file, its JSON, or fields such as 'name, age int'.",
        ),
        "schema_retries": _option(
            int, 0, "schema_retries", min=0, group=_OUTPUT, metavar="N",
            help="Ask again up to N times for a reply that does not conform to the schema.",
        ),
        "extract": _option(bool, False, "extract", group=_OUTPUT, help="Print only the first code block of the reply."),
        "block": _option(
            str | None, None, "block", group=_OUTPUT, metavar="N|all", help="Print only code block N, or all of them.",
        ),
        "json": _option(
            bool, False, "json", group=_OUTPUT, help="Print reply, tokens, cost and outcome as one JSON object."
        ),
        "ndjson": _option(
            bool, False, "ndjson", group=_OUTPUT, help="Print each event as a line of JSON, as it comes."
        ),
        "output": _option(
            str | None, None, "output", group=_OUTPUT, metavar="FILE",
            help="Write the reply to a file, which is replaced only by a complete one.",
        ),
        "dry_run": _option(
            bool, False, "dry_run", group=_OUTPUT, help="Print the request as JSON, and send nothing."
        ),
        "continue_cut": _option(
            int, 0, "continue_cut", min=0, group=_OUTPUT, metavar="N",
            help="Continue an incomplete reply up to N times.",
        ),
        "record": _option(
            str | None, None, "record", group=_OUTPUT, metavar="FILE",
            help="Write the raw bytes of all responses to a new file.",
        ),
        "quiet": _option(bool, False, "quiet", group=_OUTPUT, help="Print only the reply and errors."),
        "verbose": _option(
            bool, False, "verbose", group=_OUTPUT, help="Print tokens and cost to standard error."
        ),
    }  # fmt: skip


def with_signature(
    command: Callable[..., None], parameters: Mapping[str, tuple[Any, Any]], help_text: str
) -> Callable[..., None]:
    """Set the signature and the help text that typer reads from a function of keyword arguments."""
    kind = inspect.Parameter.KEYWORD_ONLY
    shown = [
        inspect.Parameter(name, kind, default=default, annotation=hint) for name, (hint, default) in parameters.items()
    ]
    command.__signature__ = inspect.Signature(shown)  # type: ignore[attr-defined]
    command.__annotations__ = {name: hint for name, (hint, _) in parameters.items()}
    command.__doc__ = help_text
    return command


def named_option(kind: Any, default: object, *names: str, group: str = OPTIONS, **more: Any) -> tuple[Any, Any]:
    """Return an option as typer reads it, and its default.

    names   as `-o` and `--output`
    group   the heading of the help below which it stands
    more    further arguments of `typer.Option`
    """
    return Annotated[kind, typer.Option(*names, rich_help_panel=group, **more)], default


def _option(kind: Any, default: object, key: str, group: str = OPTIONS, **more: Any) -> tuple[Any, Any]:
    return named_option(kind, default, *NAMES[key], group=group, **more)


def setting_option(setting: Setting) -> tuple[Any, Any]:
    """Return the option of a setting as typer reads it, and its default."""
    group = _SETTING_GROUPS.get(setting.key, _MODEL)
    if setting.key in SWITCHES:
        return _option(bool, False, setting.key, group, help=setting.help)
    metavar = _METAVARS.get(setting.key) or _metavar(setting.kind)
    if setting.key in LISTS:
        return _option(
            list[str] | None, None, setting.key, group, help=f"{setting.help} May be repeated.", metavar=metavar
        )
    return _option(str | None, None, setting.key, group, help=setting.help, metavar=metavar)


def _metavar(kind: SettingType) -> str:
    match kind:
        case SecondsType():
            return "SECONDS"
        case IntegerType() | NumberType():
            return "N"
        case ChoiceType():
            return "|".join(kind.choices)
        case _:
            return "TEXT"


def _version(wanted: bool) -> None:
    if wanted:
        print_stdout(f"termchat {__version__}\n")
        raise typer.Exit
