"""Failures of servers and connections, through the real SDKs: kind, message, tries."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from dataclasses import replace
from typing import Any

import pytest

from termchat.core.errors import Failure, FailureKind
from termchat.core.models import ApiProtocol, Timeouts
from termchat.providers.http.retry import RetryPolicy
from tests.gateway import Gateway, Reply, fault
from tests.gateway.answers import Answer
from tests.providers.support import KEY, MODELS, PROTOCOLS, provider_config, run_request, text_of

ALL = pytest.mark.parametrize("protocol", PROTOCOLS)
C, R, A, G = PROTOCOLS


async def failed(gateway: Gateway, protocol: ApiProtocol, answer: Answer, **options: Any) -> Failure:
    gateway.always(answer)
    deltas, failure = await run_request(provider_config(gateway.url, protocol), **options)
    assert failure is not None
    assert not text_of(deltas)
    return failure


STATUS = {
    400: (FailureKind.BAD_REQUEST, 1),
    401: (FailureKind.AUTH, 1),
    402: (FailureKind.QUOTA, 1),
    403: (FailureKind.PERMISSION, 1),
    404: (FailureKind.NOT_FOUND, 1),
    408: (FailureKind.BAD_REQUEST, 3),
    409: (FailureKind.BAD_REQUEST, 3),
    413: (FailureKind.CONTEXT_TOO_LONG, 1),
    418: (FailureKind.BAD_REQUEST, 1),
    422: (FailureKind.BAD_REQUEST, 1),
    429: (FailureKind.RATE_LIMITED, 3),
    500: (FailureKind.SERVER, 3),
    502: (FailureKind.SERVER, 3),
    503: (FailureKind.OVERLOADED, 3),
    504: (FailureKind.SERVER, 3),
    520: (FailureKind.SERVER, 3),
    524: (FailureKind.SERVER, 3),
    529: (FailureKind.OVERLOADED, 3),
}


@ALL
@pytest.mark.parametrize("status", STATUS)
@pytest.mark.parametrize("body", ["vendor", "html", "empty"])
async def test_error_status_maps_to_kind_and_tries(
    gateway: Gateway, protocol: ApiProtocol, status: int, body: str
) -> None:
    kind, tries = STATUS[status]
    answers: dict[str, Answer] = {
        "vendor": fault.status(status), "html": fault.html(status), "empty": fault.bare(status)
    }  # fmt: skip
    failure = await failed(gateway, protocol, answers[body])
    assert (failure.kind, failure.status, len(gateway.asked)) == (kind, status, tries)
    assert str(status) in failure.message
    assert ("Tried 3 times." in failure.message) == (tries == 3)
    assert "<" not in failure.message
    assert len(failure.message) < 450


KINDS: dict[str, tuple[Answer, FailureKind, int]] = {
    "quota": (fault.quota(), FailureKind.QUOTA, 1),
    "context": (fault.context_full(), FailureKind.CONTEXT_TOO_LONG, 1),
    "key": (fault.bad_key(), FailureKind.AUTH, 1),
    "key echoed": (fault.status(401, echo_key=True), FailureKind.AUTH, 1),
    "megabytes": (fault.big_error(400), FailureKind.BAD_REQUEST, 1),
    "a page": (fault.html_200(), FailureKind.BAD_RESPONSE, 1),
    "nothing": (fault.empty_200(), FailureKind.BAD_RESPONSE, 1),
    "an error under 200": (fault.json_error_200(), FailureKind.SERVER, 3),
    "another service": (fault.not_http(), FailureKind.NETWORK, 3),
    "reset": (fault.reset(), FailureKind.NETWORK, 3),
    "closed": (fault.close(), FailureKind.NETWORK, 3),
    "words": (fault.Body(b"hello\n", "text/event-stream"), FailureKind.BAD_RESPONSE, 1),
    "broken JSON": (fault.Body(b'{"choices": [', "application/json"), FailureKind.BAD_RESPONSE, 1),
    "other JSON": (fault.Body(b'{"hello": 1}', "application/json"), FailureKind.BAD_RESPONSE, 1),
    "204": (fault.Status(204, body="empty"), FailureKind.BAD_RESPONSE, 1),
}


@ALL
@pytest.mark.parametrize("case", KINDS)
async def test_unusable_response_maps_to_kind_and_tries(gateway: Gateway, protocol: ApiProtocol, case: str) -> None:
    answer, kind, tries = KINDS[case]
    failure = await failed(gateway, protocol, answer)
    assert (failure.kind, len(gateway.asked)) == (kind, tries), failure.message
    assert KEY not in failure.message + failure.hint
    assert len(failure.message) < 450
    assert "\n" not in failure.message


def exhausted(message: str, **details: Any) -> Answer:
    """Gemini's RESOURCE_EXHAUSTED, used for rate limits and for quotas."""
    rows = [{"@type": "type.googleapis.com/google.rpc.QuotaFailure", **details}] if details else []
    error = {"code": 429, "message": message, "status": "RESOURCE_EXHAUSTED", "details": rows}
    return fault.Status(429, body=json.dumps({"error": error}).encode())


