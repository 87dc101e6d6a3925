"""The flags of a prompt, and a parser for the usual command lines.

Loading typer takes 50 ms, and the REPL has to accept keys at once: `parse_flags` reads a line of known flags, and
leaves everything else to typer: errors, help, and any form it does not know. It imports nothing for the same reason.
`prompt_command` describes the same flags to typer; a test compares the results of both.
"""

from __future__ import annotations

SWITCHES = {
    "no_stdin": ("-n", "--no-stdin"),
    "last": ("-c", "--continue"),
    "no_save": ("--no-save",),
    "no_tools": ("--no-tools",),
    "yes": ("--yes",),
    "raw": ("--raw",),
    "extract": ("-x", "--extract"),
    "json": ("--json",),
    "ndjson": ("--ndjson",),
    "dry_run": ("--dry-run",),
    "quiet": ("-q", "--quiet"),
    "verbose": ("-v", "--verbose"),
    "search": ("--search",),
    "plain": ("--plain",),
    "accessible": ("--accessible",),
}
LISTS = {  # repeatable
    "prompt_option": ("-p", "--prompt"),
    "file": ("-f", "--file"),
    "sets": ("--set",),
    "functions": ("--functions",),
    "stop": ("--stop",),
    "allow": ("--allow",),
    "deny": ("--deny",),
}
VALUES = {
    "stdin_timeout": ("--stdin-timeout",),
    "chat": ("--chat",),
    "role": ("-r", "--role"),
    "messages": ("--messages",),
    "schema": ("--schema",),
    "schema_retries": ("--schema-retries",),
    "block": ("--block",),
    "output": ("-o", "--output"),
    "timeout": ("--timeout",),
    "base_url": ("--base-url",),
    "protocol": ("--protocol",),
    "key": ("--key",),
    "record": ("--record",),
    "continue_cut": ("--continue-cut",),
    "model": ("-m", "--model"),
    "system": ("-s", "--system"),
    "think": ("--think",),
    "speed": ("--speed",),
    "max_tokens": ("--max-tokens",),
    "temperature": ("--temperature",),
    "top_p": ("--top-p",),
    "seed": ("--seed",),
    "max_rounds": ("--max-rounds",),
    "max_calls": ("--max-calls",),
    "max_cost": ("--max-cost",),
    "tools": ("--tools",),
    "connect_timeout": ("--connect-timeout",),
    "idle_timeout": ("--idle-timeout",),
    "max_retries": ("--retries",),
    "theme": ("--theme",),
}
NAMES = {**SWITCHES, **LISTS, **VALUES}
_QUESTION = {"prompt_option", "file", "messages", "schema", "extract", "block", "json", "ndjson", "output", "dry_run"}
_KEYS = {name: key for key, names in NAMES.items() for name in names}


def parse_flags(arguments: list[str]) -> dict[str, bool | str | list[str]] | None:
    """Return the words of the prompt (`prompt`) and the given flags; None for a line that typer has to read."""
    given: dict[str, bool | str | list[str]] = {}
    words: list[str] = []
    rest = iter(arguments)
    for argument in rest:
        if not argument.startswith("-"):
            words.append(argument)
            continue
        name, equals, value = argument.partition("=")
        key = _KEYS.get(name)
        if key is None or (equals and (key in SWITCHES or not name.startswith("--"))):
            return None
        if key in SWITCHES:
            given[key] = True
            continue
        if not equals:
            value = next(rest, "")
        if not value or (value.startswith("-") and value != "-" and not equals):
            return None
        if key in LISTS:
            values = given.setdefault(key, [])
            assert isinstance(values, list)
            values.append(value)
        else:
            given[key] = value
    return {**given, "prompt": words}


def starts_chat(arguments: list[str]) -> bool:
    """Return True if the line starts a chat on a terminal, as far as can be told before its values are checked."""
    given = parse_flags(arguments)
    return given is not None and not (given["prompt"] or given.keys() & _QUESTION)
