"""No escape sequence from outside reaches the terminal of a chat: replies, questions, lists, titles, errors, pastes."""

from __future__ import annotations

import json
import sys

import pytest

from tests.cli.conftest import Program
from tests.gateway import Call, ErrorEvent, Reasoning, Reply, Text, fault
from tests.gateway.answers import Answer
from tests.pty.harness import Terminal
from tests.trust.conftest import ALL
from tests.trust.escapes import all_payloads, foreign

COMMAND = (sys.executable, "-m", "termchat", "-m", "xopenai/any")
_UNTYPABLE = ("\0", "\ud83d", "\udc00", "\udc9b", "\udc9c", "\udc9d", "\x1b[201~")  # the last would end the paste
PASTE = f"\x1b[200~{all_payloads(*_UNTYPABLE)}\x1b[201~"
SHORT_PASTE = "\x1b[200~a\x1b]52;c;eA==\x07b\x9bc\u202ed\u2066e\u2028f\x1b[201~"
VISIBLE = "␛]52;c;b3duZWQ=␇"
QUESTIONS: list[tuple[Answer, ...]] = [
    (Reply(Reasoning(*ALL), Text(*ALL)),),
    (fault.status(400, message=ALL),),
    (Reply(Text("x"), ErrorEvent(message=ALL)),),
    (Reply(Call("read_file", {"path": ALL})), Reply(Text("done"))),
    (Reply(Call(ALL[:60], {"x": ALL})), Reply(Text("done"))),
]
COMMANDS = (
    "/history",
    "/error",
    "/model",
    "/chats",
    "/tree",
    "/context",
    "/usage",
    "/role",
    "/theme",
    "/mcp",
    "/tools",
)


@pytest.fixture
def env(hostile: Program) -> dict[str, str]:
    return {**hostile.env, "PAGER": "cat", "KITTY_WINDOW_ID": "1"}


@pytest.mark.xdist_group("escapes")
def test_repl_shows_no_escape_from_outside(hostile: Program, env: dict[str, str]) -> None:
    with Terminal(COMMAND, rows=60, env=env) as terminal:
        terminal.shows("Ask anything")
        terminal.send("\x1b[O")
        for number, answers in enumerate(QUESTIONS):
            _ask(
                hostile,
                terminal,
                PASTE if number == 0 else f"question {number}",
                answers,
                ("❯ Ask anything", "❯ question"),
            )
        for command in COMMANDS:
            terminal.send(f"{command}\r")
            terminal.settled()
            terminal.send("\x1b")
            terminal.settled()
        terminal.send(f"/label {SHORT_PASTE}\r")
        terminal.settled()
        terminal.send(f"\x15@{hostile.cwd}/names/\t\t")
        terminal.settled()
        terminal.send(f"\x15{SHORT_PASTE}")
        terminal.shows("a^[]52;c;eA==^Gb<9b>c\ufffdd\ufffde\ufffdf")
        assert VISIBLE in "".join(terminal.transcript)
        assert foreign(terminal.output) == []


@pytest.mark.xdist_group("escapes")
def test_plain_front_end_shows_no_escape_from_outside(hostile: Program, env: dict[str, str]) -> None:
    with Terminal((*COMMAND, "--plain"), rows=60, env=env) as terminal:
        terminal.until(lambda: terminal.text.rstrip().endswith(">"))
        for number, answers in enumerate(QUESTIONS):
            _ask(hostile, terminal, f"question {number}", answers, (">",))
        for command in COMMANDS:
            terminal.send(f"{command}\n")
            terminal.settled()
        assert VISIBLE in "".join(terminal.transcript)
        assert foreign(terminal.output) == []


@pytest.mark.xdist_group("escapes")
@pytest.mark.parametrize("flag", ["--quiet", "--plain"])
def test_resumed_chat_shows_no_escape_from_outside(hostile: Program, env: dict[str, str], flag: str) -> None:
    done = hostile.run("chats", "--json")
    with Terminal((*COMMAND, flag, "--chat", _oldest(done.out)), rows=60, env=env) as terminal:
        terminal.prints("resumed")
        terminal.settled()
        assert VISIBLE in "".join(terminal.transcript)
        assert foreign(terminal.output) == []


def _ask(
    hostile: Program, terminal: Terminal, words: str, answers: tuple[Answer, ...], prompts: tuple[str, ...]
) -> None:
    hostile.gateway.forget()
    hostile.gateway.reply(*answers)
    before = len(hostile.gateway.asked)
    terminal.send(f"\x15{words}\r")
    terminal.until(lambda: len(hostile.gateway.asked) == before + len(answers))
    terminal.until(lambda: any(row.startswith(prompts) for row in terminal.text.rstrip().splitlines()[-2:]))
    terminal.settled()


def _oldest(listing: bytes) -> str:
    return str(min(json.loads(listing), key=lambda chat: chat["created"])["id"])  # a resumed one moves to the front
