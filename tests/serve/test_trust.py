"""Who may call the server, and what bodies it takes."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from termchat.serve.trust import TrustRules, is_loopback
from tests.gateway import Reply, Text
from tests.serve.served import ORIGIN, TOKEN, Served, running

pytestmark = pytest.mark.xdist_group("serve")
GOOD = {"x-api-key": TOKEN}
BODY: dict[str, Any] = {"model": "xopenai/m", "messages": [{"role": "user", "content": "hi"}]}
CHAT = "/v1/chat/completions"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with running(tmp_path_factory.mktemp("home"), ['max_cost = "2"']) as found:
        yield found


@pytest.fixture(scope="module")
def client() -> Iterator[httpx2.Client]:
    with httpx2.Client(trust_env=False, timeout=30) as found:
        yield found


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"authorization": f"Bearer {TOKEN}x"}, 401),
        ({"authorization": TOKEN}, 401),
        ({"authorization": "Bearer é"}, 401),
        ({"x-api-key": ""}, 401),
        ({"authorization": f"bearer {TOKEN}"}, 200),
        (GOOD, 200),
        ({**GOOD, "host": "evil.example"}, 421),
        ({**GOOD, "host": "evil.example:80"}, 421),
        ({**GOOD, "host": "127.0.0.1.evil.example"}, 421),
        ({**GOOD, "host": "10.0.0.1"}, 421),
        ({**GOOD, "host": "["}, 421),
        ({**GOOD, "host": "LOCALHOST:1"}, 200),
        ({**GOOD, "host": "[::1]:1"}, 200),
        ({**GOOD, "origin": "https://evil.example"}, 403),
        ({**GOOD, "origin": "null"}, 403),
        ({**GOOD, "origin": "http://127.0.0.1:1"}, 403),
        ({**GOOD, "origin": ORIGIN}, 200),
        ({"origin": ORIGIN}, 401),
    ],
)  # fmt: skip
def test_trust_gate_judges_token_host_and_origin(
    served: Served, client: httpx2.Client, headers: dict[str, str], status: int
) -> None:
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    found = client.get(f"{served.url}/v1/models", headers=raw)
    assert found.status_code == status
    assert found.headers["content-security-policy"].startswith("default-src 'none'")
    assert found.headers["x-content-type-options"] == "nosniff"
    allowed = headers.get("origin") == ORIGIN
    assert found.headers.get("access-control-allow-origin") == (ORIGIN if allowed else None)
    assert "sk-obviously" not in found.text and "server" not in found.headers


def test_trust_gate_answers_preflight_of_allowed_origin_only(served: Served, client: httpx2.Client) -> None:
    asks = {"access-control-request-method": "POST", "access-control-request-headers": "authorization"}
    allowed = client.options(f"{served.url}{CHAT}", headers={"origin": ORIGIN, **asks})
    assert (allowed.status_code, allowed.headers["access-control-allow-origin"]) == (204, ORIGIN)
    assert client.options(f"{served.url}{CHAT}", headers={"origin": "https://evil.example", **asks}).status_code == 403


def test_trust_gate_leaves_health_and_endpoints_open(served: Served, client: httpx2.Client) -> None:
    assert client.get(f"{served.url}/health").json() == {"status": "ok"}
    assert "/v1/chat/completions" in client.get(f"{served.url}/").text
    assert client.get(f"{served.url}/health", headers={"host": "evil.example"}).status_code == 421
    own = {"origin": served.url}
    assert client.get(f"{served.url}/health", headers=own).status_code == 200


def test_trust_rules_beyond_loopback_take_addresses_and_given_names_only() -> None:
    rules = TrustRules("t", {"box.lan"}, any_ip=True)
    hosts = ("box.lan:1", "BOX.lan.", "192.168.1.2:8484", "[fe80::1]", "evil.example", "box.lan.evil.example", "")
    assert [rules.knows_host(host) for host in hosts] == [True, True, True, True, False, False, False]
    assert [is_loopback(host) for host in ("127.0.0.9", "::1", "localhost", "0.0.0.0", "::", "box")] == [
        True, True, True, False, False, False,
    ]  # fmt: skip


def _with(**fields: Any) -> dict[str, Any]:
    return {**BODY, **fields}


@pytest.mark.parametrize(
    ("path", "body", "words"),
    [
        (CHAT, b"{", "not JSON"),
        (CHAT, b"\xff\xfe", "not JSON"),
        (CHAT, b"[" * 100_000, "not JSON"),
        (CHAT, b"[]", "must be an object"),
        (CHAT, {"model": "xopenai/m"}, "no messages"),
        (CHAT, _with(messages=[1]), "must be an object"),
        (CHAT, _with(messages=[{"role": "tool", "tool_call_id": "x", "content": "y"}]), "no tool call"),
        (CHAT, _with(messages=[*BODY["messages"], {"role": "assistant", "content": "a"}]), "ends with a reply"),
        (CHAT, _with(n=2), "n is not supported"),
        (CHAT, _with(temperature="hot"), "temperature must be a number"),
        (CHAT, _with(max_tokens=0), "at least 1"),
        (CHAT, _with(reasoning_effort="very"), "must be one of"),
        (CHAT, _with(tool_choice="required"), "needs a tool to choose"),
        (CHAT, _with(response_format={"type": "xml"}), "json_object"),
        (CHAT, _with(messages=[{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:,x"}}]}]),
         "Base64"),
        (CHAT, _with(messages=[{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "file:///x"}}]}]),
         "data URL"),
        ("/v1/responses", {"input": "x", "previous_response_id": "r"}, "previous_response_id is not supported"),
        ("/v1/messages", _with(tools=[{"type": "bash_20250124", "name": "bash"}]), "only types of a tool"),
        ("/api/chat/stream", {"message": " "}, "message is missing"),
    ],
)  # fmt: skip
def test_body_that_cannot_be_answered_is_refused_with_reason(
    served: Served, client: httpx2.Client, path: str, body: Any, words: str
) -> None:
    sent: dict[str, Any] = {"content": body} if isinstance(body, bytes) else {"json": body}
    found = client.post(f"{served.url}{path}", headers=GOOD, **sent)
    error = found.json()["error"]
    assert found.status_code == 400
    assert words in (error if isinstance(error, str) else error["message"])
    assert ("type" in found.json()) == path.startswith("/v1/messages")


def test_unknown_path_method_and_model_have_errors_of_dialect(served: Served, client: httpx2.Client) -> None:
    assert client.get(f"{served.url}/v1/nothing", headers=GOOD).json()["error"]["type"] == "invalid_request_error"
    for path, allowed in (("/v1/messages", "POST"), ("/health", "GET, HEAD"), ("/api/chats", "GET, HEAD, POST")):
        refused = client.put(f"{served.url}{path}", headers=GOOD)
        assert (refused.status_code, refused.headers["allow"]) == (405, allowed)
    found = client.post(f"{served.url}{CHAT}", headers=GOOD, json=_with(model="nosuch/model"))
    assert (found.status_code, found.json()["error"]["code"]) == (404, "model_not_found")


def test_body_larger_than_limit_is_refused_before_it_is_read(served: Served) -> None:
    head = f"POST {CHAT} HTTP/1.1\r\nhost: localhost\r\nx-api-key: {TOKEN}\r\ncontent-length: 99000000\r\n\r\n"
    with socket.create_connection(("127.0.0.1", served.port), 10) as sock:
        sock.sendall(head.encode())
        assert sock.recv(100).startswith(b"HTTP/1.1 413")


def test_torn_body_leaves_server_running(served: Served, client: httpx2.Client) -> None:
    head = f"POST {CHAT} HTTP/1.1\r\nhost: localhost\r\nx-api-key: {TOKEN}\r\ncontent-length: 100\r\n\r\n{{"
    for _ in range(5):
        with socket.create_connection(("127.0.0.1", served.port), 10) as sock:
            sock.sendall(head.encode())
    assert client.get(f"{served.url}/health").status_code == 200


def test_budget_of_run_holds_across_clients(served: Served, client: httpx2.Client) -> None:
    served.gateway.reply(Reply(Text("paid")), Reply(Text("too much")))
    body = _with(max_tokens=300)
    first = client.post(f"{served.url}{CHAT}", headers=GOOD, json=body)
    assert first.json()["choices"][0]["message"]["content"] == "paid"
    with httpx2.Client(trust_env=False, timeout=30) as other:
        found = other.post(f"{served.url}/v1/messages", headers=GOOD, json={**body, "max_tokens": 5000,
            "messages": [{"role": "user", "content": "word " * 2000}]})  # fmt: skip
    assert (found.status_code, found.json()["error"]["type"]) == (402, "billing_error")
    assert "start termchat with --max-cost" in found.json()["error"]["message"]
    served.gateway.forget()
