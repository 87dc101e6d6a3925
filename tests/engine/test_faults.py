"""The fault matrix: what a network and a server can do, in all four protocols.

For each: the outcome with its exit code, the words, the tries, what is kept, that Esc would have worked is in
`test_cancel`, and that the conversation goes on with a request nobody can refuse.
"""

from __future__ import annotations

import gzip
import tracemalloc
from dataclasses import dataclass
from typing import Any

import pytest

from termchat.core.errors import exit_code
from termchat.core.events import MessageDone, Retrying, Streamed
from termchat.core.messages import Author
from termchat.core.models import Protocol, Timeouts
from termchat.core.outcomes import Exit, Outcome
from tests.engine.house import ask, ended, said, session
from tests.gateway import Call, Finish, Gateway, Quirk, Reply, Text, fault
from tests.gateway.answers import Answer
from tests.providers.house import KEY, SPEECHES

C, R, A, G = SPEECHES
QUICK = Timeouts(connect=2, first=0.4, idle=0.4, silent=0.8)
WORDS = Reply.text("one twö three four five")
OK = Reply.text("ok")


@dataclass(frozen=True)
class Fault:
    """What happens, and what the user has of it.

    tries     requests that reach the server
    text      what is shown and kept
    words     what the failure's sentence says
    """

    answers: tuple[Answer, ...]
    code: Exit
    tries: int = 1
    text: str = ""
    words: str = ""
    outcome: Outcome | None = None


def forever(answer: Answer, tries: int = 3) -> tuple[Answer, ...]:
    return (answer,) * tries


def cut(break_: Any, after: int = 2) -> Fault:
    text = "one twö three four five"[: len("one twö ") if after == 2 else 0]
    return Fault((WORDS.after(after, break_),), Exit.CUT, text=text, words="", outcome=Outcome.CUT)


BOMB = gzip.compress(b"data: " + b"x" * 50_000_000)
PACKED = (("content-encoding", "gzip"),)
GARBAGE = fault.Body(b"\x00\xff\xfe garbage \x80" * 50, "application/octet-stream")
IDS = Reply(Call("look", {"city": "Köln"}, id="x"), Call("look", {"city": "Bonn"}, id="x"))

FAULTS: dict[str, Fault] = {
    "reset before the first byte": Fault(forever(fault.reset()), Exit.ERROR, 3, words="Cannot reach"),
    "closed before the first byte": Fault(forever(fault.close()), Exit.ERROR, 3, words="Cannot reach"),
    **{
        f"{code}": Fault((fault.status(code),), Exit.ERROR, words=str(code)) for code in (400, 404, 413, 422)
    },
    **{f"{code}": Fault((fault.status(code, echo_key=True),), Exit.NO_KEY, words=str(code)) for code in (401, 403)},
    **{
        f"{code}, then ok": Fault((fault.status(code), OK), Exit.COMPLETE, 2, "ok")
        for code in (408, 409, 429, 500, 502, 503, 529)
    },
    **{
        f"{code} for ever": Fault(forever(fault.status(code)), Exit.ERROR, 3, words=str(code))
        for code in (408, 409, 500, 502)
    },
    **{
        f"{code} for ever": Fault(forever(fault.status(code)), Exit.TRY_LATER, 3, words=str(code))
        for code in (429, 503, 529)
    },
    "retry-after in seconds": Fault((fault.status(429, retry_after="2"), OK), Exit.COMPLETE, 2, "ok"),
    "retry-after of an hour": Fault((fault.status(429, retry_after="3600"),), Exit.TRY_LATER, words="3600 s"),
    "retry-after hostile": Fault((fault.status(429, retry_after="1e400"),), Exit.TRY_LATER, words="It asks to wait"),
    "retry-after nonsense": Fault((fault.status(429, retry_after="\x7fsoon"), OK), Exit.COMPLETE, 2, "ok"),
    "502 as a page": Fault(forever(fault.html(502)), Exit.ERROR, 3, words="502"),
    "200 as a page": Fault((fault.html_200(),), Exit.ERROR, words="a web page, not an API reply"),
    "200 and empty": Fault((fault.empty_200(),), Exit.ERROR, words="an empty body"),
    "clean end": cut(fault.cut()),
    "closed": cut(fault.fin()),
    "reset": cut(fault.rst()),
    "closed inside a character": cut(fault.fin("utf8"), 0),
    "reset inside JSON": cut(fault.rst("json")),
    "clean end inside JSON": cut(fault.cut("json")),
    "error event": cut(fault.error_event(529)),
    "error event as gateways send it": cut(fault.error_event(500, form="nested")),
    "cut inside the arguments of a call": Fault(
        (Reply(Text("I look."), Call("look", pieces=('{"ci', 'ty":"Köln"}'))).after(2, fault.fin()),),
        Exit.CUT, text="I look.", outcome=Outcome.CUT,
    ),
    "silence before the headers": Fault((fault.silence(),), Exit.STALLED, words="No data for 0.4 s"),
    "silence after words": Fault((WORDS.after(2, fault.stall()),), Exit.STALLED, text="one twö ", words="No data"),
    "headers at a snail's pace": Fault((WORDS.on(header_pace=0.05),), Exit.STALLED, words="No data for 0.4 s"),
    "pings alone": Fault(
        (Reply(Text("one "), fault.stall(keep_alive="comment")),), Exit.STALLED, text="one ", words="No data for 0.8 s"
    ),
    "slow but alive": Fault((WORDS.on(pace=0.06),), Exit.COMPLETE, text="one twö three four five"),
    "comments between the words": Fault((WORDS.on(comments=True, ids=True),), Exit.COMPLETE, text=WORDS.words),
    "garbage": Fault((GARBAGE,), Exit.ERROR, words="not an API reply"),
    "another service": Fault(forever(fault.not_http()), Exit.ERROR, 3, words="Cannot reach"),
    "broken JSON in an event": Fault((Reply(Text("one "), fault.garbage(), Text("two")),), Exit.CUT, text="one "),
    "a line without end": Fault((Reply(Text("one "), fault.huge_line()),), Exit.CUT, text="one "),
    "a gzip bomb": Fault((fault.Body(BOMB, "text/event-stream", PACKED),), Exit.ERROR, words="cannot be read"),
    "a gzip bomb as an error": Fault(
        forever(fault.Status(500, body=BOMB, headers=PACKED)), Exit.ERROR, 3, words="500"
    ),
    "an error of five megabytes": Fault((fault.big_error(400),), Exit.ERROR, words="400"),
    "a chunk of a megabyte": Fault((Reply.text("x" * 1_000_000),), Exit.COMPLETE, text="x" * 1_000_000),
    "five thousand tiny chunks": Fault((Reply(Text(*"x" * 5000)),), Exit.COMPLETE, text="x" * 5000),
    "byte by byte": Fault((WORDS.on(split=1),), Exit.COMPLETE, text=WORDS.words),
    "gzip": Fault((WORDS.on(gzip=True),), Exit.COMPLETE, text=WORDS.words),
    "CRLF": Fault((WORDS.on(line_end="\r\n"),), Exit.COMPLETE, text=WORDS.words),
    "unknown events": Fault((WORDS.like(Quirk.UNKNOWN_EVENTS),), Exit.COMPLETE, text=WORDS.words),
    "no usage": Fault((WORDS.like(Quirk.NO_USAGE),), Exit.COMPLETE, text=WORDS.words),
    "no [DONE]": Fault((WORDS.like(Quirk.NO_DONE),), Exit.COMPLETE, text=WORDS.words),
    "null choices": Fault((WORDS.like(Quirk.NULL_CHOICES, Quirk.NULL_CANDIDATES),), Exit.COMPLETE, text=WORDS.words),
    "unknown tool": Fault((Reply(Call("nothing")), OK), Exit.COMPLETE, 2, "ok"),
    "wrong types for a tool": Fault((Reply(Call("count", {"to": "x"})), OK), Exit.COMPLETE, 2, "ok"),
    "two calls of one id": Fault((IDS, OK), Exit.COMPLETE, 2, "ok"),
    "a tool loop": Fault((Reply(Call("look", {"city": "Köln"})),) * 3, Exit.DENIED, 3, words="Stopped after 3 rounds"),
    "empty": Fault((Reply(),), Exit.ERROR, words="empty reply"),
    "length": Fault((Reply(Text("one "), finish=Finish.LENGTH),), Exit.LENGTH, text="one "),
    "filter": Fault((Reply(Text("one "), finish=Finish.CONTENT_FILTER),), Exit.REFUSED, text="one "),
    "redirect to another origin": Fault((fault.redirect("http://127.0.0.1:9/"),), Exit.ERROR, words="redirects"),
    "redirect loop": Fault((fault.redirect_loop(),), Exit.ERROR, words="redirects"),
}  # fmt: skip


