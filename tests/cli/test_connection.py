"""Proxies, certificates, keys and headers of a request, as a script sets them."""

from __future__ import annotations

import base64
import socket
from collections.abc import Iterator

import pytest

from tests.cli.conftest import KEY, PROTOCOLS, Program
from tests.gateway import Reply, fault

TOKEN = "tok-0123456789-wxyz"


def far(program: Program, row: str = "", base: str = "http://models.invalid/v1", key: str = KEY) -> None:
    program.configure(f'[providers.far]\nkey = "{key}"\nopenai = "{base}"\n{row}\n')


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port on which nobody listens, and that no other program gets."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        yield free.getsockname()[1]


@pytest.mark.parametrize(
    "env",
    [
        {"HTTP_PROXY": "127.0.0.1:9", "NO_PROXY": "localhost,127.0.0.1,::1"},
        {"ALL_PROXY": "socks://127.0.0.1:9/"},
        {"ALL_PROXY": "socks5h://127.0.0.1:9"},
        {"all_proxy": "no proxy at all"},
    ],
)
def test_proxy_of_environment_does_not_affect_loopback(program: Program, env: dict[str, str]) -> None:
    program.gateway.reply(Reply.text("here"))
    done = program.run("-m", "xopenai/any", "hello", env=env)
    assert (done.code, done.out, done.err) == (0, b"here", "")


def test_no_proxy_domain_covers_its_subdomains(program: Program) -> None:
    far(program, base="http://api.models.invalid/v1")
    done = program.run("-m", "far/any", "hello", env={"HTTP_PROXY": program.gateway.url, "NO_PROXY": "models.invalid"})
    assert done.code == 1
    assert program.gateway.requests == []


@pytest.mark.parametrize(
    ("env", "row", "named"),
    [
        (
            {"HTTP_PROXY": "http://user:hunter22@127.0.0.1:PORT"},
            "",
            ["HTTP_PROXY", "NO_PROXY", "http://127.0.0.1:PORT"],
        ),
        ({"all_proxy": "127.0.0.1:PORT"}, "", ["all_proxy", "http://127.0.0.1:PORT"]),
        ({}, 'proxy = "127.0.0.1:PORT"', ["proxy in [providers.far]", "http://127.0.0.1:PORT"]),
        ({"ALL_PROXY": "socks://127.0.0.1:PORT"}, "", ["ALL_PROXY", "socks5://"]),
        ({}, 'proxy = "ftp://127.0.0.1:PORT"', ["proxy in [providers.far]", "socks5://"]),
    ],
)
def test_proxy_failure_names_option(
    program: Program, closed_port: int, env: dict[str, str], row: str, named: list[str]
) -> None:
    port = str(closed_port)
    far(program, row.replace("PORT", port))
    done = program.run("-m", "far/any", "hello", env={name: url.replace("PORT", port) for name, url in env.items()})
    assert done.code == 1
    for word in named:
        assert word.replace("PORT", port) in done.err
    assert "Check the base URL" not in done.err
    assert "hunter22" not in done.err


def test_proxy_that_wants_password_is_named(program: Program) -> None:
    far(program)
    program.gateway.always(fault.status(407))
    done = program.run("-m", "far/any", "hello", env={"HTTP_PROXY": program.gateway.url})
    assert "HTTP_PROXY" in done.err
    assert "407" in done.err


@pytest.mark.parametrize(
    ("env", "row", "named"),
    [
        ({"SSL_CERT_FILE": "/gone/ca.pem"}, "", "SSL_CERT_FILE"),
        ({"SSL_CERT_DIR": "/gone"}, "", "SSL_CERT_DIR"),
        ({}, 'ca = "~/gone.pem"', "ca in [providers.far]"),
    ],
)
def test_missing_certificate_file_names_option(program: Program, env: dict[str, str], row: str, named: str) -> None:
    far(program, row, "https://127.0.0.1:1/v1")
    done = program.run("-m", "far/any", "hello", env=env)
    assert done.code == 1
    assert named in done.err
    assert "no such" in done.err
    assert "~" not in done.err


@pytest.mark.parametrize(
    "key", [f"'{KEY}'", f'"{KEY}"', f"Bearer {KEY}", f" bearer {KEY}\n", f"\u201c{KEY}\u201d"[1:-1], f'"Bearer {KEY}"']
)
def test_key_is_sent_without_quotes_and_scheme(program: Program, key: str) -> None:
    far(program, base=f"{program.gateway.url}/v1", key="env:FAR_KEY")
    program.gateway.reply(Reply.text("ok"))
    assert program.run("-m", "far/any", "hello", env={"FAR_KEY": key}).code == 0
    assert program.gateway.asked[0].headers["authorization"] == f"Bearer {KEY}"


def test_anthropic_auth_token_is_sent_as_bearer(program: Program) -> None:
    program.configure("")
    program.gateway.reply(Reply.text("ok"))
    env = {"ANTHROPIC_AUTH_TOKEN": TOKEN, "ANTHROPIC_BASE_URL": f"{program.gateway.url}/anthropic"}
    done = program.run("-m", "anthropic/claude-opus-5", "hello", env=env)
    assert done.code == 0, done.err
    headers = program.gateway.asked[0].headers
    assert headers["authorization"] == f"Bearer {TOKEN}"
    assert "x-api-key" not in headers


def test_header_from_variable_keeps_inner_blanks(program: Program) -> None:
    far(program, 'headers = { "X-Auth" = "env:FAR_AUTH" }', f"{program.gateway.url}/v1")
    program.gateway.reply(Reply.text("ok"))
    assert program.run("-m", "far/any", "hello", env={"FAR_AUTH": f"Bearer {TOKEN}\n"}).code == 0
    assert program.gateway.asked[0].headers["x-auth"] == f"Bearer {TOKEN}"


def test_header_that_http_cannot_carry_is_named(program: Program) -> None:
    far(program, 'headers = { "X-Team" = "Zoë" }', f"{program.gateway.url}/v1")
    done = program.run("-m", "far/any", "hello")
    assert done.code == 1
    assert "X-Team" in done.err
    assert "key" not in done.err


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_password_in_base_url_replaces_no_key_and_is_hidden(program: Program, protocol: str) -> None:
    config = program.home / ".config" / "termchat" / "config.toml"
    program.configure(config.read_text().replace("http://", "http://ann:hunter22@"))
    program.gateway.reply(fault.status(401, 'echo "hunter22"'))
    program.gateway.expect_problems()  # the validators of the vendors' own hosts want one way to authenticate
    done = program.run("-m", f"x{protocol}/any", "hello")
    headers = program.gateway.asked[0].headers
    sent = [headers.get(name, "") for name in ("authorization", "x-api-key", "x-goog-api-key")]
    assert KEY in " ".join(sent)
    if protocol in ("anthropic", "gemini"):
        assert f"Basic {base64.b64encode(b'ann:hunter22').decode()}" in sent
    assert "hunter22" not in done.err
    assert "hunter22" not in program.run("config").out.decode()


@pytest.mark.parametrize("model", ["openai/", "openai/a\x1bb", "xopenai/ ", "/x"])
def test_model_without_usable_name_is_rejected(program: Program, model: str) -> None:
    done = program.run("-m", model, "hello", env={"OPENAI_API_KEY": KEY})
    assert done.code == 2
    assert "model" in done.err
    assert "\x1b" not in done.err
    assert program.gateway.requests == []
