"""`termchat login`, `logout` and `doctor`, as scripts and people run them."""

from __future__ import annotations

import json
import os
import sqlite3
import tomllib
from pathlib import Path

import pytest

from termchat.core.models import CheckState
from tests.cli.conftest import KEY as OTHER_KEY
from tests.cli.conftest import Program, on_terminal
from tests.gateway import Reply, fault
from tests.gateway.script import Call

KEY = "sk-planted-0123456789-4f2a"
GROUPS = {"config", "provider", "terminal", "storage", "reports", "extras"}


@pytest.fixture(autouse=True)
def _list_is_asked_without_key(program: Program) -> None:
    """Accept requests without a key: they show whether the list of models proves one."""
    program.gateway.expect_problems()


def config_file(program: Program) -> Path:
    return program.home / ".config" / "termchat" / "config.toml"


def log_in(program: Program, *options: str, key: str = KEY, name: str = "mine") -> tuple[int, str]:
    done = program.run(
        "login", name, "--key-stdin", "--base-url", f"{program.gateway.url}/v1", *options, stdin=f"{key}\n".encode()
    )
    return done.code, done.err


def test_key_of_standard_input_is_tried_and_stored_privately(program: Program) -> None:
    program.gateway.key = KEY
    before = tomllib.loads(config_file(program).read_text())
    code, err = log_in(program, "--model", "gpt-4.1", key=f'"{KEY}"')
    assert code == 0, err
    assert "Removed the quotes around it." in err
    assert KEY not in err
    row = {"key": KEY, "openai": f"{program.gateway.url}/v1", "model": "gpt-4.1"}
    after = tomllib.loads(config_file(program).read_text())
    assert after == {"providers": {**before["providers"], "mine": row}}
    assert config_file(program).stat().st_mode & 0o777 == 0o600
    program.gateway.reply(Reply.text("works"))
    done = program.run("-m", "mine/gpt-4.1", "hello")
    assert (done.code, done.out) == (0, b"works"), done.err


@pytest.mark.parametrize(
    ("answer", "code", "words"),
    [
        (fault.bad_key(), 77, "refused the key (401"),
        (fault.quota(), 1, "out of credit"),
        (fault.status(429), 75, "Rate limited"),
        (fault.reset(), 1, "Cannot reach"),
    ],
)
def test_key_that_fails_is_not_stored(program: Program, answer: fault.Fault, code: int, words: str) -> None:
    before = config_file(program).read_text()
    program.gateway.models_answer = answer
    found, err = log_in(program)
    assert (found, words in err, KEY in err) == (code, True, False), err
    assert config_file(program).read_text() == before


def test_unchecked_key_is_stored_without_a_request(program: Program) -> None:
    code, err = log_in(program, "--no-check")
    assert code == 0, err
    assert program.gateway.requests == []


@pytest.mark.parametrize(
    ("arguments", "stdin", "words"),
    [
        (("login",), None, "needs a terminal"),
        (("login", KEY), None, "A key is no argument"),
        (("login", "--key-stdin"), b"x", "needs the name of the provider"),
        (("login", "nowhere", "--key-stdin"), b"x", "There is no provider"),
        (("login", "mine", "--key-stdin", "--base-url", "ftp://x"), b"x", "no base URL"),
        (("login", "openai", "--key-stdin"), b"", "Standard input has no key"),
        (("login", "openai", "--key-stdin", "--store", "cloud"), b"x", "--store is one of"),
        (("doctor", "--full"), None, "Add --yes"),
    ],
)
def test_wrong_use_is_reported(program: Program, arguments: tuple[str, ...], stdin: bytes | None, words: str) -> None:
    done = program.run(*arguments, stdin=stdin)
    assert (done.code, done.out) == (2, b"")
    assert words in done.err
    assert KEY not in done.err


