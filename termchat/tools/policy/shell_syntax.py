"""Parse a shell command that is a pipeline of plain commands, by the syntax tree of shfmt (mvdan/sh).

`shfmt --to-json` gives the tree; every node, field and character outside an allowlist ends in `Unparsed`, so that the
argv of a `Pipeline` is exactly what bash would pass.
"""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeGuard, cast

MAX_CHARACTERS = 10_000
MAX_COMMANDS = 20  # of one pipeline
_SECONDS = 1.0  # for one process of shfmt

_PLACE = frozenset({"Pos", "End", "ValuePos", "ValueEnd", "Position", "OpPos", "Left", "Right", "Semicolon"})
_STATEMENTS = {
    "Background": "a command in the background (&)",
    "Negated": "a negated command (!)",
    "Redirs": "a redirection",
    "Coprocess": "a coprocess",
    "Disown": "a command in the background (&|)",
    "Comments": "a comment",
}
_NODES = {
    "ParamExp": "a variable",
    "CmdSubst": "a command substitution",
    "ProcSubst": "a process substitution",
    "ArithmExp": "arithmetic",
    "ExtGlob": "a wildcard",
    "Subshell": "a subshell",
    "Block": "a block",
    "IfClause": "an if clause",
    "WhileClause": "a loop",
    "ForClause": "a loop",
    "CaseClause": "a case clause",
    "FuncDecl": "a function",
    "TimeClause": "the keyword time",
    "CoprocClause": "a coprocess",
    "DeclClause": "a declaration",
    "LetClause": "the keyword let",
    "TestClause": "a test",
    "ArithmCmd": "arithmetic",
}
_OPERATORS = {"&&": "a list (&&)", "||": "a list (||)", "|&": "a pipe of both streams (|&)"}

# Characters of an unquoted word that mean themselves in every shell. Others need quotes.
_PLAIN = re.compile(r"[A-Za-z0-9_./,:+@%^=#~-]|[^\x00-\x7f]")
_ESCAPABLE = re.compile(r"[ !\"#$&'()*,;<>?\[\\\]^`{|}~=]")


@dataclass(frozen=True, slots=True)
class Pipeline:
    """The argv of each command of a pipeline."""

    commands: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Unparsed:
    """The reason why a text is not judged by its words; it completes "The command has"."""

    reason: str


class _OddError(Exception):
    """A part of the tree outside the allowlist."""


async def parse_pipeline(text: str) -> Pipeline | Unparsed:
    """Parse a pipeline of plain commands. Takes about 5 ms in a thread; never raises for any text."""
    if len(text) > MAX_CHARACTERS:
        return Unparsed(f"more than {MAX_CHARACTERS} characters")
    if "\\\n" in text:
        return Unparsed("a continued line (a backslash at its end)")
    program = _shfmt()
    if program is None:
        return Unparsed("not been parsed: rules need the extra `tools` (shfmt)")
    tree = await asyncio.to_thread(_tree, program, text)
    return tree if isinstance(tree, Unparsed) else read_tree(tree)


def read_tree(tree: object) -> Pipeline | Unparsed:
    """Read the tree that `shfmt --to-json` printed."""
    try:
        return Pipeline(_file(tree))
    except _OddError as odd:
        return Unparsed(str(odd))


@cache
def _shfmt() -> str | None:
    """Return the program that the package shfmt-py installed beside Python, None without it; never one on PATH."""
    name = "shfmt.exe" if sys.platform == "win32" else "shfmt"
    folders = (sysconfig.get_path("scripts"), Path(sys.executable).parent)
    programs = (Path(folder).absolute() / name for folder in folders)
    return next((str(program) for program in programs if program.is_file()), None)


def _tree(program: str, text: str) -> object:
    try:
        done = subprocess.run(  # noqa: S603 - an absolute path, no shell
            [program, "-ln=bash", "--to-json"],
            input=text.encode(),
            capture_output=True,
            check=False,
            timeout=_SECONDS,
            env={},
            cwd=Path(program).parent,
        )
        if done.returncode != 0:
            return Unparsed("a syntax error")
        return json.loads(done.stdout)
    except (OSError, ValueError, RecursionError, subprocess.SubprocessError):
        return Unparsed("a text that its parser cannot read")


