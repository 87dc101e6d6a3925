"""Parse the command line and run a subcommand or a prompt.

Each subcommand is a module of the same name, imported when it runs; typer is imported for subcommands, help and errors
only. Nothing else is imported before it is needed: the REPL has to accept keys at once.
"""

from __future__ import annotations

import os
import sys

from termchat.cli.flags import parse_flags

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from termchat.app.options import Options
    from termchat.ui.terminal.tty import Tty

# Recognised only as the first argument.
SUBCOMMANDS: Mapping[str, str] = {  # name -> description
    "chats": "List, search, delete, restore, export or import saved chats.",
    "models": "List the models of the providers you have a key for.",
    "usage": "Add up tokens and cost of all requests.",
    "config": "List every setting with its value and source.",
    "tools": "List the tools that a model may call, and your own functions.",
    "mcp": "List, add, test, remove or import MCP servers.",
    "prompts": "List, show or begin roles: system prompts by name.",
    "themes": "List the themes, each with a sample.",
    "login": "Set up a vendor, a gateway or a local server.",
    "logout": "Remove the key that a login has stored.",
    "doctor": "Check providers, terminal, configuration and chats.",
    "suggest": "Propose a shell command, or explain one; it is never run.",
    "wtf": "Ask about the last command of the shell, with its output.",
    "completion": "Print the completion script of a shell: bash, zsh or fish.",
    "batch": "Answer the prompts of a file, one a line.",
    "serve": "Answer the requests of other programs, as an API server.",
    "acp": "Chat from an editor: Zed, JetBrains, Neovim, Emacs.",
    "replay": "Replay responses written by --record, without a network.",
    "schema": "Print the JSON Schema of --json, --ndjson or batch.",
}
_FOLDERS = {  # of the modules that are not beside this one
    "login": "setup", "logout": "setup", "doctor": "setup",
    "suggest": "shell", "wtf": "shell", "completion": "shell",
    "schema": "scripts", "replay": "scripts", "batch": "scripts",
    "serve": "scripts", "acp": "scripts",
}  # fmt: skip


def run_command_line(arguments: list[str], env: Mapping[str, str], tty: Tty | None = None) -> int:
    """Parse the arguments, run the subcommand or the prompt, and return the exit code.

    tty   the terminal, if it is acquired already because the arguments start a chat
    """
    command = arguments[0] if arguments else "-"
    if command in SUBCOMMANDS:
        return subcommand_run(command)(arguments[1:], env)
    if not command.startswith("-") and not _is_wanted_prompt(arguments):
        from termchat.core.outcomes import ExitCode

        return ExitCode.USAGE
    options = _parsed(arguments)
    if options:
        from termchat.app import run_app

        return run_app(options, env, tty)
    from termchat.cli.prompt_command import run_prompt
    from termchat.ui.stderr import report_unsent

    typed = tty.release() if tty else ""
    code = run_prompt(arguments, env)
    report_unsent(typed)
    return code


def subcommand_run(name: str) -> Callable[[list[str], Mapping[str, str]], int]:
    """Import a subcommand; return the function that parses its arguments, runs it and returns the exit code."""
    from importlib import import_module

    folder = f".{_FOLDERS[name]}" if name in _FOLDERS else ""
    return import_module(f"termchat.cli{folder}.{name}").run


def _is_wanted_prompt(arguments: list[str]) -> bool:
    """Return False if the words are a mistyped subcommand, and the user does not want to send them."""
    from termchat.cli.mistyped import intended_subcommand, may_send

    intended = intended_subcommand(arguments, SUBCOMMANDS)
    return intended is None or may_send(arguments, intended)


def _parsed(arguments: list[str]) -> Options | None:
    """Return the options of a usual command line, None for one that typer has to read."""
    given: dict[str, Any] | None = parse_flags(arguments)
    if given is None or is_blank(given):
        return None
    defaults = {"stdin_timeout": 0.0, "timeout": 0.0, "continue_cut": 0, "schema_retries": 0}
    try:
        numbers = {key: type(default)(given.get(key, default)) for key, default in defaults.items()}
    except ValueError:
        return None
    return None if min(numbers.values()) < 0 else options_of({**given, **numbers})


def is_blank(given: Mapping[str, Any]) -> bool:
    """Return True if the words of a prompt are there, but empty, and nothing else is."""
    words = "".join([*given["prompt"], *(given.get("prompt_option") or ())])
    more = given.get("file") or given.get("messages")
    return bool(given["prompt"]) and not words.strip() and not more and sys.stdin.isatty()


def options_of(given: Mapping[str, Any]) -> Options:
    """Return the options of a prompt from its words (`prompt`) and the values of its flags."""
    from termchat.app.options import Options
    from termchat.config.settings import SETTINGS

    prompts = tuple(map(_as_utf8, given.get("prompt_option") or ()))
    arguments = tuple(map(_as_utf8, given["prompt"]))
    return Options(
        words=" ".join([*prompts, *arguments]),
        prompts=prompts,
        arguments=arguments,
        role=given.get("role") or "",
        files=tuple(given.get("file") or ()),
        read_input=not given.get("no_stdin"),
        stdin_timeout=given["stdin_timeout"],
        raw=bool(given.get("raw")),
        tools=not given.get("no_tools"),
        functions=tuple(given.get("functions") or ()),
        approve_all=bool(given.get("yes")),
        saved=not given.get("no_save"),
        record=given.get("record") or "",
        schema=given.get("schema") or "",
        schema_retries=given["schema_retries"],
        extract=bool(given.get("extract")),
        block=given.get("block") or "",
        json=bool(given.get("json")),
        ndjson=bool(given.get("ndjson")),
        output=given.get("output") or "",
        dry_run=bool(given.get("dry_run")),
        timeout=given["timeout"],
        messages=given.get("messages") or "",
        base_url=given.get("base_url") or "",
        protocol=given.get("protocol") or "",
        key=given.get("key") or "",
        continue_cut=given["continue_cut"],
        chat=given.get("chat") or "",
        last=bool(given.get("last")),
        quiet=bool(given.get("quiet")),
        verbose=bool(given.get("verbose")),
        sets=tuple(given.get("sets") or ()),
        settings={key: given[key] for key in SETTINGS if given.get(key) not in (None, False, [])},
    )


def _as_utf8(words: str) -> str:
    """Read an argument as UTF-8 where the locale is another: Python keeps bytes it cannot decode as surrogates."""
    try:
        words.encode()
    except UnicodeEncodeError:
        return os.fsencode(words).decode("utf-8", "replace")
    return words
