"""`termchat mcp login` and `logout`, with a browser that is a program."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import Program
from tests.gateway import Call, Reply, Text
from tests.tools.mcp.oauth_server import OAuthWorld, oauth_world

BROWSER = "import sys, urllib.request; urllib.request.urlopen(sys.argv[1])"


@pytest.fixture
def world() -> Iterator[OAuthWorld]:
    with oauth_world() as made:
        yield made


@pytest.fixture
def guarded(program: Program, world: OAuthWorld) -> Program:
    """A program with the MCP server `web`, which wants a login."""
    file = program.home / ".config" / "termchat" / "config.toml"
    file.write_text(f'allow = ["mcp_web_*"]\n{file.read_text()}[mcp.web]\nurl = "{world.urls[0]}"\nseconds = 60\n')
    script = program.home / "browser.py"
    script.write_text(BROWSER)
    program.env["BROWSER"] = f"{sys.executable} {script} %s"
    return program


def tokens(program: Program) -> list[str]:
    (file,) = (program.home / ".local" / "share" / "termchat" / "mcp-logins").iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    return [value for key, value in json.loads(file.read_text())["tokens"].items() if key.endswith("_token")]


def test_mcp_login_is_used_by_test_and_scripts_until_logout(guarded: Program) -> None:
    needs = "termchat: The MCP server web needs a login.\ntermchat: Log in with: termchat mcp login web\n"
    done = guarded.run("mcp", "test", "web")
    assert (done.code, done.err) == (1, needs)
    done = guarded.run("mcp", "login", "web")
    assert done.code == 0, done.err
    first, page, last = done.err.splitlines()
    assert first.startswith("termchat: Agree in the browser, within 5 minutes.")
    assert page.startswith("http://127.0.0.1:")
    assert last == "termchat: Logged in to web. Check it with: termchat mcp test web"
    secret = tokens(guarded)
    assert len(secret) == 2
    assert "mcp_web_add\tAdd two numbers. The token is …" in guarded.run("mcp", "test", "web").out.decode()
    guarded.gateway.reply(Reply(Call("mcp_web_add", {"a": 2, "b": 3})), Reply(Text(f"It is {secret[0]}")))
    asked = guarded.run("-m", "xopenai/any", "--tools", "mcp", "add")
    assert asked.code == 0, asked.err
    assert '"5"' in json.dumps(guarded.gateway.asked[1].body)
    chats = b"".join(file.read_bytes() for file in (guarded.home / ".local/share/termchat").glob("termchat.db*"))
    assert b"It is" in chats
    assert secret[0].encode() not in chats
    config = (guarded.home / ".config" / "termchat" / "config.toml").read_text()
    assert not any(each in config + done.err + done.out.decode() for each in secret)
    assert guarded.run("mcp", "logout", "web").err == "termchat: Logged out of web.\n"
    assert guarded.run("mcp", "logout", "web").err == "termchat: There is no login to web.\n"
    assert guarded.run("mcp", "test", "web").err == needs


def test_mcp_login_that_is_declined_fails(guarded: Program, world: OAuthWorld) -> None:
    world.issuer.error = "access_denied"
    done = guarded.run("mcp", "login", "web")
    assert done.code == 1
    assert done.err.endswith("The login to the MCP server web failed: it was declined in the browser.\n")


def test_mcp_login_ends_on_interrupt(guarded: Program) -> None:
    del guarded.env["BROWSER"]
    process = guarded.start("mcp", "login", "web")
    assert process.stderr
    process.stderr.readline()
    process.stderr.readline()
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 130
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.stdout
    process.stdout.close()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("rm", "web"), "Removed web.\n"),
        (("add", "--force", "web", "other"), "Added web. Check it with: termchat mcp test web\n"),
    ],
)
def test_mcp_rm_and_replacement_end_login_at_its_issuer(
    guarded: Program, world: OAuthWorld, arguments: tuple[str, ...], words: str
) -> None:
    assert guarded.run("mcp", "login", "web").code == 0
    assert world.issuer.access
    assert world.issuer.refresh
    assert guarded.run("mcp", *arguments).err == f"termchat: {words}"
    assert not world.issuer.access
    assert not world.issuer.refresh
    assert list((guarded.home / ".local" / "share" / "termchat" / "mcp-logins").iterdir()) == []


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ('command = "x"', "The MCP server it is a program, which needs no login."),
        ('url = "https://a.example/"\nheaders = { Authorization = "x" }', "has a header Authorization, which counts."),
    ],
)
def test_mcp_login_to_server_without_oauth_is_refused(program: Program, tmp_path: Path, row: str, words: str) -> None:
    program.configure(f"[mcp.it]\n{row}\n")
    done = program.run("mcp", "login", "it")
    assert done.code == 2
    assert words in done.err
