"""Parse the command line and run a subcommand or a prompt.

Without arguments this package is not imported, because typer takes time to load. Each subcommand is a module of the
same name, imported when it runs.
"""

import inspect
import os
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Annotated, Any

import typer

from termchat import __version__
from termchat.app import Options, run_app
from termchat.cli.command import run_typer
from termchat.config.setting_types import BooleanType, TextListType
from termchat.config.settings import SETTINGS, Setting
from termchat.core.errors import Failure, FailureKind
from termchat.core.outcomes import ExitCode
from termchat.core.sanitize import safe_format, safe_line
from termchat.ui.stderr import Stderr, print_stdout

# Recognised only as the first argument. Reserved names may become subcommands in a later version; a prompt that begins
# with one is rejected, so that its meaning never changes.
SUBCOMMANDS = frozenset(("chats", "config", "models", "replay", "themes", "usage"))
RESERVED = frozenset((
    "tools", "mcp", "doctor", "batch", "serve", "suggest", "schema", "completion", "login", "prompts",
))  # fmt: skip
SHORT_FLAGS = {"model": "-m", "system": "-s"}  # setting -> short flag
_EXITS = "Exit codes: " + ", ".join(f"{code.value} {code.description}" for code in ExitCode) + "."
_HELP = f"""Chat with a language model. Without arguments, start a chat; with a prompt or a pipe, ask one question.

{_EXITS}"""


def run_command_line(arguments: list[str], env: Mapping[str, str]) -> int:
    """Parse the arguments, run the subcommand or the prompt, and return the exit code."""
    command = arguments[0] if arguments else ""
    if command in SUBCOMMANDS:
        return import_module(f"termchat.cli.{command}").run(arguments[1:], env)
    if command in RESERVED:
        words = safe_format('"termchat {name}" is not part of this version.', name=safe_line(command))
        hint = safe_format("Use -p for a prompt that begins with a subcommand's name.")
        Stderr().failure(Failure(FailureKind.BAD_CONFIG, words, hint))
        return ExitCode.USAGE
    return run_typer(_prompt(env), arguments, "termchat", env)


def _options(given: dict[str, Any]) -> Options:
    """Return the options of a prompt from the values of its flags. Raises BadParameter for an empty chat id."""
    if given["chat"] == "":
        raise typer.BadParameter("an empty id; an unset variable?", param_hint="--chat")
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
        raise typer.Exit(run_app(_options(given), env))

    return _with_signature(
        prompt,
        {
            "prompt": (Annotated[list[str] | None, typer.Argument(help="The prompt.")], None),
            "prompt_option": _option(
                list[str] | None, None, "-p", "--prompt", help="The prompt, even if it begins with a subcommand's name."
            ),
            "file": _option(list[str] | None, None, "-f", "--file", help="Attach a text file, an image or a PDF."),
            "no_stdin": _option(bool, False, "-n", "--no-stdin", help="Do not read standard input."),
            "stdin_timeout": _option(
                float, 0.0, "--stdin-timeout", min=0, metavar="SECONDS", show_default=False,
                help="Fail after so many seconds without standard input; by default, wait.",
            ),
            "raw": _option(bool, False, "--raw", help="Print the reply's exact text, even on a terminal."),
            "no_tools": _option(bool, False, "--no-tools", help="Do not offer tools to the model."),
            "last": _option(bool, False, "-c", "--continue", help="Continue the last chat of this directory."),
            "chat": _option(str | None, None, "--chat", help="Continue the chat with this id or title."),
            "no_save": _option(bool, False, "--no-save", help="Do not save the chat."),
            "schema": _option(
                str | None, None, "--schema",
                help="Reply in JSON that conforms to a schema: a file, or fields such as 'name, age int'.",
            ),
            "record": _option(str | None, None, "--record", help="Write the raw bytes of all responses to a file."),
            "continue_cut": _option(
                int, 0, "--continue-cut", min=0, help="Continue an incomplete reply up to N times."
            ),
            "sets": _option(list[str] | None, None, "--set", help="Set any setting for this run, as KEY=VALUE."),
            "quiet": _option(bool, False, "-q", "--quiet", help="Print only the reply and errors."),
            "verbose": _option(bool, False, "-v", "--verbose", help="Print tokens and cost to standard error."),
            "version": _option(
                bool, False, "--version", help="Show the version and exit.", callback=_version, is_eager=True
            ),
            **{key: _setting_option(setting) for key, setting in SETTINGS.items() if setting.flag},
        },
    )  # fmt: skip


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


def _option(kind: Any, default: object, *names: str, help: str, **more: Any) -> tuple[Any, Any]:  # noqa: A002, its name
    return Annotated[kind, typer.Option(*names, help=help, **more)], default


def _setting_option(setting: Setting) -> tuple[Any, Any]:
    names = [name for name in (SHORT_FLAGS.get(setting.key), setting.flag) if name]
    if isinstance(setting.kind, BooleanType):
        return _option(bool, False, *names, help=setting.help)
    if isinstance(setting.kind, TextListType):
        return _option(list[str] | None, None, *names, help=f"{setting.help} May be repeated.")
    return _option(str | None, None, *names, help=setting.help)


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
