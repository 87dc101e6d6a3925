"""The page's files and API for those who may not call it, or who send what they should not."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from termchat.attachments.classify import LARGEST
from termchat.serve.page_api import page_files
from tests.gateway import Reply, Text
from tests.serve.page_client import PageClient
from tests.serve.served import Served, running

pytestmark = pytest.mark.xdist_group("serve")
HTML = {"accept": "text/html,*/*"}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
    "font-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types dompurify; report-uri /api/csp-report"
)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("page")
        (folder / "vendor").mkdir()
        for name in ("index.html", "main.js", "vendor/a.mjs", "style.css", "notes.txt", ".hidden.py"):
            (folder / name).write_text(f"content of {name}")
        (folder.parent / "secret.js").write_text("secret")
        patch.setattr(page_files.PageFiles.__init__, "__defaults__", (folder,))
        with running(tmp_path_factory.mktemp("home")) as found:
            yield found


@pytest.fixture(scope="module")
def page(served: Served) -> Iterator[PageClient]:
    client = PageClient(served.url)
    yield client
    client.http.close()


@pytest.fixture(scope="module")
def stranger(served: Served) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=served.url, trust_env=False, timeout=30) as found:
        yield found


def test_page_file_has_strict_headers_and_needs_no_token(stranger: httpx2.Client) -> None:
    script = "text/javascript"
    paths = {"/": "text/html", "/page/main.js": script, "/page/vendor/a.mjs": script, "/page/style.css": "text/css"}
    for path, kind in paths.items():
        found = stranger.get(path, headers=HTML)
        assert found.status_code == 200
        assert found.headers["content-type"] == f"{kind}; charset=utf-8"
        assert found.headers["content-security-policy"] == POLICY
        assert found.headers["cache-control"] == "no-cache"
        assert found.headers["x-content-type-options"] == "nosniff"
        assert found.headers["referrer-policy"] == "no-referrer"
        assert found.headers["cross-origin-opener-policy"] == "same-origin"
        again = stranger.get(path, headers={**HTML, "if-none-match": found.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["content-security-policy"] == POLICY
    assert "/v1/chat/completions" in stranger.get("/", headers={"accept": "*/*"}).text


@pytest.mark.parametrize(
    "path",
    [
        "/page/notes.txt", "/page/.hidden.py", "/page/", "/page/vendor", "/page/../secret.js", "/page/%2e%2e/secret.js",
        "/page/..%2fsecret.js", "/page//main.js", "/page/./main.js", "/page/%2fetc%2fpasswd", "/page/main.js%00",
        "/page/..%5csecret.js", "/page/%2e%2e/api/chats",
    ],
)  # fmt: skip
def test_page_file_that_is_not_listed_is_not_found(served: Served, path: str) -> None:
    answer = raw(served, f"GET {path} HTTP/1.1")
    assert answer.startswith("HTTP/1.1 404"), answer
    assert "secret" not in answer.partition("\r\n\r\n")[2]


def raw(served: Served, line: str) -> str:
    """Send a request that no client normalises."""
    with socket.create_connection(("127.0.0.1", served.port), timeout=30) as sock:
        sock.sendall(f"{line}\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        return b"".join(iter(lambda: sock.recv(65536), b"")).decode()


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/page"), ("GET", "/api/models"), ("GET", "/api/chats"), ("GET", "/api/chats/x"),
        ("GET", "/api/search?q=a"), ("GET", "/api/events"), ("GET", "/api/blobs/" + "0" * 64),
        ("GET", "/api/csp-reports"), ("POST", "/api/chats"), ("POST", "/api/chats/x/turns"),
        ("POST", "/api/chats/x/head"), ("POST", "/api/chats/x/fork"), ("POST", "/api/chats/x/title"),
        ("POST", "/api/chats/x/delete"), ("POST", "/api/chats/x/restore"), ("POST", "/api/turns/x/stop"),
        ("POST", "/api/turns/x/answer"), ("POST", "/api/uploads"),
    ],
)  # fmt: skip
def test_page_api_refuses_stranger_and_foreign_page(
    page: PageClient, stranger: httpx2.Client, method: str, path: str
) -> None:
    for headers, status in (({}, 401), ({"authorization": "Bearer x"}, 401), ({"host": "evil.example"}, 421)):
        found = stranger.request(method, path, headers=headers)
        assert (found.status_code, set(found.json()["error"])) == (status, {"message", "hint", "kind"})
    for origin in ("https://evil.example", "null"):
        assert page.http.request(method, path, headers={"origin": origin}).status_code == 403


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("chats", b"{", 400),
        ("chats", b"[]", 400),
        ("chats", b"\xff", 400),
        ("chats", b'{"text": 1}', 400),
        ("chats", b'{"text": "  "}', 400),
        ("chats", b'{"text": "a", "kind": "retry", "node": "x"}', 400),
        ("chats", b'{"text": "a", "kind": "run"}', 400),
        ("chats", b'{"text": "a", "attachments": [1]}', 400),
        ("chats", b'{"text": "a", "attachments": ["x"]}', 404),
        ("chats", b'{"text": "a", "kind": "compare"}', 400),
        ("chats", b'{"text": "a", "kind": "compare", "models": ["1","2","3","4","5","6","7","8","9"]}', 400),
        ("chats", b'{"text": "a", "model": "no-such/model/x"}', 404),
        ("chats/x/turns", b'{"text": "a"}', 404),
        ("chats/x/title", b'{"title": ""}', 400),
        ("chats/x/title", b'{"title": "a"}', 404),
        ("chats/x/head", b'{"node": "a"}', 404),
        ("chats/x/fork", b"{}", 404),
        ("chats/x/delete", b"", 404),
        ("chats/x/restore", b"", 404),
        ("turns/x/stop", b"", 404),
        ("turns/x/answer", b'{"decision": "once", "request": "r"}', 404),
        ("turns/x/answer", b'{"decision": "maybe"}', 400),
    ],
)  # fmt: skip
def test_page_api_refuses_malformed_request(page: PageClient, path: str, body: bytes, status: int) -> None:
    found = page.http.post(f"/api/{path}", content=body)
    assert found.status_code == status, found.text
    assert found.json()["error"]["message"]


def test_page_api_refuses_message_of_another_chat(served: Served, page: PageClient) -> None:
    served.gateway.reply(Reply(Text("a")), Reply(Text("b")))
    one, other = page.ask("one"), page.ask("other")
    node = other["nodes"][0]["id"]
    bodies: list[dict[str, Any]] = [
        {"kind": "edit", "node": node, "text": "x"},
        {"kind": "retry", "node": node},
        {"kind": "continue", "node": node},
        {"kind": "send", "text": "x", "parent": node},
        {"kind": "compare", "node": node, "models": ["xopenai/gpt-5.2"]},
    ]
    for body in bodies:
        assert page.refused(f"chats/{one['id']}/turns", body) == (404, "not_found")
    assert page.refused(f"chats/{one['id']}/head", {"node": node}) == (404, "not_found")
    assert page.refused(f"chats/{one['id']}/fork", {"node": node})[0] == 404
    assert page.refused(f"chats/{one['id'][:6]}/turns", {"text": "a prefix is no id"}) == (404, "not_found")
    assert page.chat(one["id"]) == one
    assert len(served.gateway.asked) == 2


@pytest.mark.parametrize(
    ("name", "data", "kind"),
    [
        ("x.png", b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", "text"),
        ("x.html", b"<script>alert(1)</script>", "text"),
        ("x.png", b"%PDF-1.4\n<script>", "file"),
        ("..\\..\\x", b"text", "text"),
        ("", b"text", "text"),
        ("n" * 500, b"text", "text"),
    ],
)
def test_page_upload_has_kind_of_its_content(page: PageClient, name: str, data: bytes, kind: str) -> None:
    found = page.http.post("/api/uploads", params={"name": name}, content=data).json()
    assert found["kind"] == kind
    assert 0 < len(found["name"]) <= 200
    assert "\\" not in found["name"]


def test_page_upload_too_large_or_of_no_kind_is_refused(page: PageClient) -> None:
    assert page.http.post("/api/uploads", content=b"\0\1\2").status_code == 400
    big = page.http.post("/api/uploads", content=iter([b"x" * LARGEST, b"x"]))
    assert (big.status_code, big.json()["error"]["message"]) == (413, "The body is larger than 32 MB.")


def test_page_blob_of_unknown_name_is_not_found(page: PageClient) -> None:
    for name in ("0" * 64, "x", "%2e%2e", "a" * 65):
        assert page.http.get(f"/api/blobs/{name}").status_code == 404


def test_page_counts_reports_of_policy(page: PageClient, stranger: httpx2.Client) -> None:
    for _ in range(60):
        assert stranger.post("/api/csp-report", content=b'{"csp-report": {}}').status_code == 204
    assert stranger.post("/api/csp-report", content=b"x" * 20_000).status_code == 413
    found = page.get("csp-reports")
    assert (found["count"], len(found["reports"])) == (60, 50)
