"""A loopback server for OpenAI Chat Completions, OpenAI Responses, Anthropic Messages and Gemini.

A test scripts the answers, independent of the protocol, and checks the requests:

    async def test_rate_limited_request_is_retried(gateway: Gateway) -> None:
        gateway.reply(fault.status(429, retry_after="1"), Reply(Reasoning("hm"), Text("hel", "lo")))
        ...                                   # run the client against gateway.url
        assert len(gateway.asked) == 2
        assert gateway.asked[1].body["messages"][-1]["content"] == "hello?"

The gateway checks every request against the documented rules of its protocol. An invalid request gets the vendor's
400, and the test fails at its end unless it called `gateway.expect_problems()`.

Modules, in the order of a request:

    connection.py   a socket: parses requests, writes bytes, reports a client that leaves
    requests.py     the protocol of a path, and the record for tests
    validate/       the vendors' rules, one or two files per protocol
    server.py       the gateway: queues, checks, records;  thread.py: the same on a thread;  fixtures.py: for pytest
    script.py       Reply, its steps and wire formats;  quirks.py: deviations of servers
    fault.py        faults, one constructor each
    batches/        the vendors' batches of requests, from upload to results
    answers.py      sends a reply or a fault;  render/: the vendors' frames;  transport.py: frames as bytes
    signatures.py   ids and signatures with their origin, which validators check
    signals.py      waits for tests: no sleeps
    tls_proxy.py    a proxy of a company, which opens TLS connections to any host
    clients.py      one request with each real SDK;  __main__.py: runs the gateway, `python -m tests.gateway`

Any model name works; the name selects the rules (`gpt-5.2` refuses temperature, `gemini-2.5-pro` needs no thought
signatures). The path before `/v1` is part of a signature's origin: `/a/v1` and `/b/v1` are two providers.
"""

from __future__ import annotations

from tests.gateway import fault
from tests.gateway.batches.plan import Step as BatchStep
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
    "BatchStep",
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
