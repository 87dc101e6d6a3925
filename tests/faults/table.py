"""The fault table: the answers of the server and the result expected in every protocol and front end."""

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

    answers   the answers of the server, one per request
    code      the exit code of a script
    tries     the number of requests that termchat makes
    text      the reply that is shown and saved
    words     a part of the error message
    outcome   the outcome of the reply where several have this exit code
    changes   the number of tries that changed a refused request, which are no retries
    hangs     True if only a timeout ends the request
    base      the base URL of the provider; `{url}` and `{port}` are those of the gateway
    key       the key in the configuration
    """

    answers: tuple[Answer, ...] = ()
    code: ExitCode = ExitCode.ERROR
    tries: int = 1
    text: str = ""
    words: str = ""
    outcome: Outcome | None = None
    changes: int = 0
    hangs: bool = False
    base: str = "{url}"
    key: str = KEY

    @property
    def asked(self) -> int:
        """The number of requests that reach the gateway."""
        return self.tries if self.base == "{url}" and self.key == KEY else 0

    @property
    def retries(self) -> int:
        """The number of retries that termchat reports; a further round of tools is not a retry."""
        rounds = sum(isinstance(answer, Reply) and bool(answer.calls) for answer in self.answers)
        return 0 if rounds else self.tries - 1 - self.changes

    def address(self, url: str) -> str:
        """Return the base URL of the provider, without a path."""
        return self.base.format(url=url, port=url.rpartition(":")[2])


def repeated(answer: Answer, tries: int = 3) -> tuple[Answer, ...]:
    """Return the same answer for every try."""
    return (answer,) * tries


def cut(break_: Any, after: int = 2, words: str = "the reply is incomplete") -> Fault:
    """Return a reply that `break_` interrupts after some deltas."""
    text = "one twö three four five"[: len("one twö ") if after == 2 else 0]
    return Fault((WORDS.after(after, break_),), ExitCode.CUT, text=text, words=words, outcome=Outcome.CUT)


def recovers(*answers: Answer) -> Fault:
    """Return answers that are retried until a reply arrives."""
    return Fault((*answers, OK), ExitCode.COMPLETE, len(answers) + 1, "ok")


def repairs(*answers: Answer) -> Fault:
    """Return refusals of a part of the request, each of which leads to another request without it."""
    return replace(recovers(*answers), changes=len(answers))


def completes(reply: Reply) -> Fault:
    """Return an unusual but valid reply, which completes."""
    return Fault((reply,), ExitCode.COMPLETE, text=reply.words)


def stalled(answer: Answer, text: str = "") -> Fault:
    """Return an answer that a timeout ends as stalled."""
    return Fault((answer,), ExitCode.STALLED, text=text, words="No data for", hangs=True)


BOMB = gzip.compress(b"data: " + b"x" * 50_000_000, 1)
PACKED = (("content-encoding", "gzip"),)
GARBAGE = fault.Body(b"\x00\xff\xfe garbage \x80" * 50, "application/octet-stream")
IDS = Reply(Call("calculate", {"expression": "1+1"}, id="x"), Call("calculate", {"expression": "2+2"}, id="x"))
IN_A_CALL = Reply(Text("I count."), Call("calculate", pieces=('{"expr', 'ession":"1+1"}')))
LOOP = Reply(Call("calculate", {"expression": "1+1"}))

FAULTS: dict[str, Fault] = {
    "name unknown": Fault(tries=3, words="DNS lookup failed", base="https://models.invalid"),
    "connection refused": Fault(tries=3, words="connection refused", base="http://127.0.0.1:1"),
    "reset before the first byte": Fault(repeated(fault.reset()), tries=3, words="Cannot reach"),
    "closed before the first byte": Fault(repeated(fault.close()), tries=3, words="Cannot reach"),
    "no TLS there": Fault(words="TLS", base="https://127.0.0.1:{port}"),
    "no key": Fault(code=ExitCode.NO_KEY, words="NOT_THERE", key="env:NOT_THERE"),
    **{f"{code}": Fault((fault.status(code),), words=str(code)) for code in (400, 404, 413, 422)},
    **{f"{code}": Fault((fault.status(code, echo_key=True),), ExitCode.NO_KEY, words=str(code)) for code in (401, 403)},
    **{f"{code}, then ok": recovers(fault.status(code)) for code in (408, 409, 429, 500, 502, 503, 529)},
    **{
        f"{code} always": Fault(repeated(fault.status(code)), ExitCode.ERROR, 3, words=str(code))
        for code in (408, 409, 500, 502)
    },
    **{
        f"{code} always": Fault(repeated(fault.status(code)), ExitCode.TRY_LATER, 3, words=str(code))
        for code in (429, 503, 529)
    },
    "retry-after in seconds": recovers(fault.status(429, retry_after="2")),
    "retry-after of an hour": Fault((fault.status(429, retry_after="3600"),), ExitCode.TRY_LATER, words="3600 s"),
    "retry-after hostile": Fault((fault.status(429, retry_after="1e400"),), ExitCode.TRY_LATER, words="The server asks to wait"),  # noqa: E501
    "retry-after nonsense": recovers(fault.status(429, retry_after="\x7fsoon")),
    "502 as a page": Fault(repeated(fault.html(502)), tries=3, words="502"),
    "200 as a page": Fault((fault.html_200(),), words="a web page, not an API reply"),
    "200 and empty": Fault((fault.empty_200(),), words="an empty body"),
    "200 as an error": Fault(repeated(fault.json_error_200()), tries=3, words=" answered "),
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
    "slow headers": stalled(WORDS.on(header_pace=0.05)),
    "pings alone": stalled(Reply(Text("one "), fault.stall(keep_alive="comment")), "one "),
    "slow but alive": completes(WORDS.on(pace=0.06)),
    "comments between the words": completes(WORDS.on(comments=True, ids=True)),
    "garbage": Fault((GARBAGE,), words="not an API reply"),
    "unknown encoding": Fault((fault.unknown_encoding(),), words="not an API reply"),
    "another service": Fault(repeated(fault.not_http()), tries=3, words="Cannot reach"),
    "broken JSON in an event": Fault(
        (Reply(Text("one "), fault.garbage(), Text("two")),), ExitCode.CUT, text="one ", words="invalid data"
    ),
    "a line without end": Fault((Reply(Text("one "), fault.huge_line()),), ExitCode.CUT, text="one ", words="not an API"),  # noqa: E501
    "a gzip bomb": Fault((fault.Body(BOMB, "text/event-stream", PACKED),), words="invalid data"),
    "a gzip bomb as an error": Fault(repeated(fault.Status(500, body=BOMB, headers=PACKED)), tries=3, words="500"),
    "an error of five megabytes": Fault((fault.big_error(400),), words="400"),
    "a chunk of a megabyte": completes(Reply.text("x" * 1_000_000)),
    "five thousand tiny chunks": completes(Reply(Text(*"x" * 5000))),
    "byte by byte": completes(WORDS.on(split=1)),
    "gzip": completes(WORDS.on(gzip=True)),
    "CRLF": completes(WORDS.on(line_end="\r\n")),
    "unknown events": completes(WORDS.like(Quirk.UNKNOWN_EVENTS)),
    "tools refused": repairs(fault.status(400, "This model does not support tools.")),
    "tools refused with 500": repairs(fault.status(500, "tools param requires --jinja flag")),
    "400 that says api_error": Fault((fault.Status(400, body=b'{"error": {"type": "api_error"}}'),), words="400"),
    "no retry by header": Fault((fault.status(500, headers={"x-should-retry": "false"}),), words="500"),
    "full context told with 500": Fault(
        (fault.status(500, "the request exceeds the available context size"),), words="Too long for"
    ),
    "no usage": completes(WORDS.like(Quirk.NO_USAGE)),
    "no [DONE]": completes(WORDS.like(Quirk.NO_DONE)),
    "null choices": completes(WORDS.like(Quirk.NULL_CHOICES, Quirk.NULL_CANDIDATES)),
    "unknown tool": recovers(Reply(Call("nothing"))),
    "wrong types for a tool": recovers(Reply(Call("calculate", {"expression": [1]}))),
    "arguments that are no JSON": recovers(Reply(Call("calculate", '{"expression": '))),
    "two calls of one id": recovers(IDS),
    "a tool loop": Fault(repeated(LOOP), ExitCode.DENIED, 3, words="Stopped after 3 rounds"),
    "empty": Fault((Reply(),), words="empty reply"),
    "length": Fault((Reply(Text("one "), finish=Finish.LENGTH),), ExitCode.LENGTH, text="one "),
    "filter": Fault((Reply(Text("one "), finish=Finish.CONTENT_FILTER),), ExitCode.REFUSED, text="one "),
    "redirect to another origin": Fault((fault.redirect("http://127.0.0.1:9/"),), words="redirects"),
    "redirect loop": Fault((fault.redirect_loop(),), words="redirects"),
}  # fmt: skip


# Gemini has the retry delay in the body, not in a header, and tool arguments as JSON values, not as text.
_GEMINI = {
    "retry-after nonsense": "retry-after in seconds",
    "arguments that are no JSON": "wrong types for a tool",
}


def row(name: str, protocol: ApiProtocol) -> Fault:
    """Return a row of FAULTS, adapted to the protocol. Raises KeyError for an unknown name."""
    found = FAULTS[_GEMINI.get(name, name) if protocol is G else name]
    if found.code is ExitCode.LENGTH or found.code is ExitCode.REFUSED:
        return replace(found, words=_marks(found.code, protocol))
    return found


def _marks(code: ExitCode, protocol: ApiProtocol) -> str:
    return "token limit" if code is ExitCode.LENGTH else "declined" if protocol is A else "filter"
