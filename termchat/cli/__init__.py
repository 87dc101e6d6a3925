"""Parse the command line and run a subcommand or a prompt.

Without arguments this package is not imported, because typer takes time to load. Each subcommand is a module of the
same name, imported when it runs.
"""

import inspect
import os
import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Annotated, Any

import typer

from termchat import __version__
from termchat.app import Options, run_app
from termchat.cli.command import run_typer
from termchat.cli.help_text import OPTIONS
from termchat.config.setting_types import (
    BooleanType,
    ChoiceType,
    IntegerType,
    NumberType,
    SecondsType,
    SettingType,
    TextListType,
)
from termchat.config.settings import SETTINGS, Setting
from termchat.core.errors import Failure, FailureKind
from termchat.core.outcomes import ExitCode
from termchat.core.sanitize import safe_format, safe_line
from termchat.ui.stderr import Stderr, print_stdout

# Recognised only as the first argument. Reserved names may become subcommands in a later version; a prompt that begins
# with one is rejected, so that its meaning never changes.
SUBCOMMANDS: Mapping[str, str] = {  # name -> description
    "chats": "List, search, delete, restore, export or import saved chats.",
    "models": "List the models of the providers you have a key for.",
    "usage": "Add up tokens and cost of all requests.",
    "config": "List every setting with its value and source.",
    "themes": "List the themes, each with a sample.",
    "replay": "Replay responses written by --record, without a network.",
}
RESERVED = frozenset((
    "tools", "mcp", "doctor", "batch", "serve", "suggest", "schema", "completion", "login", "prompts",
))  # fmt: skip
SHORT_FLAGS = {"model": "-m", "system": "-s"}  # setting -> short flag
_MODEL, _CHAT, _OUTPUT, _NETWORK = "Model", "Chat", "Output", "Time limits and retries"  # groups of options
_SETTING_GROUPS = {
    "connect_timeout": _NETWORK, "idle_timeout": _NETWORK, "max_retries": _NETWORK,
    "theme": _OUTPUT, "plain": _OUTPUT, "accessible": _OUTPUT,
}  # fmt: skip
_METAVARS = {"model": "MODEL", "theme": "NAME", "think": "EFFORT"}  # where the type of the setting says less
_EXIT_CODES = {str(code.value): f"{code.description[:1].upper()}{code.description[1:]}." for code in ExitCode}
_HELP = """Chat with a language model. Without arguments, start a chat; with a prompt or a pipe, ask one question.

"termchat COMMAND --help" shows the options of a command."""


def run_command_line(arguments: list[str], env: Mapping[str, str]) -> int:
    """Parse the arguments, run the subcommand or the prompt, and return the exit code."""
    command = arguments[0] if arguments else "-"
    if command in SUBCOMMANDS:
        return import_module(f"termchat.cli.{command}").run(arguments[1:], env)
    if command in RESERVED:
        words = safe_format('"termchat {name}" is not part of this version.', name=safe_line(command))
        hint = safe_format("Use -p for a prompt that begins with a subcommand's name.")
        Stderr().failure(Failure(FailureKind.BAD_CONFIG, words, hint))
        return ExitCode.USAGE
    if not command.startswith("-") and not _is_wanted_prompt(arguments):
        return ExitCode.USAGE
    return run_typer(_prompt(env), arguments, "termchat", env, SUBCOMMANDS, {"Exit codes": _EXIT_CODES})


def _is_wanted_prompt(arguments: list[str]) -> bool:
    """Return False if the words are a mistyped subcommand, and the user does not want to send them."""
    from termchat.cli.mistyped import intended_subcommand, may_send

    intended = intended_subcommand(arguments, SUBCOMMANDS)
    return intended is None or may_send(arguments, intended)


def _options(given: dict[str, Any]) -> Options:
    """Return the options of a prompt from the values of its flags."""
    words = [*(given.pop("prompt_option") or ()), *(given.pop("prompt") or ())]
    return Options(
        words=_as_utf8(" ".join(words)),
        files=tuple(given.pop("file") or ()),
        read_input=not given.pop("no_stdin"),
        stdin_timeout=given.pop("stdin_timeout"),
        raw=given.pop("raw"),
        tools=not given.pop("no_tools"),
        saved=not given.pop("no_save"),
        record=given.pop("record") or "",
        schema=given.pop("schema") or "",
        continue_cut=given.pop("continue_cut"),
        chat=given.pop("chat") or "",
        last=given.pop("last"),
        quiet=given.pop("quiet"),
        verbose=given.pop("verbose"),
        sets=tuple(given.pop("sets") or ()),
        settings={key: given[key] for key in SETTINGS if given.get(key) not in (None, False, [])},
    )