def _file(tree: object) -> tuple[tuple[str, ...], ...]:
    file = _node(tree, "File", {"Stmts"})
    statements = _list(file.get("Stmts"))
    if len(statements) != 1:
        raise _OddError("several commands in a row" if statements else "no command")
    commands: list[tuple[str, ...]] = []
    statement: object = statements[0]
    while len(commands) < MAX_COMMANDS:
        command = _statement(statement)
        if command.get("Type") != "BinaryCmd":
            return tuple(reversed([*commands, _call(command)]))
        _node(command, "BinaryCmd", {"Op", "X", "Y"})
        if command["Op"] != "|":
            raise _OddError(_OPERATORS.get(str(command["Op"]), "an operator other than |"))
        commands.append(_call(_statement(command["Y"])))
        statement = command["X"]
    raise _OddError(f"more than {MAX_COMMANDS} commands")


def _statement(tree: object) -> dict[str, Any]:
    """Return the command of a statement that has nothing else."""
    if not _is_table(tree):
        raise _OddError("an unknown syntax")
    for key, words in _STATEMENTS.items():
        if key in tree:
            raise _OddError(words)
    _fields(tree, {"Cmd"})
    command = tree.get("Cmd")
    if not _is_table(command):
        raise _OddError("no command")
    return command


def _call(tree: dict[str, Any]) -> tuple[str, ...]:
    if "Assigns" in tree:
        raise _OddError("an assignment")
    words = tuple(_word(word) for word in _list(_node(tree, "CallExpr", {"Args"}).get("Args")))
    if not words or not words[0]:
        raise _OddError("no command")
    return words


def _word(tree: object) -> str:
    if not _is_table(tree):
        raise _OddError("an unknown syntax")
    _fields(tree, {"Parts", "Type"})
    parts = _list(tree.get("Parts"))
    return "".join(_part(part, first=n == 0) for n, part in enumerate(parts))


def _part(part: object, *, first: bool) -> str:
    kind = part.get("Type") if _is_table(part) else None
    if kind == "Lit":
        return _unquoted(str(_node(part, "Lit", {"Value"}).get("Value", "")), first=first)
    if kind == "SglQuoted":
        return str(_quoted(part, "SglQuoted", "Value").get("Value", ""))
    node = _quoted(part, "DblQuoted", "Parts")
    return "".join(
        _double_quoted(str(_node(inner, "Lit", {"Value"}).get("Value", ""))) for inner in _list(node.get("Parts"))
    )


def _quoted(part: object, kind: str, field: str) -> dict[str, Any]:
    if _is_table(part) and part.get("Type") == kind and "Dollar" in part:
        raise _OddError("a word in $'…' or $\"…\"")
    return _node(part, kind, {field})


def _unquoted(raw: str, *, first: bool) -> str:
    """Return the text of an unquoted part of a word; `first`: it begins the word."""
    text: list[str] = []
    at = 0
    while at < len(raw):
        character = raw[at]
        if character == "\\" and _ESCAPABLE.fullmatch(raw[at + 1 : at + 2]):
            text.append(raw[at + 1])
            at += 2
            continue
        before = raw[at - 1] if at else ""
        if not _PLAIN.fullmatch(character) or (character == "~" and not before.isalnum() and before != "^"):
            raise _OddError(f"an unquoted {character!r}")
        if first and not at and character in "=~^#":
            raise _OddError(f"a word that begins with {character!r}")
        text.append(character)
        at += 1
    return "".join(text)


def _double_quoted(raw: str) -> str:
    text: list[str] = []
    at = 0
    while at < len(raw):
        character = raw[at]
        if character in "$`":
            raise _OddError(f"{character!r} in double quotes")
        if character == "\\" and raw[at + 1 : at + 2] in ("$", "`", '"', "\\"):
            character = raw[at + 1]
            at += 1
        text.append(character)
        at += 1
    return "".join(text)


def _node(tree: object, kind: str, fields: set[str]) -> dict[str, Any]:
    """Return a node of one kind that has no fields but these and its place."""
    if not _is_table(tree) or tree.get("Type") != kind:
        name = str(tree.get("Type")) if _is_table(tree) else ""
        raise _OddError(_NODES.get(name, "an unknown syntax"))
    if kind == "File" and "Last" in tree:
        raise _OddError("a comment")
    _fields(tree, {"Type", *fields})
    return tree


def _fields(tree: dict[str, Any], fields: set[str]) -> None:
    if tree.keys() - fields - _PLACE:
        raise _OddError("an unknown syntax")


def _is_table(tree: object) -> TypeGuard[dict[str, Any]]:
    return isinstance(tree, dict)


def _list(tree: object) -> list[object]:
    if tree is None:
        return []
    if not isinstance(tree, list):
        raise _OddError("an unknown syntax")
    return cast("list[object]", tree)
