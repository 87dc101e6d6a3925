"""The faults as a person at a terminal meets them: one REPL for each protocol goes through them all.

After each: what went wrong is one red line and the ways on a dim one below it; what nothing came for is back in the
input, what came stays; and the next question is answered. Whatever hangs ends with Esc.
"""

from __future__ import annotations

import socket
import sqlite3
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from termchat.core.models import ApiProtocol
from termchat.core.outcomes import ExitCode
from termchat.store.messages import message
from tests.faults.support import STORE, configure, provider
from tests.faults.table import WORDS, Fault, row
from tests.gateway import Gateway, GatewayThread, Reply, fault
from tests.gateway.answers import Answer
from tests.providers.support import KEY, MODELS, PROTOCOLS
from tests.pty.harness import Terminal

ESC, CLEAR = "\x1b", "\x01\x0b"
DEADLINE = 30.0
TRIES = 2
WALK = [
    *("connection refused", "reset before the first byte", "no TLS there", "no key", "400", "401"),
    *("529, then ok", "429 for ever", "retry-after in seconds", "retry-after of an hour"),
    *("502 as a page", "200 as a page", "closed", "closed inside a character", "error event", "clean end"),
    *("cut inside the arguments of a call", "silence before the headers", "silence after words"),
    *("headers at a snail's pace", "slow but alive", "garbage", "a line without end", "a gzip bomb"),
    *("byte by byte", "wrong types for a tool", "a tool loop", "empty", "length", "filter", "redirect loop"),
]
MARKS = {
    ExitCode.LENGTH: "■ cut off by the token limit",
    ExitCode.CUT: "■ the reply was cut off",
    ExitCode.STALLED: "■ no data in time",
    ExitCode.DENIED: "■ stopped at a limit",
}


@dataclass
class Talk:
    """A REPL in a terminal, and the gateway behind it."""

    terminal: Terminal
    gateway: Gateway
    speech: ApiProtocol
    provider: str = "it"

    def use(self, name: str) -> None:
        """Switch to another provider."""

        def told() -> int:
            return sum(line.startswith(f"→ {name}/") for line in self.terminal.transcript)

        if name == self.provider:
            return
        before, self.provider = told(), name
        self.terminal.send(f"/model {name}/{MODELS[self.speech]}\r")
        self.terminal.until(lambda: told() > before, DEADLINE)

    def since(self, question: str) -> list[str]:
        """The rows from a question on down to what is in the input; none while it is not there."""
        rows = self.terminal.lines
        return rows[rows.index(f"❯ {question}") :] if f"❯ {question}" in rows else []

    def ask(self, question: str) -> None:
        self.terminal.send(f"{question}\r")
        self.terminal.until(lambda: bool(self.since(question)), DEADLINE)

    def answered(self, number: int, *, waits: bool = False) -> None:
        """The next question has its answer, and its request is a good one; what `waits` is told to go now."""
        self.gateway.forget()
        self.use("it")
        self.gateway.reply(Reply.text(f"fine {number}"))
        self.ask(f"and {number}")
        if waits:
            self.terminal.until(lambda: any("retrying in" in line for line in self.terminal.lines), DEADLINE)
            self.terminal.send(f"{ESC}r")
        self.terminal.until(lambda: f"fine {number}" in self.since(f"and {number}"), DEADLINE)
        self.terminal.until(lambda: any("Ask anything" in line for line in self.terminal.lines), DEADLINE)
        assert not self.gateway.problems


@contextmanager
def talk(gateway: Gateway, home: Path, speech: ApiProtocol, *rows: str) -> Iterator[Talk]:
    configure(home, provider("it", gateway.url, speech, hasty=True), *rows)
    env = {"HOME": str(home), "TERMCHAT_MODEL": f"it/{MODELS[speech]}", "TERMCHAT_MAX_RETRIES": str(TRIES - 1)}
    with Terminal((sys.executable, "-m", "termchat"), env=env, rows=60, columns=160) as terminal:
        terminal.shows("Ask anything", DEADLINE)
        yield Talk(terminal, gateway, speech)
        terminal.send("\x04")
        assert terminal.leaves(DEADLINE) == 0
        assert b"Traceback" not in terminal.output
        assert KEY.encode() not in terminal.output


@pytest.fixture(scope="module")
def walks(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[object, Future]]:
    """The REPLs of the protocols that were chosen, all at once: most of it is waiting."""
    items = [
        getattr(i, "callspec", None) for i in request.session.items if getattr(i, "module", None) is request.module
    ]
    chosen = {item.params["speech"] for item in items if item}
    with ThreadPoolExecutor() as threads:
        yield {s: threads.submit(_walk, tmp_path_factory.mktemp("walk"), s) for s in PROTOCOLS if s in chosen}


@pytest.mark.timeout(300)
@pytest.mark.xdist_group("persons")
@pytest.mark.parametrize("speech", PROTOCOLS)
def test_repl_faults_match_table_rows(walks: dict[object, Future], speech: ApiProtocol) -> None:
    walks[speech].result()


def _walk(home: Path, speech: ApiProtocol) -> None:
    cases = {name: row(name, speech) for name in WALK}
    odd = {case.base + case.key: f"odd{n}" for n, case in enumerate(cases.values()) if not case.asked}
    with GatewayThread() as gateway:
        rows = [
            provider(odd[case.base + case.key], case.place(gateway.url), speech, case.key)
            for case in cases.values()
            if not case.asked
        ]
        with talk(gateway, home, speech, *rows) as it:
            for number, (name, case) in enumerate(cases.items()):
                _meet(it, name, case, odd.get(case.base + case.key, "it"), number)
                it.answered(number)
    _check_saved(home, [case.text for case in cases.values()])


