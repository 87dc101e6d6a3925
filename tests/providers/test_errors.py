"""What goes wrong at a server, through the real SDKs: kind, words, tries."""

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
from tests.providers.support import KEY, MODELS, SPEECHES, heard, profile, text_of

ALL = pytest.mark.parametrize("speech", SPEECHES)
C, R, A, G = SPEECHES


async def failed(gateway: Gateway, speech: ApiProtocol, answer: Answer, **options: Any) -> Failure:
    gateway.always(answer)
    deltas, failure = await heard(profile(gateway.url, speech), **options)
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
async def test_every_status(gateway: Gateway, speech: ApiProtocol, status: int, body: str) -> None:
    kind, tries = STATUS[status]
    answers: dict[str, Answer] = {
        "vendor": fault.status(status), "html": fault.html(status), "empty": fault.bare(status)
    }  # fmt: skip
    failure = await failed(gateway, speech, answers[body])
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
async def test_what_a_server_can_do_instead_of_answering(gateway: Gateway, speech: ApiProtocol, case: str) -> None:
    answer, kind, tries = KINDS[case]
    failure = await failed(gateway, speech, answer)
    assert (failure.kind, len(gateway.asked)) == (kind, tries), failure.message
    assert KEY not in failure.message + failure.hint
    assert len(failure.message) < 450
    assert "\n" not in failure.message


def exhausted(message: str, **details: Any) -> Answer:
    """Gemini's one status word for a rate and for a quota."""
    told = [{"@type": "type.googleapis.com/google.rpc.QuotaFailure", **details}] if details else []
    error = {"code": 429, "message": message, "status": "RESOURCE_EXHAUSTED", "details": told}
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
async def test_a_quota_of_gemini_that_is_spent_is_no_rate(gateway: Gateway, answer: Answer, kind: FailureKind) -> None:
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


@pytest.mark.parametrize(("speech", "words"), [(speech, words) for speech, rows in HISTORY.items() for words in rows])
async def test_a_refused_history_is_known_by_the_vendors_words(
    gateway: Gateway, speech: ApiProtocol, words: str
) -> None:
    failure = await failed(gateway, speech, fault.status(400, words))
    assert (failure.kind, failure.retryable) == (FailureKind.HISTORY_INVALID, False)


@ALL
@pytest.mark.parametrize("start", [b"data: ", b"data:", b"event: error\ndata: "])
async def test_an_error_that_comes_as_an_event_is_read(gateway: Gateway, speech: ApiProtocol, start: bytes) -> None:
    """As LiteLLM does where it had promised a stream."""
    body = start + b'{"error": {"message": "No such luck", "code": "500"}}\n\ndata: [DONE]\n\n'
    failure = await failed(gateway, speech, fault.Status(500, body=body), policy=RetryPolicy(0))
    assert failure.message.endswith(" answered 500: No such luck")


@ALL
async def test_an_error_in_mid_stream_before_any_word_is_tried_again(gateway: Gateway, speech: ApiProtocol) -> None:
    gateway.reply(Reply(fault.error_event(529)), Reply.text("now"))
    deltas, failure = await heard(profile(gateway.url, speech))
    assert (text_of(deltas), failure, len(gateway.asked)) == ("now", None, 2)


@ALL
@pytest.mark.parametrize("form", ["native", "nested", "bare"])
async def test_an_error_in_mid_stream_after_a_word_is_told(gateway: Gateway, speech: ApiProtocol, form: Any) -> None:
    gateway.reply(Reply.text("one two three").after(2, fault.error_event(529, form=form)))
    deltas, failure = await heard(profile(gateway.url, speech))
    assert text_of(deltas) == "one two "
    assert failure is not None
    assert failure.kind in (FailureKind.OVERLOADED, FailureKind.SERVER)
    assert len(gateway.asked) == 1


_CUTS = (fault.cut(), fault.fin(), fault.rst(), fault.fin("json"), fault.cut("utf8"))
_CUT_SHORT = [
    pytest.param(speech, cut, after, id=f"{after}-{cut}-{speech}")
    for speech in SPEECHES
    for cut in _CUTS
    for after in (0, 2)
    if (speech, cut, after) != (G, _CUTS[0], 0)  # no event before the first word: that is an empty body, not a cut one
]


@pytest.mark.parametrize(("speech", "cut", "after"), _CUT_SHORT)
async def test_a_stream_without_an_end_is_cut_and_never_sent_again(
    gateway: Gateway, speech: ApiProtocol, cut: Any, after: int
) -> None:
    gateway.reply(Reply.text("eins zwei dré vier fünf").after(after, cut))
    deltas, failure = await heard(profile(gateway.url, speech))
    assert failure is not None
    assert failure.kind is FailureKind.CUT
    assert text_of(deltas) == "eins zwei "[: 5 * after]
    assert len(gateway.asked) == 1


@ALL
async def test_a_refused_connection_and_an_unknown_host(speech: ApiProtocol) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    deltas, failure = await heard(profile(url, speech))
    assert failure is not None
    assert failure.kind is FailureKind.NETWORK
    assert "connection refused" in failure.message
    assert "Tried 3 times" in failure.message
    assert len(deltas) == 2
    _, failure = await heard(profile("http://no-such-host.invalid", speech))
    assert failure is not None
    assert (failure.kind, "DNS" in failure.message) == (FailureKind.NETWORK, True)