def violated(quota: str, value: str = "20") -> list[dict[str, str]]:
    return [{"quotaMetric": "m", "quotaId": f"GenerateRequests{quota}", "quotaValue": value}]


PLAN = "You exceeded your current quota, please check your plan and billing details."


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (exhausted(PLAN, violations=violated("PerDayPerProjectPerModel-FreeTier")), FailureKind.QUOTA),
        (exhausted(PLAN, violations=violated("PerMinutePerProjectPerModel", "0")), FailureKind.QUOTA),
        (exhausted(PLAN, violations=violated("PerMinutePerProjectPerModel")), FailureKind.RATE_LIMITED),
        (exhausted(PLAN), FailureKind.QUOTA),
        (exhausted("Your prepayment credits are depleted."), FailureKind.QUOTA),
        (exhausted("Your project has exceeded its monthly spending cap."), FailureKind.QUOTA),
        (exhausted(PLAN, retryDelay="7s"), FailureKind.RATE_LIMITED),
        (exhausted("Resource has been exhausted (e.g. check quota)."), FailureKind.RATE_LIMITED),
    ],
)
async def test_gemini_exhausted_is_quota_or_rate_limit(gateway: Gateway, answer: Answer, kind: FailureKind) -> None:
    failure = await failed(gateway, G, answer)
    assert (failure.kind, len(gateway.asked)) == (kind, 1 if kind is FailureKind.QUOTA else 3)


HISTORY = {
    C: [
        "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'.",
        "The `reasoning_content` in the thinking mode must be passed back to the API.",
    ],
    R: [
        "Item 'fc_1' of type 'function_call' was provided without its required 'reasoning' item: 'rs_1'.",
        "Item with id 'rs_1' not found. Items are not persisted when `store` is set to false.",
        "Invalid 'input[3].call_id': string too long. Expected a string with maximum length 64, but got 70 instead.",
    ],
    A: [
        "messages.1.content.0: Invalid `signature` in `thinking` block",
        "The block is bound to a different conversation",
        "messages.2: `tool_use` ids were found without `tool_result` blocks immediately after: toolu_1.",
    ],
    G: [
        "Function call is missing a thought_signature in functionCall parts.",
        "Corrupted thought signature.",
        "Please ensure that the number of function response parts is equal to the number of function call parts",
    ],
}


@pytest.mark.parametrize(
    ("protocol", "words"), [(protocol, words) for protocol, rows in HISTORY.items() for words in rows]
)
async def test_error_400_of_history_is_history_invalid(gateway: Gateway, protocol: ApiProtocol, words: str) -> None:
    failure = await failed(gateway, protocol, fault.status(400, words))
    assert (failure.kind, failure.retryable) == (FailureKind.HISTORY_INVALID, False)


@ALL
@pytest.mark.parametrize("start", [b"data: ", b"data:", b"event: error\ndata: "])
async def test_error_body_in_event_format_is_read(gateway: Gateway, protocol: ApiProtocol, start: bytes) -> None:
    """LiteLLM does so when the request asked for a stream."""
    body = start + b'{"error": {"message": "No such luck", "code": "500"}}\n\ndata: [DONE]\n\n'
    failure = await failed(gateway, protocol, fault.Status(500, body=body), policy=RetryPolicy(0))
    assert failure.message.endswith(" answered 500: No such luck")


@ALL
async def test_error_event_before_text_is_retried(gateway: Gateway, protocol: ApiProtocol) -> None:
    gateway.reply(Reply(fault.error_event(529)), Reply.text("now"))
    deltas, failure = await run_request(provider_config(gateway.url, protocol))
    assert (text_of(deltas), failure, len(gateway.asked)) == ("now", None, 2)


@ALL
@pytest.mark.parametrize("form", ["native", "nested", "bare"])
async def test_error_event_after_text_fails_without_retry(gateway: Gateway, protocol: ApiProtocol, form: Any) -> None:
    gateway.reply(Reply.text("one two three").after(2, fault.error_event(529, form=form)))
    deltas, failure = await run_request(provider_config(gateway.url, protocol))
    assert text_of(deltas) == "one two "
    assert failure is not None
    assert failure.kind in (FailureKind.OVERLOADED, FailureKind.SERVER)
    assert len(gateway.asked) == 1