def _prompt(env: Mapping[str, str]) -> Callable[..., None]:
    """The command that sends a prompt; the flags of settings come from their declarations."""

    def prompt(**given: Any) -> None:
        blank = given["prompt"] and not "".join(given["prompt"]).strip()
        options = _options(given)
        if blank and not options.words.strip() and not options.files and sys.stdin.isatty():
            raise typer.BadParameter("it is empty; is a variable unset?", param_hint="PROMPT")
        raise typer.Exit(run_app(options, env))

    argument = Annotated[
        list[str] | None, typer.Argument(metavar="PROMPT", help="The prompt; several words need no quotation marks.")
    ]
    parameters = {
        "prompt": (argument, None),
        **_question_options(),
        **{key: _setting_option(setting) for key, setting in SETTINGS.items() if setting.flag},
        "no_tools": _option(bool, False, "--no-tools", group=_MODEL, help="Do not offer tools to the model."),
        **_chat_options(),
        **_output_options(),
    }
    return _with_signature(prompt, parameters)


def _question_options() -> dict[str, tuple[Any, Any]]:
    return {
        "prompt_option": _option(
            list[str] | None, None, "-p", "--prompt", metavar="TEXT",
            help="The prompt, even if it begins with a command's name.",
        ),
        "file": _option(
            list[str] | None, None, "-f", "--file", metavar="FILE",
            help="Attach a text file, an image or a PDF. May be repeated.",
        ),
        "no_stdin": _option(bool, False, "-n", "--no-stdin", help="Do not read standard input."),
        "stdin_timeout": _option(
            float, 0.0, "--stdin-timeout", min=0, metavar="SECONDS",
            help="Fail after so many seconds without standard input; by default, wait.",
        ),
        "sets": _option(
            list[str] | None, None, "--set", metavar="KEY=VALUE",
            help="Set any setting for this run. May be repeated.",
        ),
        "version": _option(
            bool, False, "--version", help="Show the version and exit.", callback=_version, is_eager=True
        ),
    }  # fmt: skip


def _chat_options() -> dict[str, tuple[Any, Any]]:
    return {
        "last": _option(
            bool, False, "-c", "--continue", group=_CHAT,
            help="Continue the last chat of this terminal and directory.",
        ),
        "chat": _option(
            str | None, None, "--chat", group=_CHAT, metavar="ID|TITLE",
            help="Continue the chat with this id or title.",
        ),
        "no_save": _option(bool, False, "--no-save", group=_CHAT, help="Do not save the chat."),
    }  # fmt: skip


def _output_options() -> dict[str, tuple[Any, Any]]:
    return {
        "raw": _option(
            bool, False, "--raw", group=_OUTPUT, help="Print the reply's exact text, even on a terminal."
        ),
        "schema": _option(
            str | None, None, "--schema", group=_OUTPUT, metavar="FILE|FIELDS",
            help="Reply in JSON that conforms to a schema: a file, or fields such as 'name, age int'.",
        ),
        "continue_cut": _option(
            int, 0, "--continue-cut", min=0, group=_OUTPUT, metavar="N",
            help="Continue an incomplete reply up to N times.",
        ),
        "record": _option(
            str | None, None, "--record", group=_OUTPUT, metavar="FILE",
            help="Write the raw bytes of all responses to a new file.",
        ),
        "quiet": _option(bool, False, "-q", "--quiet", group=_OUTPUT, help="Print only the reply and errors."),
        "verbose": _option(
            bool, False, "-v", "--verbose", group=_OUTPUT, help="Print tokens and cost to standard error."
        ),
    }  # fmt: skip


def _with_signature(command: Callable[..., None], parameters: Mapping[str, tuple[Any, Any]]) -> Callable[..., None]:
    """Set the signature and the help text that typer reads from a function of keyword arguments."""
    kind = inspect.Parameter.KEYWORD_ONLY
    shown = [
        inspect.Parameter(name, kind, default=default, annotation=hint) for name, (hint, default) in parameters.items()
    ]
    command.__signature__ = inspect.Signature(shown)  # type: ignore[attr-defined]
    command.__annotations__ = {name: hint for name, (hint, _) in parameters.items()}
    command.__doc__ = _HELP
    return command


def _option(
    kind: Any, default: object, *names: str, help: str, group: str = OPTIONS, **more: Any  # noqa: A002, its name
) -> tuple[Any, Any]:  # fmt: skip
    return Annotated[kind, typer.Option(*names, help=help, rich_help_panel=group, **more)], default


def _setting_option(setting: Setting) -> tuple[Any, Any]:
    names = [name for name in (SHORT_FLAGS.get(setting.key), setting.flag) if name]
    group = _SETTING_GROUPS.get(setting.key, _MODEL)
    if isinstance(setting.kind, BooleanType):
        return _option(bool, False, *names, help=setting.help, group=group)
    metavar = _METAVARS.get(setting.key) or _metavar(setting.kind)
    if isinstance(setting.kind, TextListType):
        words = f"{setting.help} May be repeated."
        return _option(list[str] | None, None, *names, help=words, group=group, metavar=metavar)
    return _option(str | None, None, *names, help=setting.help, group=group, metavar=metavar)


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


def _as_utf8(words: str) -> str:
    """Read an argument as UTF-8 where the locale is another: Python keeps bytes it cannot decode as surrogates."""
    try:
        words.encode()
    except UnicodeEncodeError:
        return os.fsencode(words).decode("utf-8", "replace")
    return words


def _version(wanted: bool) -> None:
    if wanted:
        print_stdout(f"termchat {__version__}\n")
        raise typer.Exit