@ALL
async def test_https_to_a_plain_port_is_told_at_once(speech: ApiProtocol) -> None:
    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(plain, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        deltas, failure = await heard(profile(f"https://127.0.0.1:{port}", speech))
    assert failure is not None
    assert (failure.kind, "TLS" in failure.message, deltas) == (FailureKind.NETWORK, True, [])


@ALL
async def test_a_server_that_never_says_hello(speech: ApiProtocol) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        url = f"https://127.0.0.1:{mute.getsockname()[1]}"
        _, failure = await heard(profile(url, speech), timeouts=Timeouts(connect=0.1), policy=RetryPolicy(0))
    assert failure is not None
    assert (failure.kind, "within 0.1 s" in failure.message) == (FailureKind.NETWORK, True), failure


@ALL
@pytest.mark.parametrize("own", [False, True], ids=["of all", "the provider's own"])
async def test_a_server_that_does_not_take_the_connection(speech: ApiProtocol, own: bool) -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        queue = [socket.create_connection(full.getsockname())]
        url = f"http://127.0.0.1:{full.getsockname()[1]}"
        made = profile(url, speech, timeouts={"connect": 0.1} if own else {})
        _, failure = await heard(made, timeouts=Timeouts(connect=30 if own else 0.1))
        for waiting in queue:
            waiting.close()
    assert failure is not None
    assert (failure.kind, "no connection within 0.1 s" in failure.message) == (FailureKind.NETWORK, True)


@ALL
@pytest.mark.parametrize("url", ["ftp://h/v1", "http://", "no scheme"])
async def test_a_base_url_that_is_none(speech: ApiProtocol, url: str) -> None:
    made = profile("http://h", speech)
    _, failure = await heard(replace(made, base_urls={speech: url}))
    assert failure is not None
    assert failure.kind in (FailureKind.BAD_CONFIG, FailureKind.NETWORK)
    assert failure.hint


@ALL
async def test_a_key_no_header_can_carry(gateway: Gateway, speech: ApiProtocol) -> None:
    for key in ("kéy-with-accent-123", "zero\u200bwidth-key-123"):
        _, failure = await heard(profile(gateway.url, speech, key=key))
        assert failure is not None
        assert failure.kind is FailureKind.BAD_CONFIG
        assert "key" in failure.message
        assert key not in failure.message
    assert not gateway.requests


@ALL
async def test_a_missing_key_is_told_before_any_request(gateway: Gateway, speech: ApiProtocol) -> None:
    _, failure = await heard(profile(gateway.url, speech, key="env:SOME_KEY"))
    assert failure is not None
    assert failure.kind is FailureKind.NO_KEY
    assert "SOME_KEY" in failure.message + failure.hint
    assert not gateway.requests


@ALL
async def test_a_redirect_is_refused_and_the_key_stays(gateway: Gateway, speech: ApiProtocol) -> None:
    async with Gateway() as other:
        gateway.reply(fault.redirect(other.url + "/v1/x"), fault.redirect_loop())
        for _ in range(2):
            _, failure = await heard(profile(gateway.url, speech))
            assert failure is not None
            assert failure.kind is FailureKind.BAD_CONFIG
            assert "redirect" in failure.message
        assert other.connections == 0
    assert len(gateway.requests) == 2


@ALL
async def test_no_failure_ever_tells_the_key(gateway: Gateway, speech: ApiProtocol) -> None:
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
        failure = await failed(gateway, speech, answer)
        assert KEY not in repr(failure), answer


@ALL
async def test_the_details_of_a_refusal(gateway: Gateway, speech: ApiProtocol) -> None:
    """Who was asked, the id of the request, each try with its time, and what the server said, without the key."""
    began = time.time()
    words = f"slow down, {KEY} \x1b[2J" + "x" * 10_000
    failure = await failed(gateway, speech, fault.status(429, words, headers={"x-request-id": "req_42"}))
    known = failure.details
    assert known is not None
    assert (known.host, known.model) == (gateway.url.split("/")[2], MODELS[speech])
    assert "req_42" in known.request_id
    assert [one.message for one in known.attempts] == [failure.message.removesuffix(" Tried 3 times.")] * 3
    assert began <= known.attempts[0].at <= known.attempts[-1].at <= time.time()
    assert "slow down" in known.server_message
    assert 4000 <= len(known.server_message) <= 4001
    assert not set(known.server_message) & {"\x1b"}
    assert KEY not in repr(failure)


@ALL
async def test_the_details_of_a_connection_that_is_not_there(speech: ApiProtocol) -> None:
    _, failure = await heard(profile("http://127.0.0.1:9", speech), policy=RetryPolicy(0))
    assert failure
    assert failure.details
    assert "ConnectError" in failure.details.server_message
    assert len(failure.details.attempts) == 1


@ALL
async def test_markup_and_escapes_in_a_servers_words_are_shown_harmlessly(
    gateway: Gateway, speech: ApiProtocol
) -> None:
    words = "no \x1b]52;c;aGk=\x07 \u202e [red]x[/red] <script>alert(1)</script>\nsecond line"
    failure = await failed(gateway, speech, fault.status(400, words))
    assert not set(failure.message) & set("\x1b\x07\u202e\n")


async def test_a_status_page_is_named_when_the_vendor_has_one(gateway: Gateway) -> None:
    gateway.always(fault.status(529))
    _, failure = await heard(profile(gateway.url, A, status_page="https://status.example"))
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
async def test_the_page_where_credit_is_bought_is_named(gateway: Gateway, pages: dict[str, str], named: str) -> None:
    gateway.always(fault.status(402))
    _, failure = await heard(profile(gateway.url, C, **pages))
    assert failure is not None
    assert failure.url == named
    assert failure.hint.startswith(f"Credit and limits: {named}, or" if named else "Look at the account, or")


@ALL
async def test_an_unknown_model_is_named_with_the_way_out(gateway: Gateway, speech: ApiProtocol) -> None:
    failure = await failed(gateway, speech, fault.status(404))
    assert MODELS[speech] in failure.message
    assert "termchat models" in failure.hint
    failure = await failed(gateway, speech, fault.html(404))
    assert "no such address" in failure.message
