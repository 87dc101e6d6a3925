"""Budgets and the context on screen, at 80 and 40 columns, against the gateway."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.gateway import Gateway, Reply, Stall, Text, Usage
from tests.pty.harness import Terminal

CHAT = (sys.executable, "-m", "termchat", "-m", "gw/any", "--max-tokens", "1000", "--no-tools")
WIDTHS = pytest.mark.parametrize("columns", [80, 40])
SPENT = Usage(1000, 1000)  # $0.018


@pytest.fixture
def env(gateway_thread: Gateway, tmp_path: Path) -> dict[str, str]:
    file = tmp_path / ".config" / "termchat" / "config.toml"
    file.parent.mkdir(parents=True)
    prices = '{ "*" = { input = 3.0, output = 15.0 } }'
    file.write_text(f'[providers.gw]\nkey = "k-0123456789"\nopenai = "{gateway_thread.url}/v1"\nprices = {prices}\n')
    file.chmod(0o600)
    return {"HOME": str(tmp_path)}


def flat(terminal: Terminal) -> str:
    """Return the screen and scrollback as one line, for texts that wrap."""
    return " ".join(" ".join(terminal.transcript).split())


def ask(terminal: Terminal, text: str, shown: str) -> None:
    terminal.shows("Ask anything")
    terminal.send(f"{text}\r")
    terminal.until(lambda: shown in flat(terminal))


@WIDTHS
def test_budget_stops_question_and_sends_it_once_raised(
    gateway_thread: Gateway, env: dict[str, str], columns: int
) -> None:
    gateway_thread.always(Reply(Text("fine"), usage=SPENT))
    with Terminal(CHAT, columns=columns, env=env) as terminal:
        ask(terminal, "/budget 0.025", "of $0.025 spent, $0.025 left")
        ask(terminal, "first", "fine")
        terminal.shows("$0.018 of $0.025")
        ask(terminal, "second", "Raise it: /budget 0.0")
        assert "is spent in this chat" in flat(terminal)
        terminal.shows("❯ second")  # back in the input
        assert len(gateway_thread.asked) == 1
        terminal.send("\x15/budget 1\r")
        terminal.until(lambda: "of $1.00 spent, $0.982 left" in flat(terminal))
        terminal.send("second\r")
        terminal.until(lambda: flat(terminal).count("fine") == 2)
        terminal.shows("$0.036 of $1.00")


@WIDTHS
def test_context_drop_and_compact_on_screen(gateway_thread: Gateway, env: dict[str, str], columns: int) -> None:
    gateway_thread.reply(
        *(Reply(Text(f"answer {n}"), usage=SPENT) for n in ("one", "two", "three")),
        Reply(Text("They counted."), usage=SPENT),
        Reply(Text("answer four"), usage=SPENT),
    )
    with Terminal(CHAT, columns=columns, rows=40, env=env) as terminal:
        for number in ("one", "two", "three"):
            ask(terminal, f"question {number}", f"answer {number}")
        ask(terminal, "/drop 1", "Dropped message 1")
        ask(terminal, "/context", "About")
        assert "dropped" in flat(terminal)
        ask(terminal, "/compact keep the numbers", "Compacted: about")
        ask(terminal, "go on", "answer four")
        sent = str(gateway_thread.asked[-1].body)
        assert "They counted." in sent and "question three" in sent and "question one" not in sent
        ask(terminal, "/tree dropped", "[dropped] question one")


def test_compact_over_budget_returns_its_command_to_input(gateway_thread: Gateway, env: dict[str, str]) -> None:
    gateway_thread.always(Reply(Text("fine"), usage=SPENT))
    with Terminal(CHAT, env=env) as terminal:
        ask(terminal, "/budget 0.025", "of $0.025 spent")
        ask(terminal, "question one", "fine")
        ask(terminal, "/compact keep names", "is spent in this chat")
        terminal.until(lambda: terminal.lines.count("❯ /compact keep names") == 1)
    assert len(gateway_thread.asked) == 1


def test_compact_is_stopped_by_escape(gateway_thread: Gateway, env: dict[str, str]) -> None:
    gateway_thread.reply(Reply(Text("answer one"), usage=SPENT), Reply(Text("They "), Stall()))
    with Terminal(CHAT, env=env) as terminal:
        ask(terminal, "question one", "answer one")
        ask(terminal, "/compact", "They")
        terminal.send("\x1b")
        terminal.until(lambda: "is not used. /undo returns to the chat" in flat(terminal))
