"""Test that keys of a login are marked in the config file, kept private, and removed alone."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from termchat.config.bounded_read import is_open_to_others
from termchat.config.stored_keys import remove_key, write_provider, written_keys
from termchat.core.errors import Failure

KEY = "sk-obviously-not-a-real-key-4f2a"
OWN = """\
# my gateways
model = "own/one"

[providers.own]
key = "env:OWN_KEY"  # of the team
openai = "https://own.example/v1"

[aliases]
fast = "own/one"
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "termchat" / "config.toml"
    file.parent.mkdir()
    file.write_text(OWN)
    file.chmod(0o644)
    return file


def test_first_key_makes_private_file(tmp_path: Path) -> None:
    file = tmp_path / "new" / "config.toml"
    assert write_provider(file, "openai", {"key": KEY}) is None
    assert tomllib.loads(file.read_text()) == {"providers": {"openai": {"key": KEY}}}
    assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)


def test_key_in_open_file_makes_it_private_and_keeps_its_text(file: Path) -> None:
    assert is_open_to_others(file)
    assert write_provider(file, "openai", {"key": KEY, "model": "gpt"}) is None
    assert file.stat().st_mode & 0o777 == 0o600
    assert [line for line in OWN.splitlines() if line not in file.read_text()] == []


def test_name_of_source_leaves_mode_of_file(file: Path) -> None:
    assert write_provider(file, "openai", {"key": "env:OPENAI_API_KEY"}) is None
    assert file.stat().st_mode & 0o777 == 0o644


def test_only_keys_of_a_login_are_written_keys(file: Path) -> None:
    assert written_keys(file) == {}
    assert write_provider(file, "openai", {"key": KEY}) is None
    assert write_provider(file, "ofox", {"key": "keyring:ofox"}) is None
    assert written_keys(file) == {"openai": KEY, "ofox": "keyring:ofox"}


def test_removal_leaves_everything_else(file: Path) -> None:
    before = tomllib.loads(file.read_text())
    assert write_provider(file, "openai", {"key": KEY}) is None
    assert write_provider(file, "own", {"key": KEY}) is None
    assert remove_key(file, "openai") is None
    assert remove_key(file, "own") is None
    after = tomllib.loads(file.read_text())
    del before["providers"]["own"]["key"]
    assert after == before
    assert KEY not in file.read_text()
    assert "# my gateways" in file.read_text()


def test_broken_file_is_not_changed(file: Path) -> None:
    file.write_text("x = [")
    failure = write_provider(file, "openai", {"key": KEY})
    assert isinstance(failure, Failure)
    assert KEY not in failure.message
    assert file.read_text() == "x = ["
    assert written_keys(file) == {}


NAMES = st.text(st.sampled_from("abcXYZ09-_ .ü"), min_size=1, max_size=12)
VALUES = st.text(max_size=40)


@given(st.dictionaries(NAMES, VALUES.filter(bool), min_size=1, max_size=4))
def test_written_keys_are_read_back_and_removed_whatever_their_text(keys: dict[str, str]) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "config.toml"
        for name, key in keys.items():
            assert write_provider(file, name, {"key": key}) is None
        loaded = tomllib.loads(file.read_text())["providers"]
        assert {name: row["key"] for name, row in loaded.items()} == keys
        for name in keys:
            assert remove_key(file, name) is None
        assert tomllib.loads(file.read_text()) == {}
