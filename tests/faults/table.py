"""The faults: what happens, and what the user has of it, whatever the protocol and the front end."""

from __future__ import annotations

import gzip
from dataclasses import dataclass, replace
from typing import Any

from termchat.core.models import ApiProtocol
from termchat.core.outcomes import ExitCode, Outcome
from tests.gateway import Call, Finish, Quirk, Reply, Text, fault
from tests.gateway.answers import Answer
from tests.providers.support import KEY, PROTOCOLS

C, R, A, G = PROTOCOLS
WORDS = Reply.text("one twö three four five")
OK = Reply.text("ok")


@dataclass(frozen=True)
class Fault:
    """One row.

    answers   what the server says, request by request
    code      the exit code of a script
    tries     how often it is asked
    text      what is shown and kept
    words     what the failure's sentence says
    outcome   how the reply ends, where the exit code does not tell
    hangs     it ends by the clocks alone
    base      where the provider is; another place than the gateway is asked in vain
    key       as the configuration has it
    """

    answers: tuple[Answer, ...] = ()
    code: ExitCode = ExitCode.ERROR
    tries: int = 1
    text: str = ""
    words: str = ""
    outcome: Outcome | None = None
    hangs: bool = False
    base: str = "{url}"
    key: str = KEY

    @property
    def asked(self) -> int:
        """How many requests reach the gateway."""
        return self.tries if self.base == "{url}" and self.key == KEY else 0

    @property
    def again(self) -> int:
        """How often it is said to be tried again: the rounds of tools are no tries."""
        rounds = sum(isinstance(answer, Reply) and bool(answer.calls) for answer in self.answers)
        return 0 if rounds else self.tries - 1

    def place(self, url: str) -> str:
        """The server's address, without a path."""
        return self.base.format(url=url, port=url.rpartition(":")[2])


def forever(answer: Answer, tries: int = 3) -> tuple[Answer, ...]:
    return (answer,) * tries


def cut(break_: Any, after: int = 2, words: str = "the reply is incomplete") -> Fault:
    text = "one twö three four five"[: len("one twö ") if after == 2 else 0]
    return Fault((WORDS.after(after, break_),), ExitCode.CUT, text=text, words=words, outcome=Outcome.CUT)


def cured(*answers: Answer) -> Fault:
    """At last the reply comes."""
    return Fault((*answers, OK), ExitCode.COMPLETE, len(answers) + 1, "ok")


def fine(reply: Reply) -> Fault:
    """Odd, and nothing is wrong with it."""
    return Fault((reply,), ExitCode.COMPLETE, text=reply.words)


def stalled(answer: Answer, text: str = "") -> Fault:
    return Fault((answer,), ExitCode.STALLED, text=text, words="No data for", hangs=True)


BOMB = gzip.compress(b"data: " + b"x" * 50_000_000)
PACKED = (("content-encoding", "gzip"),)
GARBAGE = fault.Body(b"\x00\xff\xfe garbage \x80" * 50, "application/octet-stream")
IDS = Reply(Call("calculate", {"expression": "1+1"}, id="x"), Call("calculate", {"expression": "2+2"}, id="x"))
IN_A_CALL = Reply(Text("I count."), Call("calculate", pieces=('{"expr', 'ession":"1+1"}')))
LOOP = Reply(Call("calculate", {"expression": "1+1"}))

