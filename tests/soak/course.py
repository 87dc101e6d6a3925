"""The course of a soak: turns of every kind in turn, by the keys of a person, in a real terminal."""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import cycle
from pathlib import Path

from termchat.core.messages import Role, ToolResult
from termchat.core.models import ApiProtocol
from termchat.store.messages import decode_row
from tests.faults.support import STORE, configure, provider
from tests.fork_server import ROOT
from tests.gateway import Gateway
from tests.providers.support import KEY, MODELS, PROTOCOLS
from tests.pty.harness import Terminal
from tests.soak.answers import SoakAnswers
from tests.soak.resources import INSPECTOR, Resources, resources

ESC, CLEAR, DEADLINE = "\x1b", "\x01\x0b", 60.0
NAMES = {protocol: f"p{protocol.value.replace('_', '')[:3]}{n}" for n, protocol in enumerate(PROTOCOLS)}
_SIZES = ((24, 80), (30, 100), (20, 60), (40, 120))


class Soak:
    """A REPL in a terminal, and the number of turns it has taken."""

    def __init__(self, terminal: Terminal, home: Path, protocols: Sequence[ApiProtocol]) -> None:
        self._terminal = terminal
        self._home = home
        self._sizes = cycle(_SIZES)
        models = [f"{NAMES[protocol]}/{MODELS[protocol]}" for protocol in protocols]
        self._compares = " ".join(models[:2])
        self._models = cycle((*models[1:], models[0]))
        self._kinds = cycle(self._course())
        self.turns = 0

    def turn(self) -> None:
        """Take the next turn of the course."""
        self.turns += 1
        next(self._kinds)()

    def look(self) -> Resources:
        """Return the resources of the process, which is idle."""
        self._terminal.settled(0.3)
        return resources(self._terminal.pid, self.turns, self._home / "tasks", self._wait)

    def _course(self) -> tuple[Callable[[], None], ...]:
        return (
            lambda: self._whole("plain"),
            lambda: self._whole("tools"),
            self._switched,
            self._cut_and_continued,
            self._stopped,
            self._retried,
            self._resized,
            self._compared,
            lambda: self._whole("two"),
            self._refused,
            self._aside,
            self._compacted,
        )

    def _wait(self, condition: Callable[[], bool]) -> None:
        self._terminal.until(condition, DEADLINE)

    def _since(self, typed: str) -> str:
        """The screen from the last line that was sent, "" while it is not there."""
        rows = self._terminal.lines
        found = [n for n, row in enumerate(rows) if row.startswith(f"❯ {typed[:30]}")]
        return "\n".join(rows[found[0] :]) if found else ""

    def _send(self, typed: str) -> None:
        self._terminal.send(f"{typed}\r")

    def _idle(self) -> None:
        self._wait(lambda: any("Ask anything" in row for row in self._terminal.lines))

    def _ask(self, kind: str) -> str:
        question = f"q{self.turns} {kind}"
        self._send(question)
        return question

    def _ends(self) -> None:
        self._wait(lambda: f"end of {self.turns}." in self._terminal.lines)
        self._idle()

    def _whole(self, kind: str) -> None:
        self._ask(kind)
        self._ends()

    def _switched(self) -> None:
        model = next(self._models)
        self._send(f"/model {model}")
        self._wait(lambda: f"→ {model}" in self._terminal.text)
        self._whole("plain")

    def _cut_and_continued(self) -> None:
        question = self._ask("cut")
        self._wait(lambda: "■ the reply was cut off" in self._since(question))
        self._idle()
        self._send("/continue")
        self._ends()

    def _stopped(self) -> None:
        question = self._ask("stop")
        self._wait(lambda: f"begun {self.turns}" in self._terminal.text)
        self._terminal.send(ESC)
        self._wait(lambda: "■ stopped" in self._since(question))
        self._idle()

    def _retried(self) -> None:
        self._ask("retry")
        self._wait(lambda: "retrying in" in self._terminal.text)
        self._terminal.send(f"{ESC}r")
        self._ends()

    def _resized(self) -> None:
        self._terminal.resize(*next(self._sizes))
        self._terminal.settled()
        self._terminal.send("\x0c")  # pyte moves rows, not its cursor
        self._terminal.settled()
        self._idle()
        self._send(f"!echo said {self.turns}")
        self._wait(lambda: "goes with the next message" in self._terminal.text)
        self._terminal.settled()
        self._whole("plain")

    def _compared(self) -> None:
        self._send(f"/vs {self._compares} -- q{self.turns} vs")
        self._wait(lambda: "/adopt N goes on" in self._terminal.text)
        self._idle()
        self._send("/adopt 1")
        self._wait(lambda: "→ after reply 1" in self._terminal.text)
        self._idle()

    def _refused(self) -> None:
        question = self._ask("bad")
        self._wait(lambda: self._terminal.lines.count(f"❯ {question}") == 2)
        self._terminal.send(CLEAR)
        self._idle()

    def _aside(self) -> None:
        self._send(f"/btw q{self.turns} aside")
        self._wait(lambda: "not in the chat" in self._terminal.text)
        self._idle()
        self._terminal.send("\x0c")  # the next side question has the same last line
        self._idle()

    def _compacted(self) -> None:
        self._send("/compact")
        self._wait(lambda: "Compacted: about" in self._terminal.text or "is not used" in self._terminal.text)
        assert "Compacted: about" in self._terminal.text
        self._idle()
        self._terminal.send("\x0c")
        self._idle()


@contextmanager
def soaking(gateway: Gateway, home: Path, protocols: Sequence[ApiProtocol] = PROTOCOLS) -> Iterator[Soak]:
    """Run a REPL for a soak; at the end leave it, and check that it left well."""
    gateway.always(SoakAnswers())
    configure(home, *(provider(name, gateway.url, protocol) for protocol, name in NAMES.items()))
    env = {
        "HOME": str(home),
        "PYTHONPATH": f"{INSPECTOR}:{ROOT}",
        "TESTTASKS": str(home / "tasks"),
        "TERMCHAT_MODEL": f"{NAMES[ApiProtocol.CHAT]}/{MODELS[ApiProtocol.CHAT]}",
        "TERMCHAT_MAX_RETRIES": "1",
    }
    with Terminal((sys.executable, "-m", "termchat"), env=env, rows=30, columns=100) as terminal:
        terminal.shows("Ask anything", DEADLINE)
        yield Soak(terminal, home, protocols)
        assert terminal.quits(DEADLINE) == 0
        assert b"Traceback" not in terminal.output
        assert b"Internal error" not in terminal.output
        assert KEY.encode() not in terminal.output


def check_database(home: Path) -> int:
    """Check that the database is sound and every tool call has its result; return the number of messages."""
    with closing(sqlite3.connect(home / STORE)) as store:
        assert store.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert store.execute("PRAGMA foreign_key_check").fetchall() == []
        assert store.execute("SELECT count(*) FROM partials").fetchone() == (0,)
        messages = [decode_row(*row) for row in store.execute("SELECT message, author FROM nodes ORDER BY n")]
    results = [part.call_id for message in messages for part in message.parts if isinstance(part, ToolResult)]
    calls = [call.id for message in messages if message.role is Role.ASSISTANT for call in message.calls]
    assert len(calls) == len(results)
    assert set(calls) == set(results)
    return len(messages)