@pytest.mark.parametrize("speech", SPEECHES)
@pytest.mark.parametrize("name", FAULTS)
async def test_the_matrix(gateway: Gateway, speech: Protocol, name: str) -> None:
    case = FAULTS[name]
    if name == "retry-after nonsense" and speech is G:
        case = FAULTS["retry-after in seconds"]
    gateway.reply(*case.answers)
    async with session(gateway, speech, timeouts=QUICK, max_rounds=3) as talk:
        events = await ask(talk, "hello")
        end = ended(events)

        assert exit_code(end.outcome, end.failure) == case.code, end
        assert case.outcome in (None, end.outcome)
        assert len(gateway.asked) == case.tries
        assert said(events) == case.text
        told = f"{end.failure.message} {end.failure.hint}" if end.failure else ""
        assert case.words in told
        assert KEY not in told
        assert len(told) < 700
        assert not set(told) & set("\x1b\n\x7f<")
        retries = [e.delta for e in events if isinstance(e, Streamed) and isinstance(e.delta, Retrying)]
        rounds = sum(isinstance(e, MessageDone) and e.message.author is Author.TOOL for e in events)
        assert (
            len(retries) == case.tries - 1 - (rounds if case.code is Exit.COMPLETE else 0) or case.code is Exit.DENIED
        )
        kept = [e.message for e in events if isinstance(e, MessageDone) and e.message.author is Author.ASSISTANT]
        assert "".join(message.text for message in kept) == case.text
        assert end.outcome is Outcome.LIMIT or all(message.outcome is end.outcome for message in kept[-1:])

        gateway.forget()
        gateway.reply(OK)
        assert ended(await ask(talk, "and now?")).outcome is Outcome.COMPLETE


@pytest.mark.parametrize("speech", SPEECHES)
@pytest.mark.parametrize("name", ["a gzip bomb", "a gzip bomb as an error", "a line without end"])
async def test_memory_stays_bounded(gateway: Gateway, speech: Protocol, name: str) -> None:
    gateway.reply(OK, *FAULTS[name].answers)
    async with session(gateway, speech) as talk:
        await ask(talk, "load what is needed")
        tracemalloc.start()
        try:
            await ask(talk, "hello")
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert peak < 160_000_000