FAULTS: dict[str, Fault] = {
    "name unknown": Fault(tries=3, words="DNS lookup failed", base="https://models.invalid"),
    "connection refused": Fault(tries=3, words="connection refused", base="http://127.0.0.1:1"),
    "reset before the first byte": Fault(forever(fault.reset()), tries=3, words="Cannot reach"),
    "closed before the first byte": Fault(forever(fault.close()), tries=3, words="Cannot reach"),
    "no TLS there": Fault(words="TLS", base="https://127.0.0.1:{port}"),
    "no key": Fault(code=ExitCode.NO_KEY, words="NOT_THERE", key="env:NOT_THERE"),
    **{f"{code}": Fault((fault.status(code),), words=str(code)) for code in (400, 404, 413, 422)},
    **{f"{code}": Fault((fault.status(code, echo_key=True),), ExitCode.NO_KEY, words=str(code)) for code in (401, 403)},
    **{f"{code}, then ok": cured(fault.status(code)) for code in (408, 409, 429, 500, 502, 503, 529)},
    **{
        f"{code} for ever": Fault(forever(fault.status(code)), ExitCode.ERROR, 3, words=str(code))
        for code in (408, 409, 500, 502)
    },
    **{
        f"{code} for ever": Fault(forever(fault.status(code)), ExitCode.TRY_LATER, 3, words=str(code))
        for code in (429, 503, 529)
    },
    "retry-after in seconds": cured(fault.status(429, retry_after="2")),
    "retry-after of an hour": Fault((fault.status(429, retry_after="3600"),), ExitCode.TRY_LATER, words="3600 s"),
    "retry-after hostile": Fault((fault.status(429, retry_after="1e400"),), ExitCode.TRY_LATER, words="The server asks to wait"),  # noqa: E501
    "retry-after nonsense": cured(fault.status(429, retry_after="\x7fsoon")),
    "502 as a page": Fault(forever(fault.html(502)), tries=3, words="502"),
    "200 as a page": Fault((fault.html_200(),), words="a web page, not an API reply"),
    "200 and empty": Fault((fault.empty_200(),), words="an empty body"),
    "200 as an error": Fault(forever(fault.json_error_200()), tries=3, words=" answered "),
    "clean end": cut(fault.cut()),
    "closed": cut(fault.fin()),
    "reset": cut(fault.rst()),
    "closed inside a character": cut(fault.fin("utf8"), 0),
    "reset inside JSON": cut(fault.rst("json")),
    "clean end inside JSON": cut(fault.cut("json")),
    "error event": cut(fault.error_event(529), words=""),
    "error event as gateways send it": cut(fault.error_event(500, form="nested"), words=" answered "),
    "cut inside the arguments of a call": Fault(
        (IN_A_CALL.after(2, fault.fin()),), ExitCode.CUT, text="I count.", words="incomplete", outcome=Outcome.CUT
    ),
    "silence before the headers": stalled(fault.silence()),
    "silence after words": stalled(WORDS.after(2, fault.stall()), "one twö "),
    "headers at a snail's pace": stalled(WORDS.on(header_pace=0.05)),
    "pings alone": stalled(Reply(Text("one "), fault.stall(keep_alive="comment")), "one "),
    "slow but alive": fine(WORDS.on(pace=0.06)),
    "comments between the words": fine(WORDS.on(comments=True, ids=True)),
    "garbage": Fault((GARBAGE,), words="not an API reply"),
    "an encoding nobody knows": Fault((fault.unknown_encoding(),), words="not an API reply"),
    "another service": Fault(forever(fault.not_http()), tries=3, words="Cannot reach"),
    "broken JSON in an event": Fault(
        (Reply(Text("one "), fault.garbage(), Text("two")),), ExitCode.CUT, text="one ", words="invalid data"
    ),
    "a line without end": Fault((Reply(Text("one "), fault.huge_line()),), ExitCode.CUT, text="one ", words="cannot be"),  # noqa: E501
    "a gzip bomb": Fault((fault.Body(BOMB, "text/event-stream", PACKED),), words="invalid data"),
    "a gzip bomb as an error": Fault(forever(fault.Status(500, body=BOMB, headers=PACKED)), tries=3, words="500"),
    "an error of five megabytes": Fault((fault.big_error(400),), words="400"),
    "a chunk of a megabyte": fine(Reply.text("x" * 1_000_000)),
    "five thousand tiny chunks": fine(Reply(Text(*"x" * 5000))),
    "byte by byte": fine(WORDS.on(split=1)),
    "gzip": fine(WORDS.on(gzip=True)),
    "CRLF": fine(WORDS.on(line_end="\r\n")),
    "unknown events": fine(WORDS.like(Quirk.UNKNOWN_EVENTS)),
    "no usage": fine(WORDS.like(Quirk.NO_USAGE)),
    "no [DONE]": fine(WORDS.like(Quirk.NO_DONE)),
    "null choices": fine(WORDS.like(Quirk.NULL_CHOICES, Quirk.NULL_CANDIDATES)),
    "unknown tool": cured(Reply(Call("nothing"))),
    "wrong types for a tool": cured(Reply(Call("calculate", {"expression": [1]}))),
    "arguments that are no JSON": cured(Reply(Call("calculate", '{"expression": '))),
    "two calls of one id": cured(IDS),
    "a tool loop": Fault(forever(LOOP), ExitCode.DENIED, 3, words="Stopped after 3 rounds"),
    "empty": Fault((Reply(),), words="empty reply"),
    "length": Fault((Reply(Text("one "), finish=Finish.LENGTH),), ExitCode.LENGTH, text="one "),
    "filter": Fault((Reply(Text("one "), finish=Finish.CONTENT_FILTER),), ExitCode.REFUSED, text="one "),
    "redirect to another origin": Fault((fault.redirect("http://127.0.0.1:9/"),), words="redirects"),
    "redirect loop": Fault((fault.redirect_loop(),), words="redirects"),
}  # fmt: skip


# Gemini says in the body what others say in the header, and its arguments are values.
_GEMINI = {
    "retry-after nonsense": "retry-after in seconds",
    "arguments that are no JSON": "wrong types for a tool",
}


def row(name: str, speech: ApiProtocol) -> Fault:
    """A row as it is in one protocol."""
    found = FAULTS[_GEMINI.get(name, name) if speech is G else name]
    if found.code is ExitCode.LENGTH or found.code is ExitCode.REFUSED:
        return replace(found, words=_marks(found.code, speech))
    return found


def _marks(code: ExitCode, speech: ApiProtocol) -> str:
    return "token limit" if code is ExitCode.LENGTH else "declined" if speech is A else "filter"
