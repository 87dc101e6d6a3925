"""The faults as a script meets them: standard output and error, tries, exit code, what is saved, and that it goes on.

Every case is a process of its own, from its command line to its exit code, and so is the question after it. They
run many at once before the first test looks at its own.
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
from termchat.store.messages import message
from tests.faults.preloaded import Ran, Warm
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
    ExitCode.DENIED: (Outcome.COMPLETE,),  # of the last reply: it was whole, its calls were one too many
}
MARKS = {
    ExitCode.CUT: "the reply was cut off",
    ExitCode.STALLED: "no data in time",
    ExitCode.DENIED: "stopped at a limit",
}
CASES = [(name, speech) for name in FAULTS for speech in PROTOCOLS]


@dataclass(frozen=True)
class Played:
    """One case: the script that met the fault, what its chat was then, and the script that asked after it."""

    first: Ran
    asked: list[RecordedRequest]
    saved: list[Message]
    file: bytes
    unfinished: int
    then: Ran
    after: list[RecordedRequest]


@pytest.fixture(scope="module")
def played(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[object, Played]]:
    """All cases that were chosen."""
    items = [
        getattr(item, "callspec", None)
        for item in request.session.items
        if getattr(item, "module", None) is request.module
    ]
    chosen = {(item.params["name"], item.params["speech"]) for item in items if item}
    with GatewayThread() as gateway:
        yield asyncio.run(_play(gateway, tmp_path_factory.mktemp("faults"), [c for c in CASES if c in chosen]))


async def _play(gateway: Gateway, folder: Path, cases: list[tuple[str, ApiProtocol]]) -> dict[object, Played]:
    async with Warm(folder) as warm:
        found = await asyncio.gather(*(_case(warm, gateway, folder, *case) for case in cases))
    return dict(zip(cases, found, strict=True))


async def _case(warm: Warm, gateway: Gateway, folder: Path, name: str, speech: ApiProtocol) -> Played:
    case, model = row(name, speech), f"{MODELS[speech]}-{speech.value}-{list(FAULTS).index(name)}"
    home = folder / model
    rows = provider("it", case.place(gateway.url), speech, case.key, hasty=case.hangs)
    configure(home, rows, provider("well", gateway.url, speech))
    env = {"HOME": str(home), "LANG": "C"}
    gateway.reply(*case.answers, model=model)
    first = await warm.run(["-m", f"it/{model}", "hello"], env, home)
    asked = [found for found in gateway.asked if found.model == model]
    with closing(sqlite3.connect(home / STORE)) as store:
        chat = store.execute("SELECT id FROM chats").fetchone()[0]
        rows = store.execute("SELECT message, author FROM nodes ORDER BY n").fetchall()
        unfinished = store.execute("SELECT count(*) FROM partials").fetchone()[0]
        file = "\n".join(store.iterdump()).encode("utf-8", "surrogateescape")
    gateway.reply(OK, model=model)
    then = await warm.run(["-m", f"{'it' if case.asked else 'well'}/{model}", "--chat", chat, "and now?"], env, home)
    after = [found for found in gateway.asked if found.model == model][len(asked) :]
    return Played(first, asked, [message(*found) for found in rows], file, unfinished, then, after)


@pytest.mark.timeout(400)  # the first test plays all cases
@pytest.mark.parametrize("speech", PROTOCOLS)
@pytest.mark.parametrize("name", FAULTS)
def test_oneshot_fault_matches_table_row(played: dict[object, Played], name: str, speech: ApiProtocol) -> None:
    case, it = row(name, speech), played[name, speech]

    assert it.first.code == case.code, it.first.err
    assert it.first.out == case.text.encode()
    assert len(it.asked) == case.asked
    _check_words(it.first.err, case.words or MARKS.get(case.code, ""))
    assert len(re.findall(r"Retrying in", it.first.err)) == case.again
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
    assert ("hello" in sent) == bool(replies)  # what got no answer is no longer above the head
    assert case.text in sent or not replies


def _check_words(said: str, words: str) -> None:
    """Plain lines for a person: what happened is there, and nothing that is nobody's business."""
    assert words in said
    assert KEY not in said
    assert not re.search(r"Traceback|<html|<!DOCTYPE|\bException\b|JSONDecodeError", said)
    assert not set(said) & set("\x1b\x7f\r")
    lines = said.splitlines()
    assert all(line.startswith("termchat: ") and len(line) < 600 for line in lines)
    assert len(lines) < 12


def _ids(found: Iterator[str]) -> list[str]:
    return sorted(found)
