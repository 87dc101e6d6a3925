"""The commands and options for completion, taken from their declarations and kept in the cache directory.

Declarations are typer commands, whose import takes longer than a Tab may: `load_table` builds the table once, and
again when a file that declares something has changed. Imports of this module are those of a Tab.

    {"commands": {path: {"options": [...], "arguments": [...], "repeated": bool, "commands": {name: help}}},
     "settings": {key: [help, [value, ...]]}, "efforts": [...], "providers": {name: [title, [model, ...], [variable]]}}

A path is "", "chats" or "chats rm". An option is [[name, ...], help, kind, [choice, ...], may be repeated]; its kind is
"" for a switch, "text" for a value that is not completed, or a kind of `completion_values`. An argument is
[kind, [choice, ...]].
"""

from __future__ import annotations

import json
import os

from termchat import __version__

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

_PACKAGE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
_DECLARED_IN = ("cli", "config", "providers")  # and the folders below the first
_LARGEST = 16 << 20  # characters of the file
_KIND_BY_METAVAR = {
    "MODEL": "model", "ID|TITLE": "chat", "CHAT": "chat", "FILE": "file", "FILE|FIELDS": "file", "PROVIDER": "provider",
    "SHELL": "shell",
}  # fmt: skip
_KIND_BY_NAME = {"role": "role", "theme": "theme", "sets": "setting", "system": "system"}
_NAMES = {
    "prompts show": "role",
    "mcp test": "server",
    "mcp rm": "server",
    "mcp login": "server",
    "mcp logout": "server",
}  # fmt: skip - the argument NAME of these commands


def load_table(cache: str) -> Mapping[str, Any]:
    """Return the table from its file in the directory `cache`, or build it and write the file.

    A file that cannot be read or written is ignored.
    """
    file, version = os.path.join(cache, "completion.json"), _version()
    try:
        if not os.path.isfile(file):  # a pipe would wait for its writer
            raise FileNotFoundError(file)
        with open(file, encoding="utf-8") as opened:
            stored: Any = json.loads(opened.read(_LARGEST))
        if stored["version"] == version:
            return stored["table"]
    except (OSError, ValueError, RecursionError, LookupError, TypeError):
        pass
    table = build_table()
    _write(file, json.dumps({"version": version, "table": table}))
    return table


def build_table() -> dict[str, Any]:
    """Build the table from the declarations; this imports all subcommands."""
    from termchat.cli import SUBCOMMANDS, subcommand_run
    from termchat.cli.command import command_shape
    from termchat.cli.prompt_command import run_prompt
    from termchat.config.credentials import variables_of
    from termchat.config.providers import presets
    from termchat.config.settings import SETTINGS
    from termchat.core.provider import Effort

    shape = command_shape(run_prompt, [])
    commands = {"": _node("", shape.parameters, shape.commands)}
    for name in SUBCOMMANDS:
        run = subcommand_run(name)
        shape = command_shape(run, [])
        commands[name] = _node(name, shape.parameters, shape.commands)
        for action in shape.commands:
            path = f"{name} {action}"
            commands[path] = _node(path, command_shape(run, [action]).parameters, {})
    return {
        "commands": commands,
        "settings": {key: [setting.help, list(setting.kind.choices)] for key, setting in SETTINGS.items()},
        "efforts": [effort.value for effort in Effort],
        "providers": {
            name: [preset.title, _models(preset.model, preset.models), variables_of(preset.key)]
            for name, preset in presets().items()
        },
    }


def _node(path: str, parameters: Any, commands: Mapping[str, str]) -> dict[str, Any]:
    options: list[Any] = []
    arguments: list[Any] = []
    repeated = False
    for param in parameters:
        kind, choices = _kind(path, param), _choices(param)
        if param.param_type_name == "argument":
            arguments.append([kind, choices])
            repeated = repeated or param.nargs < 0
            continue
        names = sorted((*param.opts, *param.secondary_opts), key=len)
        options.append([names, param.help or "", "" if param.is_flag else kind, choices, bool(param.multiple)])
    options.append([["-h", "--help"], "Show the options.", "", [], False])
    return {"options": options, "arguments": arguments, "repeated": repeated, "commands": dict(commands)}


def _kind(path: str, param: Any) -> str:
    if param.name == "name" and path in _NAMES:
        return _NAMES[path]
    return _KIND_BY_NAME.get(param.name) or _KIND_BY_METAVAR.get(param.metavar or "", "text")


def _choices(param: Any) -> list[str]:
    """Return the values that a parameter takes: those of its setting, or those that its help names, as md|json."""
    from termchat.config.provider_fields import PROTOCOLS
    from termchat.config.settings import SETTINGS

    if param.name == "protocol":  # too many for the help of a narrow terminal
        return list(PROTOCOLS)
    if setting := SETTINGS.get(param.name):
        return list(setting.kind.choices)
    words = str(param.metavar or "").split("|")
    return words if len(words) > 1 and all(map(str.islower, words)) else []


def _models(default: str, known: tuple[str, ...]) -> list[str]:
    return list(dict.fromkeys(model for model in (default, *known) if model))


def _version() -> str:
    """Return a text that differs when a file with declarations has changed."""
    times = sorted(
        f"{name}:{time}" for folder in _DECLARED_IN for name, time in _changed(folder, below=folder == "cli")
    )
    return ",".join((__version__, _PACKAGE, *times))


def _changed(folder: str, *, below: bool) -> Iterator[tuple[str, int]]:
    with os.scandir(os.path.join(_PACKAGE, folder)) as entries:
        for entry in entries:
            if entry.name.endswith((".py", ".toml")):
                yield entry.name, entry.stat().st_mtime_ns
            elif below and entry.is_dir():
                yield from _changed(f"{folder}/{entry.name}", below=True)


def _write(file: str, text: str) -> None:
    from pathlib import Path

    from termchat.system.atomic_write import replace_text

    try:
        os.makedirs(os.path.dirname(file), mode=0o700, exist_ok=True)
        replace_text(Path(file), text)
    except OSError:
        pass
