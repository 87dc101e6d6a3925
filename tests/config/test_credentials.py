"""Keys: where they are found, and what is said when they are not."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from termchat.config.credentials import Credentials
from termchat.core.errors import Failure, FailureKind
from termchat.core.models import ProviderConfig

ENV = {"PATH": "/usr/bin:/bin", "A": "", "B": " sk-b\n", "C": "sk-c"}


def profile(key: str, *, local: bool = False) -> ProviderConfig:
    return ProviderConfig("x", title="X Corp", key=key, key_page="https://x.example/keys", local=local)


def failure(found: object) -> Failure:
    assert isinstance(found, Failure)
    assert found.kind is FailureKind.NO_KEY
    return found


@pytest.mark.parametrize(
    ("reference", "key"),
    [("env:B", "sk-b"), ("env:A,B", "sk-b"), ("env:A, C", "sk-c"), (" sk-\n1 ", "sk-1"), ("", "")],
)
def test_a_key_comes_from_the_first_variable_that_is_set_or_stands_there_itself(reference: str, key: str) -> None:
    assert Credentials(ENV).key(profile(reference)) == key
    assert Credentials(ENV).has_key(profile(reference))


def test_a_missing_key_names_the_variables_and_the_way_out() -> None:
    found = failure(Credentials(ENV).key(profile("env:A,D")))
    assert found.message == "No key for X Corp: A or D is not set."
    assert found.hint == "Set it: export A=... Get a key at https://x.example/keys"
    assert not Credentials(ENV).has_key(profile("env:A,D"))


def test_a_local_server_needs_no_key_but_gets_one_that_is_there() -> None:
    assert Credentials(ENV).key(profile("env:A", local=True)) == ""
    assert Credentials(ENV).key(profile("env:B", local=True)) == "sk-b"
    assert Credentials(ENV).has_key(profile("env:A", local=True))


def test_a_command_runs_once_and_again_when_its_key_was_refused(tmp_path: Path) -> None:
    count = tmp_path / "count"
    secrets = Credentials(ENV)
    asked = profile(f"cmd:echo x >> {count}; wc -l < {count} | sed 's/ *//; s/^/key-/'; echo more")
    assert secrets.has_key(asked)
    assert not count.exists()
    assert [secrets.key(asked), secrets.key(asked)] == ["key-1", "key-1"]
    assert [secrets.key(asked, again=True), secrets.key(asked)] == ["key-2", "key-2"]


@pytest.mark.parametrize(
    ("command", "why"),
    [
        ("echo no such entry >&2; exit 3", "no such entry"),
        ("exit 3", "it ended with 3"),
        ("true", "it printed nothing"),
        ("", "no command"),
    ],
)
def test_a_command_that_gives_nothing_says_why(command: str, why: str) -> None:
    assert why in failure(Credentials(ENV).key(profile(f"cmd:{command}"))).message


def test_a_command_has_a_time_limit_with_all_it_started() -> None:
    began = time.monotonic()
    found = failure(Credentials(ENV, seconds=0.2).key(profile("cmd:sleep 30 & sleep 30")))
    assert "no answer in 0.2 seconds" in found.message
    assert time.monotonic() - began < 10


def test_a_failing_command_never_shows_its_arguments() -> None:
    assert "hush" not in failure(Credentials(ENV).key(profile("cmd:false hush"))).message


def test_key_from_keyring_needs_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)
    assert "pip install 'termchat[keyring]'" in failure(Credentials(ENV).key(profile("keyring:x"))).hint
    fake = SimpleNamespace(get_password=lambda service, name: {("termchat", "x"): "sk-x"}.get((service, name)))
    monkeypatch.setitem(sys.modules, "keyring", fake)
    assert Credentials(ENV).key(profile("keyring:x")) == "sk-x"
    assert "keyring set termchat y" in failure(Credentials(ENV).key(profile("keyring:y"))).hint


def test_references_inside_headers_are_expanded() -> None:
    secrets = Credentials(ENV)
    headers = {"X-Title": "termchat", "X-Key": "env:B", "X-Cmd": "cmd:echo hi", "X-None": ""}
    assert secrets.resolve_headers(headers) == {"X-Title": "termchat", "X-Key": "sk-b", "X-Cmd": "hi", "X-None": ""}
    assert "X-Key" in failure(secrets.resolve_headers({"X-Key": "env:A"})).message


@pytest.mark.parametrize(
    ("reference", "shown"),
    [("env:A,C", "C"), ("env:A,D", "A,D"), ("cmd:pass show secret", "the command pass"), ("sk-1", "the configuration")],
)
def test_the_source_of_a_key_is_told_but_never_the_key(reference: str, shown: str) -> None:
    assert Credentials(ENV).source(profile(reference)) == shown
