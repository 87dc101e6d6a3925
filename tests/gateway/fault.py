"""Everything that can go wrong, one constructor each.

Two kinds. An answer that is no stream takes the place of a reply in the queue:

    gateway.reply(fault.status(429, retry_after="1"), Reply.text("ok"))

and an accident inside a stream is a step of a reply, or comes after k chunks of any reply:

    gateway.reply(Reply(Text("half"), fault.rst()))
    gateway.reply(reply.after(3, fault.cut(inside="utf8")))
"""

from __future__ import annotations

import time
import zlib
from dataclasses import dataclass
from email.utils import formatdate
from typing import Literal, TypeAlias

from tests.gateway.script import Cut, ErrorEvent, Garbage, Raw, Stall

HTML = b"""<!DOCTYPE html>
<html><head><title>502 Bad Gateway</title><script>alert("hello")</script></head>
<body><center><h1>502 Bad Gateway</h1></center><hr><center>nginx/1.27.4</center></body></html>
"""


@dataclass(frozen=True, slots=True)
class Status:
    """An HTTP error.

    body       vendor: its own JSON; html: a proxy's page; empty; or the bytes themselves
    message    in the vendor's JSON; empty: its usual words for this status
    kind       a finer code within the status: `quota`, `context`, `filter`, `key`
    echo_key   the message repeats the caller's key, as OpenAI's 401 does
    padding    as many bytes more in the message
    plain_next afterwards requests that do not stream are in order
    """

    code: int
    retry_after: str | None = None
    body: Literal["vendor", "html", "empty"] | bytes = "vendor"
    message: str = ""
    kind: str = ""
    echo_key: bool = False
    padding: int = 0
    plain_next: bool = False
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Drop:
    """No answer: the connection ends before any header."""

    how: Literal["fin", "rst"]


@dataclass(frozen=True, slots=True)
class Silence:
    """No answer, and the connection stays open until the client leaves."""


@dataclass(frozen=True, slots=True)
class Body:
    """A 200 with a body of its own; `error` is the vendor's error JSON."""

    data: bytes | Literal["error"]
    content_type: str
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Redirect:
    """Elsewhere: to a location, or to itself when that is empty."""

    code: int = 307
    location: str = ""


@dataclass(frozen=True, slots=True)
class NotHttp:
    """Bytes in place of a response, then the end."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Endless:
    """Bytes in place of a response: `start`, then `again` for ever, or until `most` bytes went out."""

    start: bytes
    again: bytes
    most: int = 100_000_000


Fault: TypeAlias = Status | Drop | Silence | Body | Redirect | NotHttp | Endless


def status(
    code: int,
    message: str = "",
    *,
    retry_after: str | None = None,
    kind: str = "",
    echo_key: bool = False,
    headers: dict[str, str] | None = None,
) -> Status:
    """An HTTP error with the vendor's own JSON; `retry_after` goes out as it is, a hostile one too."""
    pairs = tuple((headers or {}).items())
    return Status(code, retry_after, "vendor", message, kind, echo_key, headers=pairs)


def at(seconds: float) -> str:
    """A Retry-After that names the hour: so many seconds from now."""
    return formatdate(time.time() + seconds, usegmt=True)


def html(code: int = 502) -> Status:
    """A proxy's HTML page in place of the vendor's error."""
    return Status(code, body="html")


def bare(code: int) -> Status:
    """An HTTP error without a body."""
    return Status(code, body="empty")


def big_error(code: int = 500, size: int = 5_000_000) -> Status:
    """The vendor's error with a message of five megabytes."""
    return Status(code, padding=size)


def no_streaming() -> Status:
    """A server that refuses `stream: true`; afterwards it takes a request without it."""
    return Status(400, message="Streaming is not supported by this server.", plain_next=True)


def context_full() -> Status:
    """The conversation does not fit: each vendor's 400 for it."""
    return Status(400, kind="context")


def quota() -> Status:
    """No credit left."""
    return Status(429, kind="quota")


def bad_key() -> Status:
    """A refused key: 401, and the 400 that Gemini uses for it."""
    return Status(401, kind="key")


def reset() -> Drop:
    """The connection is reset once the request is read."""
    return Drop("rst")


