"""Run faults of each kind through the REPL in a terminal, one REPL per protocol.

After each fault the error is one red line with the next steps on a dim line below it, a message without a reply is
back in the input, a partial reply stays in the transcript, and the next question is answered. Esc ends a hanging turn.
"""

from __future__ import annotations

import re
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
from termchat.store.messages import decode_row
from tests.faults.support import STORE, configure, provider
from tests.faults.table import WORDS, Fault, row
from tests.gateway import Gateway, GatewayThread, Reply, fault
from tests.gateway.answers import Answer
from tests.providers.support import KEY, MODELS, PROTOCOLS
from tests.pty.harness import Terminal

ESC, CLEAR = "\x1b", "\x01\x0b"
DEADLINE = 30.0
TRIES = 2
CASES = [
    *("connection refused", "reset before the first byte", "no TLS there", "no key", "400", "401"),
    *("529, then ok", "429 always", "retry-after in seconds", "retry-after of an hour"),
    *("502 as a page", "200 as a page", "closed", "closed inside a character", "error event", "clean end"),
    *("cut inside the arguments of a call", "silence before the headers", "silence after words"),
    *("slow headers", "slow but alive", "garbage", "a line without end", "a gzip bomb"),
    *("byte by byte", "wrong types for a tool", "a tool loop", "empty", "length", "filter", "redirect loop"),
]
USAGE = re.compile(r" in · .* out · ").search  # an outcome such as "■ timed out · 1 s" is none
MARKS = {
    ExitCode.LENGTH: "■ cut off by the token limit",
    ExitCode.CUT: "■ the reply was cut off",
    ExitCode.STALLED: "■ timed out",
    ExitCode.DENIED: "■ stopped at a limit",
}


@dataclass
class ReplSession:
    """A REPL in a terminal and its gateway; `provider` is the current one. Waits have a deadline of 30 s."""

    terminal: Terminal
    gateway: Gateway
    protocol: ApiProtocol
    provider: str = "it"

    def use(self, name: str) -> None:
        """Switch to a provider of the configuration by /model and wait for the notice."""

        def notices() -> int:
            return sum(line.startswith(f"→ {name}/") for line in self.terminal.transcript)

        if name == self.provider:
            return
        before, self.provider = notices(), name
        self.terminal.send(f"/model {name}/{MODELS[self.protocol]}\r")
        self.terminal.until(lambda: notices() > before, DEADLINE)

    def since(self, question: str) -> list[str]:
        """Return the rows of the screen from a question down; [] while the question is not on the screen."""
        rows = self.terminal.lines
        return rows[rows.index(f"❯ {question}") :] if f"❯ {question}" in rows else []

    def ask(self, question: str) -> None:
        """Send a question and wait until the screen shows it."""
        self.terminal.send(f"{question}\r")
        self.terminal.until(lambda: bool(self.since(question)), DEADLINE)

    def answered(self, number: int, *, waits: bool = False) -> None:
        """Send question `number` and wait for its answer; check that its request is valid.

        `waits` skips the retry delay by Alt-R.
        """
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
def repl_session(gateway: Gateway, home: Path, protocol: ApiProtocol, *rows: str) -> Iterator[ReplSession]:
    configure(home, provider("it", gateway.url, protocol), *rows)
    env = {"HOME": str(home), "TERMCHAT_MODEL": f"it/{MODELS[protocol]}", "TERMCHAT_MAX_RETRIES": str(TRIES - 1)}
    with Terminal((sys.executable, "-m", "termchat"), env=env, rows=60, columns=160) as terminal:
        terminal.shows("Ask anything", DEADLINE)
        yield ReplSession(terminal, gateway, protocol)
        assert terminal.quits(DEADLINE) == 0
        assert b"Traceback" not in terminal.output
        assert KEY.encode() not in terminal.output


@pytest.fixture(scope="module")
def repl_runs(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[object, Future]]:
    """Run one REPL for each chosen protocol, all concurrently; return the futures by protocol."""
    items = [
        getattr(i, "callspec", None) for i in request.session.items if getattr(i, "module", None) is request.module
    ]
    chosen = {item.params["protocol"] for item in items if item}
    with ThreadPoolExecutor() as threads:
        yield {s: threads.submit(_run_cases, tmp_path_factory.mktemp("repl"), s) for s in PROTOCOLS if s in chosen}


@pytest.mark.timeout(300)
@pytest.mark.xdist_group("repl_faults")
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_repl_faults_match_table_rows(repl_runs: dict[object, Future], protocol: ApiProtocol) -> None:
    repl_runs[protocol].result()


def _run_cases(home: Path, protocol: ApiProtocol) -> None:
    cases = {name: row(name, protocol) for name in CASES}
    others = {case.base + case.key: f"others{n}" for n, case in enumerate(cases.values()) if not case.asked}
    with GatewayThread() as gateway:
        rows = [
            provider(others[case.base + case.key], case.address(gateway.url), protocol, case.key)
            for case in cases.values()
            if not case.asked
        ]
        rows.append(provider("impatient", gateway.url, protocol, short_timeouts=True))
        with repl_session(gateway, home, protocol, *rows) as repl:
            for number, (name, case) in enumerate(cases.items()):
                at = "impatient" if case.hangs else others.get(case.base + case.key, "it")
                _run_case(repl, name, case, at, number)
                repl.answered(number)
    _check_saved(home, [case.text for case in cases.values()])


