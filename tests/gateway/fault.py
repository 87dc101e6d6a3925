"""Faults, one constructor each.

There are two kinds. One replaces a reply in the queue:

    gateway.reply(fault.status(429, retry_after="1"), Reply.text("ok"))

The other occurs inside a stream, as a step of a reply or after k chunks of any reply:

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

    body       vendor: the vendor's JSON; html: a proxy's page; empty; or raw bytes
    message    in the vendor's JSON; empty: its usual message for this status
    kind       a more specific code within the status: `quota`, `context`, `filter`, `key`
    echo_key   the message repeats the caller's key, as OpenAI's 401 does
    padding    bytes added to the message
    plain_next accept requests without streaming from now on
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
    """Close or reset the connection before any header."""

    how: Literal["fin", "rst"]


@dataclass(frozen=True, slots=True)
class Silence:
    """Send no answer and keep the connection open until the client leaves."""


@dataclass(frozen=True, slots=True)
class Body:
    """A 200 with any body; `error` sends the vendor's error JSON."""

    data: bytes | Literal["error"]
    content_type: str
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Redirect:
    """A redirect to a location, or to the same path when it is empty."""

    code: int = 307
    location: str = ""


@dataclass(frozen=True, slots=True)
class NotHttp:
    """Bytes instead of an HTTP response, then the end."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Endless:
    """Bytes instead of a response: `start`, then `again` forever or up to `most` bytes."""

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
    """An HTTP error with the vendor's JSON; `retry_after` is sent unchanged, even when malformed."""
    pairs = tuple((headers or {}).items())
    return Status(code, retry_after, "vendor", message, kind, echo_key, headers=pairs)


def at(seconds: float) -> str:
    """A Retry-After date `seconds` from now."""
    return formatdate(time.time() + seconds, usegmt=True)


def html(code: int = 502) -> Status:
    """An HTTP error with a proxy's HTML page."""
    return Status(code, body="html")


def bare(code: int) -> Status:
    """An HTTP error without a body."""
    return Status(code, body="empty")


def big_error(code: int = 500, size: int = 5_000_000) -> Status:
    """The vendor's error with a message of five megabytes."""
    return Status(code, padding=size)


def no_streaming() -> Status:
    """A refusal of `stream: true`; later requests without it are accepted."""
    return Status(400, message="Streaming is not supported by this server.", plain_next=True)


def context_full() -> Status:
    """Each vendor's 400 for a conversation beyond the context window."""
    return Status(400, kind="context")


def quota() -> Status:
    """Each vendor's error for an exhausted quota."""
    return Status(429, kind="quota")


def bad_key() -> Status:
    """A refused key: 401, or 400 for Gemini."""
    return Status(401, kind="key")


def reset() -> Drop:
    """Reset the connection after reading the request."""
    return Drop("rst")


def close() -> Drop:
    """Close the connection after reading the request, without an answer."""
    return Drop("fin")


def silence() -> Silence:
    """Stall before the headers."""
    return Silence()


def html_200() -> Body:
    """A web page under 200, as a captive portal sends it."""
    return Body(HTML, "text/html; charset=utf-8")


def empty_200() -> Body:
    """An empty stream."""
    return Body(b"", "text/event-stream")


def json_error_200() -> Body:
    """The vendor's error body under 200."""
    return Body("error", "application/json")


def gzip_bomb(size: int = 200_000_000) -> Body:
    """A small gzip stream that expands to one line of 200 megabytes."""
    packer = zlib.compressobj(1, wbits=31)  # the best compression takes three times as long
    block = b"x" * 1_000_000
    packed = packer.compress(b"data: ") + b"".join(packer.compress(block) for _ in range(size // len(block)))
    return Body(packed + packer.flush(), "text/event-stream", (("content-encoding", "gzip"),))


def unknown_encoding() -> Body:
    """A stream with an unknown content encoding."""
    return Body(b"\x01\x02\x03", "text/event-stream", (("content-encoding", "x-lost"),))


def redirect(location: str, code: int = 307) -> Redirect:
    """A redirect to another origin."""
    return Redirect(code, location)


def redirect_loop(code: int = 307) -> Redirect:
    """A redirect to the same path, every time."""
    return Redirect(code)


def not_http(data: bytes = b"SSH-2.0-OpenSSH_9.7\r\n") -> NotHttp:
    """Bytes of another service on this port."""
    return NotHttp(data)


_STREAM = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


def endless_headers() -> Endless:
    """Headers without end."""
    return Endless(b"HTTP/1.1 200 OK\r\n", b"x-more: " + b"y" * 1000 + b"\r\n")


def endless_header() -> Endless:
    """One header with an endless value."""
    return Endless(b"HTTP/1.1 200 OK\r\nx-more: ", b"y" * 64_000)


def endless_chunk_size() -> Endless:
    """A chunk with an endless length field."""
    return Endless(_STREAM, b"0" * 64_000)


def endless_line(start: bytes = b"data: ", again: bytes = b"x" * 64_000) -> Endless:
    """A body with an endless first line, or with `again` repeated forever."""
    return Endless(_STREAM + _chunk(start), _chunk(again))


def endless_data_lines() -> Endless:
    """One event with endless empty `data:` lines."""
    return endless_line(b"data:\n", b"data:\n" * 10_000)


def endless_json() -> Endless:
    """An unstreamed JSON reply without end."""
    return endless_line(b'{"x": "')


def endless_error(code: int = 400) -> Endless:
    """An HTTP error with an endless message."""
    head = _STREAM.replace(b"200 OK", b"%d Error" % code).replace(b"text/event-stream", b"application/json")
    return Endless(head + _chunk(b'{"error": {"message": "'), _chunk(b"x" * 64_000))


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def cut(inside: Literal["json", "utf8"] | None = None) -> Cut:
    """End the body properly, without a terminal event."""
    return Cut("end", inside)


def fin(inside: Literal["json", "utf8"] | None = None) -> Cut:
    """Close the connection within a chunked body; with `inside`, within a chunk."""
    return Cut("fin", inside)


def rst(inside: Literal["json", "utf8"] | None = None) -> Cut:
    """Reset the connection within the body."""
    return Cut("rst", inside)


def stall(
    seconds: float | None = None, keep_alive: Literal["comment", "ping"] | None = None, every: float = 0.02
) -> Stall:
    """Send nothing, or only keep-alives, for some seconds or until the client leaves."""
    return Stall(seconds, keep_alive, every)


def error_event(
    status: int = 529, message: str = "", form: Literal["native", "nested", "bare"] = "native"
) -> ErrorEvent:
    """An error event within a stream, in its documented form or as gateways send it."""
    return ErrorEvent(status, message, form)


def garbage() -> Garbage:
    """An event with broken JSON."""
    return Garbage()


def raw(data: bytes) -> Raw:
    """Raw bytes in the body."""
    return Raw(data)


def huge_line(size: int = 17_000_000) -> Raw:
    """One line of `size` bytes without a line end."""
    return Raw(b'data: {"x": "' + b"x" * size)