def close() -> Drop:
    """The connection is closed in good order, without an answer."""
    return Drop("fin")


def silence() -> Silence:
    """A stall before the headers."""
    return Silence()


def html_200() -> Body:
    """A captive portal."""
    return Body(HTML, "text/html; charset=utf-8")


def empty_200() -> Body:
    """A stream in which nothing comes."""
    return Body(b"", "text/event-stream")


def json_error_200() -> Body:
    """An error body under the wrong status."""
    return Body("error", "application/json")


def gzip_bomb(size: int = 200_000_000) -> Body:
    """A small stream that unpacks to one line of 200 megabytes."""
    packer = zlib.compressobj(9, wbits=31)
    block = b"x" * 1_000_000
    packed = packer.compress(b"data: ") + b"".join(packer.compress(block) for _ in range(size // len(block)))
    return Body(packed + packer.flush(), "text/event-stream", (("content-encoding", "gzip"),))


def unknown_encoding() -> Body:
    """A stream in an encoding that no client has."""
    return Body(b"\x01\x02\x03", "text/event-stream", (("content-encoding", "x-lost"),))


def redirect(location: str, code: int = 307) -> Redirect:
    """To another origin."""
    return Redirect(code, location)


def redirect_loop(code: int = 307) -> Redirect:
    """To the same address, for ever."""
    return Redirect(code)


def not_http(data: bytes = b"SSH-2.0-OpenSSH_9.7\r\n") -> NotHttp:
    """Another service on this port."""
    return NotHttp(data)


_STREAM = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


def endless_headers() -> Endless:
    """Headers, and always one more."""
    return Endless(b"HTTP/1.1 200 OK\r\n", b"x-more: " + b"y" * 1000 + b"\r\n")


def endless_header() -> Endless:
    """One header whose value has no end."""
    return Endless(b"HTTP/1.1 200 OK\r\nx-more: ", b"y" * 64_000)


def endless_chunk_size() -> Endless:
    """A chunk whose length has no end."""
    return Endless(_STREAM, b"0" * 64_000)


def endless_line(start: bytes = b"data: ", again: bytes = b"x" * 64_000) -> Endless:
    """A body whose first line has no end; or whatever is said for ever."""
    return Endless(_STREAM + _chunk(start), _chunk(again))


def endless_data_lines() -> Endless:
    """One event of empty `data:` lines without end."""
    return endless_line(b"data:\n", b"data:\n" * 10_000)


def endless_json() -> Endless:
    """A whole reply in JSON, without its end."""
    return endless_line(b'{"x": "')


def endless_error(code: int = 400) -> Endless:
    """An error whose words have no end."""
    head = _STREAM.replace(b"200 OK", b"%d Error" % code).replace(b"text/event-stream", b"application/json")
    return Endless(head + _chunk(b'{"error": {"message": "'), _chunk(b"x" * 64_000))


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def cut(inside: Literal["json", "utf8"] | None = None) -> Cut:
    """The body ends properly, without a terminal event."""
    return Cut("end", inside)


def fin(inside: Literal["json", "utf8"] | None = None) -> Cut:
    """The connection closes within a chunked body; with `inside`, within a chunk."""
    return Cut("fin", inside)


def rst(inside: Literal["json", "utf8"] | None = None) -> Cut:
    """The connection is reset."""
    return Cut("rst", inside)


def stall(
    seconds: float | None = None, keep_alive: Literal["comment", "ping"] | None = None, every: float = 0.02
) -> Stall:
    """Nothing more comes, or only keep-alives, until the client leaves or for some seconds."""
    return Stall(seconds, keep_alive, every)


def error_event(
    status: int = 529, message: str = "", form: Literal["native", "nested", "bare"] = "native"
) -> ErrorEvent:
    """An error in mid-stream, in its documented form or as gateways send it."""
    return ErrorEvent(status, message, form)


def garbage() -> Garbage:
    """An event whose JSON is broken."""
    return Garbage()


def raw(data: bytes) -> Raw:
    """Any bytes."""
    return Raw(data)


def huge_line(size: int = 17_000_000) -> Raw:
    """One line longer than any client should keep; no line end follows."""
    return Raw(b'data: {"x": "' + b"x" * size)
