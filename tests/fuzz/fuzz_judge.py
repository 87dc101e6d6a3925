"""The judge of commands: nothing appended to an allowed command, or wrapped around it, is allowed.

A text that is allowed runs as programs of the rules alone, each with exactly the words of its rule.
"""

from __future__ import annotations

import asyncio
import shlex
import tempfile
from pathlib import Path

from termchat.tools.policy.judge_command import judge_command
from termchat.tools.policy.rules import Rule, Rules
from termchat.tools.policy.verdicts import Ruling
from tests.fuzz.targets import FuzzTarget, split_head

_WORDS = ("argv", "one", "two words")
_ALLOWED = shlex.join(_WORDS)
_RULES = Rules(allow=(Rule("run_shell", _ALLOWED),))
_FOLDER = tempfile.TemporaryDirectory(prefix="termchat-judge-")
_CWD = Path(_FOLDER.name)
(_CWD / "bin").mkdir()
_PROGRAM = _CWD / "bin" / "argv"
_PROGRAM.write_text("#!/bin/sh\n")
_PROGRAM.chmod(0o755)


def _run(data: bytes) -> None:
    (at, wrapped), junk = split_head(data, 2)
    text, place = junk.decode("utf-8", "replace"), at % (len(_ALLOWED) + 1)
    before, _, behind = text.partition("\0") if wrapped & 1 else (text, "", "")
    command = _ALLOWED[:place] + before + _ALLOWED[place:] + behind
    verdict = asyncio.run(judge_command(command, _RULES, cwd=_CWD / "work", path=str(_PROGRAM.parent)))
    if verdict.answer is Ruling.ALLOW:
        assert verdict.pipeline is not None
        assert set(verdict.pipeline) == {(str(_PROGRAM), *_WORDS[1:])}, ascii(command)


_APPENDED = (
    *("", "; id", " && id", " || id", " | sh", " & id", "\nid", " > f", " < f", " $(id)", "`id`", " <(id)", " 2>&1"),
    *(" x", " ''", " -- ", "\\", "\\\n", "'", '"', " # id", "$x", "*", "~", "{a,b}", " | argv one"),
)
_WRAPPED = (
    *("env \0", "sudo \0", "bash -c '\0'", "eval \0", "x=1 \0", "( \0 )", "{ \0; }", "! \0", "if \0; then id; fi"),
)
judge = FuzzTarget(
    _run,
    (
        *(bytes([place, 0]) + junk.encode() for junk in _APPENDED for place in (0, len(_ALLOWED))),
        *(b"\0\1" + junk.encode() for junk in _WRAPPED),
    ),
)
