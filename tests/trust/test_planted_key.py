"""A key is found nowhere but at the origin it belongs to, after a run through the features and the failures."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import pytest

from tests.cli.conftest import PROTOCOLS, Program
from tests.cli.scripts.test_serve import serving
from tests.gateway import Call, Gateway, GatewayThread, Reasoning, Reply, Text, fault
from tests.gateway.answers import Answer
from tests.pty.harness import Terminal

KEYS = {  # each from another place; all are obviously fake
    "openai": "sk-obviously-not-real-environment-1a2b3c",
    "responses": "sk-obviously-not-real-config-file-4d5e6f",
    "anthropic": "obviously-not-real-of-a-command-7g8h9i",
    "gemini": "obviously-not-real-in-a-file-0j1k2l",
}
SECRETS = {
    "header": "obviously-not-real-header-secret-3m4n5o",
    "server": "obviously-not-real-mcp-secret-6p7q8r",
    "other": "sk-obviously-not-real-of-nobody-9s0t1u",
}
ALL = {**KEYS, **SECRETS}
_REPEATED = 5  # the first of the failures, which every protocol reads in its own code
SPY = '''
import os
from pathlib import Path
from termchat.functions import reads

@reads
def spy() -> str:
    """Tell what a program can see."""
    lines = [file.read_bytes() for file in Path("/proc").glob("[0-9]*/cmdline") if file.stat().st_uid == os.getuid()]
    return repr(dict(os.environ)) + repr([line for line in lines if b"termchat" in line])
'''


def failures(key: str, other: str) -> list[Answer]:
    """Return what a server answers that repeats its key, a redirect to another origin, and then usual failures."""
    return [
        fault.status(401, echo_key=True),
        fault.status(403, message=f"The key {key} is not allowed."),
        fault.Status(500, body=f'{{"error": {{"message": "{key}", "type": "{key}"}}}}'.encode()),
        fault.redirect(f"{other}/v1/messages?key={key}"),
        Reply(Text("half "), fault.error_event(message=key)),
        fault.status(429, retry_after="1", message=key),
        fault.html(),
        fault.reset(),
        Reply(Text("half"), fault.cut()),
        Reply(Text("half"), fault.raw(f"data: {key}\n\n".encode())),
    ]


@dataclass
class House:
    """termchat with a gateway for each key, and one that no key belongs to."""

    program: Program
    gateways: dict[str, Gateway]
    other: Gateway
    outputs: list[bytes] = field(default_factory=list[bytes])

    def run(self, *arguments: str, stdin: bytes | None = None) -> None:
        done = self.program.run(*arguments, stdin=stdin)
        self.outputs += [done.out, done.err.encode()]

    def ask(self, protocol: str, *arguments: str, answers: tuple[Answer, ...]) -> None:
        self.gateways[protocol].forget()
        self.gateways[protocol].reply(*answers)
        self.run("-m", f"x{protocol}/any", *arguments)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with ExitStack() as stack:
        gateways = {protocol: stack.enter_context(GatewayThread()) for protocol in PROTOCOLS}
        other = stack.enter_context(GatewayThread())
        for gateway in (*gateways.values(), other):
            gateway.expect_problems()
            gateway.allow_plain()
            gateway.always(Reply(Reasoning("hm"), Text("fine")))
        home, cwd = tmp_path / "home", tmp_path / "work"
        home.mkdir()
        cwd.mkdir()
        (home / "key").write_text(f"{KEYS['gemini']}\n")
        (home / "give").write_text(f"#!/bin/sh\necho {KEYS['anthropic']}\n")
        (home / "give").chmod(0o700)
        (cwd / "spy.py").write_text(SPY)
        env = {
            "HOME": str(home), "PATH": os.environ["PATH"], "LANG": "C.UTF-8", "TERMCHAT_MAX_RETRIES": "0",
            "ACME_KEY": KEYS["openai"], "ACME_HEADER": SECRETS["header"], "SERVER_SECRET": SECRETS["server"],
        }  # fmt: skip
        program = Program(gateways["openai"], home, cwd, env)
        program.configure(_config(gateways))
        yield House(program, gateways, other)


def _config(gateways: dict[str, Gateway]) -> str:
    url = {protocol: gateway.url for protocol, gateway in gateways.items()}
    return f"""
