"""Run every fault through a script: standard output and error, tries, exit code, saved chat, the next question.

Every case is a process, from its command line to its exit code, and so is the next question. The module fixture runs
all chosen cases concurrently before the first test.
"""

from __future__ import annotations

import asyncio
import json
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from termchat.core.messages import Message
from termchat.core.models import ApiProtocol
from termchat.core.outcomes import ExitCode, Outcome
from termchat.store.messages import decode_row
from tests.faults.preloaded import ForkServer, Ran
from tests.faults.support import STORE, configure, provider
from tests.faults.table import FAULTS, OK, row
from tests.gateway import Gateway, GatewayThread, RecordedRequest
from tests.providers.support import KEY, MODELS, PROTOCOLS

pytestmark = pytest.mark.xdist_group("scripts")
OUTCOMES = {
    ExitCode.COMPLETE: (Outcome.COMPLETE,),
    ExitCode.LENGTH: (Outcome.LENGTH,),
    ExitCode.REFUSED: (Outcome.FILTERED, Outcome.REFUSED),
    ExitCode.CUT: (Outcome.CUT,),
    ExitCode.STALLED: (Outcome.STALLED,),
    ExitCode.DENIED: (Outcome.COMPLETE,),  # the last reply is complete, its tool calls exceed the limit
}
MARKS = {
    ExitCode.CUT: "the reply was cut off",
    ExitCode.STALLED: "timed out",
    ExitCode.DENIED: "stopped at a limit",
}
CASES = [(name, protocol) for name in FAULTS for protocol in PROTOCOLS]


@dataclass(frozen=True)
class CaseResult:
    """One case: the process with the fault, its saved chat, and the process with the next question.

    asked       the requests of the first process
    saved       the messages in the chat database
    file        a dump of the database
    unfinished  the number of partial replies in the database
    after       the requests of the second process
    """

    first: Ran
    asked: list[RecordedRequest]
    saved: list[Message]
    file: bytes
    unfinished: int
    then: Ran
    after: list[RecordedRequest]


@pytest.fixture(scope="module")
def results(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[object, CaseResult]]:
    """Run the chosen cases; return their results by name and protocol."""
    items = [
        getattr(item, "callspec", None)
        for item in request.session.items
        if getattr(item, "module", None) is request.module
    ]
    chosen = {(item.params["name"], item.params["protocol"]) for item in items if item}
    with GatewayThread() as gateway:
        yield asyncio.run(_run_cases(gateway, tmp_path_factory.mktemp("faults"), [c for c in CASES if c in chosen]))


async def _run_cases(gateway: Gateway, folder: Path, cases: list[tuple[str, ApiProtocol]]) -> dict[object, CaseResult]:
    async with ForkServer(folder) as fork_server:
        found = await asyncio.gather(*(_run_case(fork_server, gateway, folder, *case) for case in cases))
    return dict(zip(cases, found, strict=True))


async def _run_case(
    fork_server: ForkServer, gateway: Gateway, folder: Path, name: str, protocol: ApiProtocol
) -> CaseResult:
    case, model = row(name, protocol), f"{MODELS[protocol]}-{protocol.value}-{list(FAULTS).index(name)}"
    home = folder / model
    rows = provider("it", case.address(gateway.url), protocol, case.key, short_timeouts=case.hangs)
    configure(home, rows, provider("well", gateway.url, protocol))
    env = {"HOME": str(home), "LANG": "C"}
    gateway.reply(*case.answers, model=model)
    first = await fork_server.run(["-m", f"it/{model}", "--tools", "read", "hello"], env, home)
    asked = [found for found in gateway.asked if found.model == model]
    with closing(sqlite3.connect(home / STORE)) as store:
        chat = store.execute("SELECT id FROM chats").fetchone()[0]
        rows = store.execute("SELECT message, author FROM nodes ORDER BY n").fetchall()
        unfinished = store.execute("SELECT count(*) FROM partials").fetchone()[0]
        file = "\n".join(store.iterdump()).encode("utf-8", "surrogateescape")
    gateway.reply(OK, model=model)
    then = await fork_server.run(
        ["-m", f"{'it' if case.asked else 'well'}/{model}", "--chat", chat, "and now?"], env, home
    )
    after = [found for found in gateway.asked if found.model == model][len(asked) :]
    return CaseResult(first, asked, [decode_row(*found) for found in rows], file, unfinished, then, after)


@pytest.mark.timeout(1200)  # the first test runs all cases
@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("name", FAULTS)
def test_oneshot_fault_matches_table_row(results: dict[object, CaseResult], name: str, protocol: ApiProtocol) -> None:
    case, it = row(name, protocol), results[name, protocol]

    assert it.first.code == case.code, it.first.err
    assert it.first.out == case.text.encode()
    assert len(it.asked) == case.asked
    _check_words(it.first.err, case.words or MARKS.get(case.code, ""))
    assert len(re.findall(r"Retrying in", it.first.err)) == case.retries
    assert MARKS.get(case.code, "") in it.first.err

    question, *rest = it.saved
    replies = [said for said in rest if said.outcome]
    assert question.text == "hello"
    assert "".join(reply.text for reply in replies) == case.text
    assert not replies or replies[-1].outcome in OUTCOMES[case.code]
    assert bool(replies) == bool(case.text or case.code is ExitCode.DENIED)
    assert not it.unfinished
    assert _ids(call.id for said in rest for call in said.calls if call.complete) == _ids(
        result.call_id for said in rest for result in said.results
    )
    assert KEY.encode() not in it.file

    assert (it.then.code, it.then.out, it.then.err) == (0, b"ok", "")
    assert [found.problems for found in (*it.asked, *it.after)] == [[]] * (case.asked + 1)
    sent = json.dumps(it.after[0].body, ensure_ascii=False)
    assert ("hello" in sent) == bool(replies)  # a question without a reply is not in the context
    assert case.text in sent or not replies


def _check_words(said: str, words: str) -> None:
    """Check that standard error is a few short plain lines with the message, without key or traceback."""
    assert words in said
    assert KEY not in said
    assert not re.search(r"Traceback|<html|<!DOCTYPE|\bException\b|JSONDecodeError", said)
    assert not set(said) & set("\x1b\x7f\r")
    lines = said.splitlines()
    assert all(line.startswith("termchat: ") and len(line) < 600 for line in lines)
    assert len(lines) < 12


def _ids(found: Iterator[str]) -> list[str]:
    return sorted(found)
