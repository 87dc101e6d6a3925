"""A loopback server that speaks OpenAI Chat, OpenAI Responses, Anthropic Messages and Gemini, each natively.

A test says what shall be answered, in words that know no protocol, and looks at what was asked:

    async def test_it_asks_again(gateway: Gateway) -> None:
        gateway.reply(fault.status(429, retry_after="1"), Reply(Reasoning("hm"), Text("hel", "lo")))
        ...                                   # run the client against gateway.url
        assert len(gateway.asked) == 2
        assert gateway.asked[1].body["messages"][-1]["content"] == "hello?"

Every request is checked against the documented rules of its protocol. One that breaks them gets the vendor's own
400, and the test fails at its end unless it called `gateway.expect_problems()`.

The way of one request, and the map of the package:

    connection.py   a socket: whole requests out, bytes in, the client's leaving at once
    requests.py     the path says the protocol; the record a test looks at
    validate/       what a vendor would refuse, one family of files a protocol
    server.py       the gateway: queues, checks, records;  thread.py: the same on a thread;  fixtures.py: for pytest
    script.py       what can be said: Reply, its steps, how the bytes travel;  quirks.py: what servers do their way
    fault.py        what can go wrong, one constructor each
    answers.py      a reply or a fault answered;  render/: the vendors' frames;  transport.py: frames as bytes
    signatures.py   ids and signatures that tell where they come from, so that validators can check them
    signals.py      waits for tests: no sleeps
    clients.py      the real SDKs, asked once;  __main__.py: the gateway by hand, `python -m tests.gateway`

Model names are free; they decide which rules hold (`gpt-5.2` takes no temperature, `gemini-2.5-pro` needs no thought
signatures). The path before `/v1` is part of a signature's origin: `/a/v1` and `/b/v1` are two providers.
"""

from __future__ import annotations

from tests.gateway import fault
from tests.gateway.quirks import Quirk
from tests.gateway.requests import RecordedRequest
from tests.gateway.script import (
    AUTO,
    Block,
    Call,
    Citation,
    Cut,
    ErrorEvent,
    Finish,
    Garbage,
    Raw,
    Reasoning,
    Refusal,
    Repeat,
    Reply,
    Search,
    Stall,
    Text,
    Usage,
    Wire,
)
from tests.gateway.server import Gateway
from tests.gateway.signals import Gate, Signal
from tests.gateway.signatures import Origin, Protocol
from tests.gateway.thread import GatewayThread

__all__ = [
    "AUTO",
    "Block",
    "Call",
    "Citation",
    "Cut",
    "ErrorEvent",
    "Finish",
    "Garbage",
    "Gate",
    "Gateway",
    "GatewayThread",
    "Origin",
    "Protocol",
    "Quirk",
    "Raw",
    "Reasoning",
    "RecordedRequest",
    "Refusal",
    "Repeat",
    "Reply",
    "Search",
    "Signal",
    "Stall",
    "Text",
    "Usage",
    "Wire",
    "fault",
]