[providers.xopenai]
key = "env:ACME_KEY"
openai = "{url["openai"]}/v1"
headers = {{ X-Team = "env:ACME_HEADER" }}
[providers.xresponses]
key = "{KEYS["responses"]}"
responses = "{url["responses"]}/v1"
[providers.xanthropic]
key = "cmd:~/give"
anthropic = "{url["anthropic"]}"
[providers.xgemini]
key = "file:~/key"
gemini = "{url["gemini"]}"
[mcp.demo]
command = "{sys.executable}"
args = ["-m", "termchat.tools.mcp.demo_server"]
env = {{ TOKEN = "env:SERVER_SECRET" }}
seconds = 60
"""


def _fail(house: House) -> None:
    for protocol, key in KEYS.items():
        for answer in failures(key, house.other.url)[: None if protocol == "openai" else _REPEATED]:
            house.ask(protocol, "--record", f"{len(house.outputs)}.sse", "hi", answers=(answer,))
    house.run("replay", "--speed", "0", "2.sse")
    assert (house.program.cwd / "2.sse").exists()


def _ask_with_tools(house: House) -> None:
    spying = (Reply(Call("spy", {}), Call("run_shell", {"command": "env"})), Reply(Text("seen")))
    allowed = ("--tools", "all", "--functions", "spy.py", "--yes")
    house.ask("openai", *allowed, "look", answers=spying)
    assert "TERM" in str(house.gateways["openai"].asked[-1].body)  # the programs have run
    house.ask("openai", "--tools", "mcp", "--allow", "mcp_demo_dice", "--yes", "roll",
              answers=(Reply(Call("mcp_demo_dice", {"seed": 1, "rolls": 2})), Reply(Text("rolled"))))  # fmt: skip


def _use_scripts(house: House) -> None:
    (house.program.cwd / "rows.jsonl").write_text('"one"\n"two"\n')
    for form in ("--json", "--ndjson", "--dry-run"):
        for protocol in KEYS:
            house.ask(protocol, form, "hi", answers=(fault.status(401, echo_key=True),))
    for protocol in KEYS:
        house.gateways[protocol].reply(fault.status(401, echo_key=True), model="any")
        house.run("batch", "-m", f"x{protocol}/any", "rows.jsonl", "-o", f"{protocol}.jsonl")
    house.run("suggest", "-m", "xopenai/any", "x")
    house.run("login", "groq", "--key-stdin", "--no-check", stdin=SECRETS["other"].encode())
    house.run("logout", "groq")
    with serving(house.program) as (process, address, token):
        for protocol in KEYS:
            house.gateways[protocol].reply(fault.status(401, echo_key=True))
            body = {"model": f"x{protocol}/any", "messages": [{"role": "user", "content": "hi"}]}
            headers = {"Authorization": f"Bearer {token}"}
            url = f"{address}/v1/chat/completions"
            house.outputs.append(httpx2.post(url, json=body, headers=headers, trust_env=False, timeout=30).content)
        process.terminate()
        house.outputs += [piece or b"" for piece in process.communicate(timeout=30)]


def _use_listings(house: House) -> None:
    for words in (
        "config",
        "doctor",
        "doctor --json",
        "models --fresh",
        "models --json",
        "usage",
        "chats",
        "mcp",
        "tools",
    ):
        house.run(*words.split())


def _chat(house: House) -> None:
    env = {**house.program.env, "PAGER": "cat"}
    for flags in ((), ("--plain",)):
        house.gateways["openai"].reply(fault.status(401, echo_key=True))
        with Terminal((sys.executable, "-m", "termchat", "-m", "xopenai/any", *flags), rows=60, env=env) as terminal:
            terminal.until(lambda: terminal.text.rstrip() != "")
            terminal.send("hello\r")
            terminal.shows("401")
            for command, shown in (("/error", "Server message"), ("/doctor", "size: 80")):
                terminal.send(f"\x15{command}\r")
                terminal.shows(shown)
                terminal.settled()
            terminal.send("\x15/exit\r")
            terminal.leaves()
            house.outputs.append(terminal.output)


@pytest.mark.parametrize("use", [_fail, _ask_with_tools, _use_scripts, _use_listings, _chat])
def test_planted_key_is_found_only_at_its_own_origin(house: House, use: Callable[[House], None]) -> None:
    for protocol, key in KEYS.items():
        house.gateways[protocol].reply(Reply(Reasoning(key), Text(f"Your key is {key}.")))  # saved, but masked
        assert house.program.run("-m", f"x{protocol}/any", "hello").out == f"Your key is {key}.".encode()
    use(house)
    for form in ("md", "json", "html", "txt"):
        house.run("chats", "export", "--format", form, "-o", f"chats.{form}")
    _check(house)


def _check(house: House) -> None:
    configured = {house.program.home / name for name in ("key", "give", ".config/termchat/config.toml")}
    files = [path for path in house.program.home.parent.rglob("*") if path.is_file() and path not in configured]
    assert {"termchat.db", "chats.json"} <= {path.name for path in files}
    for name, key in ALL.items():
        raw = key.encode()
        assert [str(path) for path in files if raw in path.read_bytes()] == [], name
        assert [output for output in house.outputs if raw in output] == [], name
        for protocol, gateway in {**house.gateways, "nobody": house.other}.items():
            for request in gateway.requests:
                sent = {**request.headers, "target": f"{request.path}?{request.query}"}
                found = [header for header, value in sent.items() if key in value]
                assert protocol == name or not found or (name, protocol) == ("header", "openai"), (name, request.path)
                assert "target" not in found
                assert raw not in request.raw, (name, request.path)
    assert house.other.requests == []
    for protocol, key in KEYS.items():
        assert any(key in str(request.headers) for request in house.gateways[protocol].requests), protocol
