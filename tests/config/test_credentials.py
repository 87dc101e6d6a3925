"""Sources of keys, and the failure when a key is missing."""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from termchat.config.credentials import Credentials
from termchat.core.errors import Failure, FailureKind
from termchat.core.models import ProviderConfig

ENV = {"PATH": "/usr/bin:/bin", "A": "", "B": " sk-b\n", "C": "sk-c"}


def provider(key: str, *, local: bool = False) -> ProviderConfig:
    return ProviderConfig("x", title="X Corp", key=key, key_page="https://x.example/keys", local=local)


def failure(found: object) -> Failure:
    assert isinstance(found, Failure)
    assert found.kind is FailureKind.NO_KEY
    return found


@pytest.mark.parametrize(
    ("reference", "key"),
    [("env:B", "sk-b"), ("env:A,B", "sk-b"), ("env:A, C", "sk-c"), (" sk-\n1 ", "sk-1"), ("", "")],
)
def test_key_from_first_set_variable_or_literal(reference: str, key: str) -> None:
    assert Credentials(ENV).key(provider(reference)) == key
    assert Credentials(ENV).has_key(provider(reference))


def test_key_missing_names_variables_and_key_page() -> None:
    found = failure(Credentials(ENV).key(provider("env:A,D")))
    assert found.message == "No key for X Corp: A or D is not set."
    assert found.hint == "Set it: export A=... Get a key at https://x.example/keys"
    assert not Credentials(ENV).has_key(provider("env:A,D"))


def test_key_of_local_server_is_optional() -> None:
    assert Credentials(ENV).key(provider("env:A", local=True)) == ""
    assert Credentials(ENV).key(provider("env:B", local=True)) == "sk-b"
    assert Credentials(ENV).has_key(provider("env:A", local=True))


def test_key_command_runs_once_until_key_is_refused(tmp_path: Path) -> None:
    count = tmp_path / "count"
    credentials = Credentials(ENV)
    asked = provider(f"cmd:echo x >> {count}; wc -l < {count} | sed 's/ *//; s/^/key-/'; echo more")
    assert credentials.has_key(asked)
    assert not count.exists()
    assert [credentials.key(asked), credentials.key(asked)] == ["key-1", "key-1"]
    assert [credentials.key(asked, again=True), credentials.key(asked)] == ["key-2", "key-2"]


@pytest.mark.parametrize(
    ("command", "why"),
    [
        ("echo no such entry >&2; exit 3", "no such entry"),
        ("exit 3", "exit code 3"),
        ("true", "no output"),
        ("", "no command"),
    ],
)
def test_key_command_without_output_names_reason(command: str, why: str) -> None:
    assert why in failure(Credentials(ENV).key(provider(f"cmd:{command}"))).message


def test_key_command_times_out_with_its_children() -> None:
    began = time.monotonic()
    found = failure(Credentials(ENV, seconds=0.2).key(provider("cmd:sleep 30 & sleep 30")))
    assert "no output within 0.2 seconds" in found.message
    assert time.monotonic() - began < 10


def test_key_command_failure_hides_arguments() -> None:
    assert "hush" not in failure(Credentials(ENV).key(provider("cmd:false hush"))).message


def test_key_from_keyring_is_read_or_hint_names_next_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)
    assert "[keyring]'" in failure(Credentials(ENV).key(provider("keyring:x"))).hint
    fake = SimpleNamespace(get_password=lambda service, name: {("termchat", "x"): "sk-x"}.get((service, name)))
    monkeypatch.setitem(sys.modules, "keyring", fake)
    assert Credentials(ENV).key(provider("keyring:x")) == "sk-x"
    assert "keyring set termchat y" in failure(Credentials(ENV).key(provider("keyring:y"))).hint


def test_headers_resolve_key_references() -> None:
    credentials = Credentials(ENV)
    headers = {"X-Title": "termchat", "X-Key": "env:B", "X-Cmd": "cmd:echo hi", "X-None": ""}
    assert credentials.resolve_headers(headers) == {"X-Title": "termchat", "X-Key": "sk-b", "X-Cmd": "hi", "X-None": ""}
    assert "X-Key" in failure(credentials.resolve_headers({"X-Key": "env:A"})).message


@pytest.mark.parametrize(
    ("reference", "shown"),
    [
        ("env:A,C", "C"),
        ("env:A,D", "A or D"),
        ("cmd:pass show secret", "the command pass"),
        (" cmd:pass show secret", "the command pass"),
        ("file:/a b", "file:/a b"),
        ("sk-1", "the configuration"),
    ],
)
def test_key_source_is_named_without_key(reference: str, shown: str) -> None:
    assert Credentials(ENV).source(provider(reference)) == shown


@pytest.mark.parametrize(("place", "shown"), [("--base-url", "--key"), ("this run", "the login of this run")])
def test_key_of_one_run_is_not_said_to_be_configured(place: str, shown: str) -> None:
    assert Credentials(ENV).source(replace(provider("sk-1"), source=place)) == shown