_CUTS = (fault.cut(), fault.fin(), fault.rst(), fault.fin("json"), fault.cut("utf8"))
_CUT_SHORT = [
    pytest.param(protocol, cut, after, id=f"{after}-{cut}-{protocol}")
    for protocol in PROTOCOLS
    for cut in _CUTS
    for after in (0, 2)
    if (protocol, cut, after) != (G, _CUTS[0], 0)  # no event before the first word: an empty body, not a cut one
]


@pytest.mark.parametrize(("protocol", "cut", "after"), _CUT_SHORT)
async def test_stream_without_end_is_cut_without_retry(
    gateway: Gateway, protocol: ApiProtocol, cut: Any, after: int
) -> None:
    gateway.reply(Reply.text("eins zwei dré vier fünf").after(after, cut))
    deltas, failure = await run_request(provider_config(gateway.url, protocol))
    assert failure is not None
    assert failure.kind is FailureKind.CUT
    assert text_of(deltas) == "eins zwei "[: 5 * after]
    assert len(gateway.asked) == 1


@ALL
async def test_connection_refused_and_unknown_host_are_network_failures(protocol: ApiProtocol) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"  # nobody listens, and no other program gets the port
        deltas, failure = await run_request(provider_config(url, protocol))
    assert failure is not None
    assert failure.kind is FailureKind.NETWORK
    assert "connection refused" in failure.message
    assert "Tried 3 times" in failure.message
    assert len(deltas) == 2
    _, failure = await run_request(provider_config("http://no-such-host.invalid", protocol))
    assert failure is not None
    assert (failure.kind, "DNS" in failure.message) == (FailureKind.NETWORK, True)