def _meet(it: Talk, name: str, case: Fault, at: str, number: int) -> None:
    it.use(at)
    before, question = len(it.gateway.asked), f"ask {number} {name}"
    it.gateway.reply(*case.answers)
    it.terminal.watch("retrying in" if case.again else "")
    it.ask(question)
    kept = bool(case.text) or case.code is ExitCode.DENIED
    if case.again:
        it.terminal.until(lambda: it.terminal.seen, DEADLINE)
    if kept:  # the last line of a turn in which anything came tells its tokens
        it.terminal.until(lambda: any(" out · " in line for line in it.since(question)), DEADLINE)
    else:  # it is back in the input
        it.terminal.until(lambda: it.terminal.lines.count(f"❯ {question}") == 2, DEADLINE)
    rows = it.since(question)
    assert len(it.gateway.asked) - before == min(case.asked, TRIES if case.again else case.asked), name
    assert case.text.strip() in rows or not case.text, it.terminal.text
    assert any(line.startswith(MARKS.get(case.code, "")) for line in rows), it.terminal.text
    if case.words:
        _check_trouble(it.terminal, question, case)
    if not kept:
        it.terminal.send(CLEAR)
        it.terminal.until(lambda: any("Ask anything" in line for line in it.terminal.lines), DEADLINE)


def _check_trouble(terminal: Terminal, question: str, case: Fault) -> None:
    """One red line says what went wrong, and the dim one below it what to do; for a mark of its own there is none."""
    top = terminal.lines.index(f"❯ {question}")
    rows = range(top, len(terminal.lines))
    red = [n for n in rows if terminal.screen.buffer[n][0].fg == "red"]
    if case.code in (ExitCode.LENGTH, ExitCode.REFUSED):
        assert not red and case.words in terminal.text
        return
    first, *more = red
    assert more == list(range(first + 1, first + 1 + len(more))), "it is one line, however wide the terminal is"
    assert case.words in " ".join(terminal.lines[n] for n in red), terminal.text
    below = terminal.lines[red[-1] + 1]
    assert any(way in below for way in ("sends again", "asks again", "retries when back")), terminal.text
    assert terminal.screen.buffer[red[-1] + 1][0].fg == "default"


def _check_saved(home: Path, texts: list[str]) -> None:
    """Every question is kept, every piece of a reply, and nothing is left unfinished."""
    with closing(sqlite3.connect(home / STORE)) as store:
        kept = [message(*found) for found in store.execute("SELECT message, author FROM nodes ORDER BY n")]
        assert store.execute("SELECT count(*) FROM partials").fetchone() == (0,)
    asked = [said.text for said in kept if not said.outcome and said.text.startswith("ask ")]
    assert len(asked) == len(WALK)
    said = [reply.text for reply in kept if reply.outcome]
    assert all(text in said for text in texts if text)


HANGING: dict[str, tuple[Answer, str]] = {
    "silence before the headers": (fault.silence(), "waiting for"),
    "headers at a snail's pace": (WORDS.on(header_pace=0.2), "waiting for"),
    "silence after words": (WORDS.after(2, fault.stall()), "one twö"),
    "pings after words": (WORDS.after(2, fault.stall(keep_alive="ping")), "one twö"),
    "another try in half a minute": (fault.status(429, retry_after="29"), "retrying in"),
}


@pytest.mark.timeout(200)
@pytest.mark.parametrize("speech", PROTOCOLS)
def test_repl_esc_stops_hanging_turn(gateway_thread: Gateway, tmp_path: Path, speech: ApiProtocol) -> None:
    gateway = gateway_thread
    with (
        socket.create_server(("127.0.0.1", 0)) as mute,
        talk(gateway, tmp_path, speech, provider("mute", f"https://127.0.0.1:{mute.getsockname()[1]}", speech)) as it,
    ):
        configure(tmp_path, provider("it", gateway.url, speech))
        for number, (answer, shown) in enumerate(HANGING.values()):
            before, question = len(gateway.asked), f"ask {number}"
            gateway.reply(answer)
            it.ask(question)
            it.terminal.until(lambda n=before: len(gateway.asked) > n, DEADLINE)
            it.terminal.until(lambda shown=shown, q=question: any(shown in line for line in it.since(q)), DEADLINE)
            it.terminal.send(ESC)
            it.terminal.until(lambda q=question: any(line.startswith("■ stopped") for line in it.since(q)), DEADLINE)
            (request,) = gateway.asked[before:]
            if shown != "retrying in":
                request.wait_closed_blocking(DEADLINE)
            it.terminal.send(CLEAR)
            it.answered(number, waits=shown == "retrying in")  # the server asked it of the provider's every question
        it.use("mute")
        it.ask("ask mute")
        mute.settimeout(DEADLINE)
        reached, _ = mute.accept()
        with reached:
            reached.settimeout(DEADLINE)
            assert reached.recv(10_000)  # its hello, which gets no answer
            it.terminal.send(ESC)
            it.terminal.until(lambda: any("■ stopped" in line for line in it.since("ask mute")), DEADLINE)
            while reached.recv(10_000):
                pass
        it.terminal.send(CLEAR)
        it.answered(99)
