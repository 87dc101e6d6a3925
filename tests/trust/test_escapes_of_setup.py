"""No escape sequence from outside reaches the terminal by a notification, a login or a diagnosis."""

from __future__ import annotations

import sys
from collections.abc import Mapping

import pytest

from termchat.core.sanitize import safe_line
from termchat.ui.terminal.notify import notification
from tests.cli.conftest import KEY, Program
from tests.gateway import Call, Reasoning, Reply, Text, fault
from tests.pty.harness import Terminal
from tests.trust.conftest import ALL
from tests.trust.escapes import foreign, notes

COMMAND = (sys.executable, "-m", "termchat", "-m", "xopenai/any")
TERMINALS = [{"KITTY_WINDOW_ID": "1"}, {"TERM_PROGRAM": "iTerm.app"}, {"VTE_VERSION": "7600"}]


@pytest.mark.xdist_group("escapes")
def test_notification_of_question_has_no_escape_from_outside(hostile: Program) -> None:
    hostile.gateway.forget()
    hostile.gateway.reply(Reply(Reasoning(ALL), Text(ALL), Call("run_shell", {"command": "touch x"})))
    with Terminal((*COMMAND, "--tools", "all"), rows=60, env={**hostile.env, **TERMINALS[0]}) as terminal:
        terminal.shows("Ask anything")
        terminal.send("\x1b[Ohello\r")
        terminal.until(lambda: bool(notes(terminal.output)))
        terminal.shows("$ touch x")
        # the question stays, the chat never comes to rest: the last sequence read may be half of one
        terminal.until(lambda: foreign(terminal.output) == [])


@pytest.mark.parametrize("kind", TERMINALS, ids=str)
def test_notification_of_model_has_no_escape_from_outside(kind: Mapping[str, str]) -> None:
    sequence = notification(safe_line(ALL), kind).encode("utf-8", "surrogatepass")
    assert notes(sequence) and foreign(sequence) == []


@pytest.mark.xdist_group("escapes")
@pytest.mark.parametrize("flags", [(), ("--plain",)], ids=["repl", "plain"])
def test_login_shows_no_escape_from_outside(hostile: Program, flags: tuple[str, ...]) -> None:
    hostile.gateway.forget()
    hostile.gateway.models_answer = fault.status(400, message=ALL)
    end = "\n" if flags else "\r"
    with Terminal((*COMMAND, *flags), rows=60, env=hostile.env) as terminal:
        terminal.until(lambda: terminal.text.rstrip().endswith(">") or "Ask anything" in terminal.text)
        terminal.send(f"/login{end}")
        terminal.shows("Another gateway" if flags else "Log in to")
        terminal.settled()
        terminal.send("xopenai")
        terminal.settled()
        terminal.send(end)
        terminal.until(lambda: "Key of xopenai:" in terminal.text)
        terminal.settled()
        terminal.send(f"{KEY}{end}")
        terminal.shows("What should be changed?")
        terminal.settled()
        hostile.gateway.models_answer = None
        terminal.send(f"Try again{end}")
        terminal.shows("Try a reply")
        terminal.settled()
        terminal.send(f"No{end}")
        terminal.shows("Where is")
        terminal.settled()
        terminal.send(f"Nowhere{end}")
        terminal.shows("m0␛[2J")
        terminal.settled()
        assert foreign(terminal.output) == []


@pytest.mark.xdist_group("escapes")
def test_diagnosis_and_lists_show_no_escape_from_outside(hostile: Program) -> None:
    hostile.gateway.forget()
    hostile.gateway.reply(Reply(Text(f"{ALL} one")), Reply(Text(f"{ALL} two")))
    with Terminal(COMMAND, rows=60, env=hostile.env) as terminal:
        terminal.shows("Ask anything")
        terminal.send("hello\r")
        terminal.shows(" one")
        for command, shown in (
            ("/doctor", " ok · "),
            ("/set", "changes one."),
            ("/set model", "Allowed: "),
            ("/open zzz", "There is no chat zzz."),
            ("/vs xopenai/unlisted", " two"),
            ("/edit", "❯ hello  message 1"),
        ):
            terminal.shows("Ask anything")
            terminal.send(f"{command}\r")
            terminal.shows(shown)
            terminal.settled()  # a diagnosis takes the keys until it has ended
        assert "␛" in terminal.text
        assert foreign(terminal.output) == []