@ALL
async def test_https_to_plain_port_fails_without_retry(protocol: ApiProtocol) -> None:
    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(plain, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        deltas, failure = await run_request(provider_config(f"https://127.0.0.1:{port}", protocol))
    assert failure is not None
    assert (failure.kind, "TLS" in failure.message, deltas) == (FailureKind.NETWORK, True, [])


@ALL
async def test_tls_handshake_without_answer_times_out(protocol: ApiProtocol) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        url = f"https://127.0.0.1:{mute.getsockname()[1]}"
        _, failure = await run_request(
            provider_config(url, protocol), timeouts=Timeouts(connect=0.1), policy=RetryPolicy(0)
        )
    assert failure is not None
    assert (failure.kind, "within 0.1 s" in failure.message) == (FailureKind.NETWORK, True), failure


@ALL
@pytest.mark.parametrize("own", [False, True], ids=["of all", "the provider's own"])
async def test_connection_not_accepted_times_out(protocol: ApiProtocol, own: bool) -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        queue = [socket.create_connection(full.getsockname())]
        url = f"http://127.0.0.1:{full.getsockname()[1]}"
        made = provider_config(url, protocol, timeouts={"connect": 0.1} if own else {})
        _, failure = await run_request(made, timeouts=Timeouts(connect=30 if own else 0.1))
        for waiting in queue:
            waiting.close()
    assert failure is not None
    assert (failure.kind, "no connection within 0.1 s" in failure.message) == (FailureKind.NETWORK, True)


@ALL
@pytest.mark.parametrize("url", ["ftp://h/v1", "http://", "no scheme", "http://192.168.1.300/v1", "http://[12]/v1"])
async def test_invalid_base_url_fails_with_hint(protocol: ApiProtocol, url: str) -> None:
    made = provider_config("http://h", protocol)
    _, failure = await run_request(replace(made, base_urls={protocol: url}))
    assert failure is not None
    assert failure.kind in (FailureKind.BAD_CONFIG, FailureKind.NETWORK)
    assert failure.hint


@ALL
async def test_key_with_non_ascii_is_refused_without_showing_it(gateway: Gateway, protocol: ApiProtocol) -> None:
    for key in ("kéy-with-accent-123", "zero\u200bwidth-key-123"):
        _, failure = await run_request(provider_config(gateway.url, protocol, key=key))
        assert failure is not None
        assert failure.kind is FailureKind.BAD_CONFIG
        assert "key" in failure.message
        assert key not in failure.message
    assert not gateway.requests


@ALL
async def test_missing_key_fails_before_any_request(gateway: Gateway, protocol: ApiProtocol) -> None:
    _, failure = await run_request(provider_config(gateway.url, protocol, key="env:SOME_KEY"))
    assert failure is not None
    assert failure.kind is FailureKind.NO_KEY
    assert "SOME_KEY" in failure.message + failure.hint
    assert not gateway.requests


@ALL
async def test_redirect_is_refused_and_not_followed(gateway: Gateway, protocol: ApiProtocol) -> None:
    async with Gateway() as other:
        gateway.reply(fault.redirect(other.url + "/v1/x"), fault.redirect_loop())
        for _ in range(2):
            _, failure = await run_request(provider_config(gateway.url, protocol))
            assert failure is not None
            assert failure.kind is FailureKind.BAD_CONFIG
            assert "redirect" in failure.message
        assert other.connections == 0
    assert len(gateway.requests) == 2


@ALL
async def test_failure_never_contains_key(gateway: Gateway, protocol: ApiProtocol) -> None:
    echo = f"bad {KEY}, Bearer {KEY}, x-api-key: {KEY}"
    answers: list[Answer] = [
        fault.status(401, echo_key=True),
        fault.status(400, echo),
        fault.Status(500, body=echo.encode()),
        fault.Status(502, body=f"<html><h1>{KEY}</h1></html>".encode()),
        fault.redirect(f"http://h/?key={KEY}"),
        Reply(fault.error_event(400, echo)),
        fault.Body(f'{{"error": "{echo}"}}'.encode(), "application/json"),
    ]
    for answer in answers:
        failure = await failed(gateway, protocol, answer)
        assert KEY not in repr(failure), answer


@ALL
async def test_failure_details_of_refusal(gateway: Gateway, protocol: ApiProtocol) -> None:
    """Host, model, request id, each try with its time, and the server's message, without the key."""
    began = time.time()
    words = f"slow down, {KEY} \x1b[2J" + "x" * 10_000
    failure = await failed(gateway, protocol, fault.status(429, words, headers={"x-request-id": "req_42"}))
    known = failure.details
    assert known is not None
    assert (known.host, known.model) == (gateway.url.split("/")[2], MODELS[protocol])
    assert "req_42" in known.request_id
    assert [one.message for one in known.attempts] == [failure.message.removesuffix(" Tried 3 times.")] * 3
    assert began <= known.attempts[0].at <= known.attempts[-1].at <= time.time()
    assert "slow down" in known.server_message
    assert 4000 <= len(known.server_message) <= 4001
    assert not set(known.server_message) & {"\x1b"}
    assert KEY not in repr(failure)


@ALL
async def test_failure_details_of_refused_connection(protocol: ApiProtocol) -> None:
    _, failure = await run_request(provider_config("http://127.0.0.1:9", protocol), policy=RetryPolicy(0))
    assert failure
    assert failure.details
    assert "ConnectError" in failure.details.server_message
    assert len(failure.details.attempts) == 1


@ALL
async def test_failure_message_is_sanitized(gateway: Gateway, protocol: ApiProtocol) -> None:
    words = "no \x1b]52;c;aGk=\x07 \u202e [red]x[/red] <script>alert(1)</script>\nsecond line"
    failure = await failed(gateway, protocol, fault.status(400, words))
    assert not set(failure.message) & set("\x1b\x07\u202e\n")


async def test_overload_hint_names_status_page(gateway: Gateway) -> None:
    gateway.always(fault.status(529))
    _, failure = await run_request(provider_config(gateway.url, A, status_page="https://status.example"))
    assert failure is not None
    assert "https://status.example" in failure.hint


@pytest.mark.parametrize(
    ("pages", "named"),
    [
        ({"credit_page": "https://credit.example", "key_page": "https://key.example"}, "https://credit.example"),
        ({"key_page": "https://key.example"}, "https://key.example"),
        ({}, ""),
    ],
)
async def test_quota_hint_names_credit_or_key_page(gateway: Gateway, pages: dict[str, str], named: str) -> None:
    gateway.always(fault.status(402))
    _, failure = await run_request(provider_config(gateway.url, C, **pages))
    assert failure is not None
    assert failure.url == named
    assert failure.hint.startswith(f"Credit and limits: {named}, or" if named else "Check the account, or")


@ALL
async def test_error_404_names_model_or_address(gateway: Gateway, protocol: ApiProtocol) -> None:
    failure = await failed(gateway, protocol, fault.status(404))
    assert MODELS[protocol] in failure.message
    assert "termchat models" in failure.hint
    failure = await failed(gateway, protocol, fault.html(404))
    assert "no endpoint" in failure.message