def test_logout_removes_key_of_login_and_no_other(program: Program) -> None:
    log_in(program)
    hand = program.run("logout", "xopenai")
    assert (hand.code, "no login has written it" in hand.err) == (1, True), hand.err
    done = program.run("logout", "mine")
    assert (done.code, "Logged out of mine" in done.err) == (0, True), done.err
    text = config_file(program).read_text()
    assert KEY not in text
    assert OTHER_KEY in text
    assert program.run("logout", "mine").code == 1


def test_doctor_report_is_json_without_secrets(program: Program) -> None:
    done = program.run("doctor", "--json")
    report = json.loads(done.out)
    assert (report["v"], report["ok"], done.code) == (1, True, 0), done.out.decode()
    assert set(report) == {"v", "termchat", "python", "system", "ok", "checks"}
    for check in report["checks"]:
        assert set(check) == {"group", "subject", "name", "state", "message", "next"}
        assert check["group"] in GROUPS
        assert check["state"] in set(CheckState)
    text = done.out.decode()
    assert OTHER_KEY not in text
    assert str(program.home) not in text
    assert "~/.config/termchat/config.toml" in text
    names = {(c["subject"], c["name"]) for c in report["checks"] if c["group"] == "provider"}
    for protocol in ("openai", "responses", "anthropic", "gemini"):
        for name in ("reach", "key", "models", "stream", "usage", "tools", "images"):
            assert (f"x{protocol}", name) in names


def test_doctor_fails_with_next_step_for_refused_key(program: Program) -> None:
    program.gateway.key = KEY
    done = program.run("doctor", "--json")
    report = json.loads(done.out)
    failed = [check for check in report["checks"] if check["state"] == "failed"]
    assert (done.code, report["ok"]) == (1, False)
    assert {(check["subject"], check["name"]) for check in failed} >= {("xopenai", "key"), ("xanthropic", "key")}
    assert all(check["next"] for check in failed)
    assert OTHER_KEY not in done.out.decode()


def test_doctor_in_full_makes_three_requests(program: Program) -> None:
    program.configure(
        f'[providers.only]\nkey = "{OTHER_KEY}"\nopenai = "{program.gateway.url}/v1"\nmodel = "gpt-4.1"\n'
    )
    program.gateway.reply(Reply.text("ok"), Reply(Call("ping", "{}")), Reply.text("blue"))
    done = program.run("doctor", "--full", "--yes", "--json")
    states = {check["name"]: check["state"] for check in json.loads(done.out)["checks"] if check["group"] == "provider"}
    names = ("reach", "key", "models", "stream", "usage", "tools", "images")
    assert [states[name] for name in names] == ["ok"] * 7, done.out.decode()
    assert len(program.gateway.asked) == 3
    assert done.code == 0


def test_doctor_without_full_makes_no_request_that_costs(program: Program) -> None:
    assert program.run("doctor").code == 0
    assert program.gateway.requests
    assert program.gateway.asked == []


def test_doctor_reports_broken_configuration_and_database(program: Program) -> None:
    data = program.home / ".local" / "share" / "termchat"
    data.mkdir(parents=True)
    with sqlite3.connect(data / "termchat.db") as made:
        made.execute("create table t (x)")
        made.executemany("insert into t values (?)", [("y" * 900,)] * 50)
    made.close()
    with open(data / "termchat.db", "r+b") as file:
        file.seek(4096)
        file.write(os.urandom(8192))
    done = program.run("doctor")
    assert (done.code, "✗ ~/.local/share/termchat/termchat.db database" in done.out.decode()) == (1, True)
    program.configure("model = [")
    done = program.run("doctor", "--json")
    report = json.loads(done.out)
    assert (done.code, report["checks"][0]["group"], report["checks"][0]["state"]) == (1, "config", "failed")


def test_doctor_on_terminal_tells_its_abilities(program: Program) -> None:
    program.configure("")
    shown, code = on_terminal(program, "doctor", columns=80)
    assert "✓ size: 80 columns, 24 rows" in shown
    assert "colours: 256 colours, by TERM" in shown
    assert code == 0