def _run_case(repl: ReplSession, name: str, case: Fault, at: str, number: int) -> None:
    repl.use(at)
    before, question = len(repl.gateway.asked), f"ask {number} {name}"
    repl.gateway.reply(*case.answers)
    repl.terminal.watch("retrying in" if case.retries else "")
    repl.ask(question)
    kept = bool(case.text) or case.code is ExitCode.DENIED
    if case.retries:
        repl.terminal.until(lambda: repl.terminal.seen, DEADLINE)
    if kept:  # a turn with a reply ends with a usage line
        repl.terminal.until(lambda: any(USAGE(line) for line in repl.since(question)), DEADLINE)
    else:  # the message is back in the input
        repl.terminal.until(lambda: repl.terminal.lines.count(f"❯ {question}") == 2, DEADLINE)
    rows = repl.since(question)
    requests = min(case.asked, TRIES if case.retries else case.asked)
    # a gateway without processor time reads a request only after the client has given it up
    repl.terminal.until(lambda: len(repl.gateway.asked) - before >= requests, DEADLINE)
    assert len(repl.gateway.asked) - before == requests, name
    assert case.text.strip() in rows or not case.text, repl.terminal.text
    assert any(line.startswith(MARKS.get(case.code, "")) for line in rows), repl.terminal.text
    if case.words:
        _check_error(repl.terminal, question, case)
    if not kept:
        repl.terminal.send(CLEAR)
        repl.terminal.until(lambda: any("Ask anything" in line for line in repl.terminal.lines), DEADLINE)


def _check_error(terminal: Terminal, question: str, case: Fault) -> None:
    """Check for one red error line with the next steps dim below it; an outcome mark alone has no red line."""
    top = terminal.lines.index(f"❯ {question}")
    rows = range(top, len(terminal.lines))
    cards = tuple(f"✗ {call}" for call in ("calculate", "current_time"))  # a failed call is no error of the turn
    red = [n for n in rows if terminal.screen.buffer[n][0].fg == "red" and not terminal.lines[n].startswith(cards)]
    if case.code in (ExitCode.LENGTH, ExitCode.REFUSED):
        assert not red and case.words in terminal.text
        return
    first, *more = red
    assert more == list(range(first + 1, first + 1 + len(more))), "the error is more than one line"
    assert case.words in " ".join(terminal.lines[n] for n in red), terminal.text
    below = terminal.lines[red[-1] + 1]
    assert any(way in below for way in ("Enter resends", "Alt-R retries")), terminal.text
    assert terminal.screen.buffer[red[-1] + 1][0].fg == "default"


def _check_saved(home: Path, texts: list[str]) -> None:
    """Check that every question and every received text is saved and no partial reply is left."""
    with closing(sqlite3.connect(home / STORE)) as store:
        kept = [decode_row(*found) for found in store.execute("SELECT message, author FROM nodes ORDER BY n")]
        assert store.execute("SELECT count(*) FROM partials").fetchone() == (0,)
    asked = [said.text for said in kept if not said.outcome and said.text.startswith("ask ")]
    assert len(asked) == len(CASES)
    said = [reply.text for reply in kept if reply.outcome]
    assert all(text in said for text in texts if text)


HANGING: dict[str, tuple[Answer, str]] = {
    "silence before the headers": (fault.silence(), "waiting for"),
    "slow headers": (WORDS.on(header_pace=0.2), "waiting for"),
    "silence after words": (WORDS.after(2, fault.stall()), "one twö"),
    "pings after words": (WORDS.after(2, fault.stall(keep_alive="ping")), "one twö"),
    "another try in half a minute": (fault.status(429, retry_after="29"), "retrying in"),
}


@pytest.mark.timeout(200)
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_repl_esc_stops_hanging_turn(gateway_thread: Gateway, tmp_path: Path, protocol: ApiProtocol) -> None:
    gateway = gateway_thread
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        repl_session(
            gateway,
            tmp_path,
            protocol,
            provider("silent", f"https://127.0.0.1:{silent.getsockname()[1]}", protocol),
        ) as repl,
    ):
        for number, (answer, shown) in enumerate(HANGING.values()):
            before, question = len(gateway.asked), f"ask {number}"
            gateway.reply(answer)
            repl.ask(question)
            repl.terminal.until(lambda n=before: len(gateway.asked) > n, DEADLINE)
            repl.terminal.until(lambda shown=shown, q=question: any(shown in line for line in repl.since(q)), DEADLINE)
            repl.terminal.send(ESC)
            repl.terminal.until(
                lambda q=question: any(line.startswith("■ stopped") for line in repl.since(q)), DEADLINE
            )
            (request,) = gateway.asked[before:]
            if shown != "retrying in":
                request.wait_closed_blocking(DEADLINE)
            repl.terminal.send(CLEAR)
            repl.answered(number, waits=shown == "retrying in")  # the retry delay applies to the whole provider
        repl.use("silent")
        repl.ask("ask silent")
        silent.settimeout(DEADLINE)
        reached, _ = silent.accept()
        with reached:
            reached.settimeout(DEADLINE)
            assert reached.recv(10_000)  # the client hello
            repl.terminal.send(ESC)
            repl.terminal.until(lambda: any("■ stopped" in line for line in repl.since("ask silent")), DEADLINE)
            while reached.recv(10_000):
                pass
        repl.terminal.send(CLEAR)
        repl.answered(99)
