"""Writes to the config file, which keep the user's text."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from termchat.config import write
from termchat.config.load import Config, load_config
from termchat.config.write import change_lists, write_setting, write_values
from termchat.core.errors import Failure

CONFIG_TEXT = """\
# my configuration
model = "openai/gpt-5.2"  # for work

theme   = 'nord'

# gateways
[providers.ofox]
key = "env:OFOX_API_KEY" # one key
route = { "*" = "openai" }
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "termchat" / "config.toml"
    file.parent.mkdir()
    file.write_text(CONFIG_TEXT)
    file.chmod(0o640)
    return file


def loaded(file: Path) -> Config:
    config = load_config({"HOME": str(file.parent)}, file)
    assert isinstance(config, Config), config
    return config


def test_write_changes_only_the_value(file: Path) -> None:
    assert write_setting(file, "theme", "light") is None
    assert file.read_text() == CONFIG_TEXT.replace("'nord'", '"light"')
    assert file.stat().st_mode & 0o777 == 0o640


def test_write_takes_file_with_byte_order_mark(file: Path) -> None:
    file.write_text("\ufeff" + CONFIG_TEXT, "utf-8")
    assert write_setting(file, "theme", "light") is None
    assert loaded(file).settings.theme == "light"


def test_write_puts_new_setting_before_tables(file: Path) -> None:
    assert write_setting(file, "think", "high") is None
    assert write_setting(file, "idle_timeout", "90") is None
    assert write_setting(file, "plain", "on") is None
    settings = loaded(file).settings
    assert (settings.think, settings.idle_timeout, settings.plain) == ("high", 90.0, True)
    for line in CONFIG_TEXT.splitlines():
        assert line in file.read_text()


def test_write_removes_setting(file: Path) -> None:
    assert write_setting(file, "model", None) is None
    assert write_setting(file, "system", None) is None
    assert loaded(file).settings.model == ""
    assert "# my configuration" in file.read_text()


def test_write_creates_private_file(tmp_path: Path) -> None:
    file = tmp_path / "a" / "b" / "config.toml"
    old = os.umask(0)
    try:
        assert write_values(file, ("providers", "mine"), {"openai": "https://h/v1", "key": "sk-1"}) is None
    finally:
        os.umask(old)
    assert file.stat().st_mode & 0o777 == 0o600
    assert loaded(file).providers["mine"].key == "sk-1"
    assert write_values(file, ("providers", "other"), {"openai": "https://o/v1"}) is None
    assert write_values(file, ("aliases",), {"fast": "mine/x"}) is None
    assert list(loaded(file).providers)[:2] == ["mine", "other"]
    assert loaded(file).aliases == {"fast": "mine/x"}


def test_write_keeps_symlink(file: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.toml"
    link.symlink_to(file)
    assert write_setting(link, "theme", "dark") is None
    assert link.is_symlink()
    assert loaded(file).settings.theme == "dark"


@pytest.mark.parametrize(("key", "value"), [("thme", "dark"), ("think", "hard"), ("max_tokens", 0)])
def test_write_refuses_invalid_value(file: Path, key: str, value: object) -> None:
    assert isinstance(write_setting(file, key, value), Failure)
    assert file.read_text() == CONFIG_TEXT


def test_write_to_broken_file_or_bad_path_changes_nothing(file: Path) -> None:
    file.write_text("model = \n")
    assert isinstance(write_setting(file, "theme", "dark"), Failure)
    assert file.read_text() == "model = \n"
    assert isinstance(write_setting(file / "below", "theme", "dark"), Failure)
    assert [f.name for f in file.parent.iterdir()] == ["config.toml"]


def test_write_below_plain_value_is_refused(file: Path) -> None:
    assert isinstance(write_values(file, ("model", "x"), {"a": "b"}), Failure)
    assert file.read_text() == CONFIG_TEXT


RULES = """\
allow = [
    # reading history
    "run_shell(git log)",  # every day
    "run_shell(git show)",

    # tests
    "run_shell(make test)", # slow
]  # end
"""


def test_write_list_keeps_comments_and_lines(file: Path) -> None:
    file.write_text(RULES + CONFIG_TEXT)
    rules = ("run_shell(git log)", "run_shell(git show)", "run_shell(make test)")
    assert write_setting(file, "allow", (*rules, "run_shell(ls)")) is None
    added = RULES.replace("# slow\n", '# slow\n    "run_shell(ls)",\n')
    assert file.read_text() == added + CONFIG_TEXT
    assert write_setting(file, "allow", (rules[0], rules[2])) is None
    assert file.read_text() == RULES.replace('    "run_shell(git show)",\n', "") + CONFIG_TEXT


def test_write_empty_list_keeps_its_comments(file: Path) -> None:
    file.write_text(RULES + CONFIG_TEXT)
    assert write_setting(file, "allow", ()) is None
    assert loaded(file).settings.allow == ()
    assert "# reading history" in file.read_text() and "# tests" in file.read_text()
    file.write_text('allow = ["run_shell(ls)"]\n' + CONFIG_TEXT)
    assert write_setting(file, "allow", ()) is None
    assert file.read_text() == CONFIG_TEXT


ITEM = st.sampled_from(["run_shell(a)", "run_shell(b)", "write_file(c)", "read_file(d)", "fetch_url(e.org)"])
LISTS = st.lists(ITEM, max_size=5, unique=True)


@given(
    LISTS,
    LISTS,
    st.lists(st.sampled_from(["", "\n", " ", "\n    ", " # word\n", "\n# word\n"]), min_size=12),
    st.booleans(),
)
def test_write_list_of_any_layout_has_the_wanted_items(
    tmp_path_factory: pytest.TempPathFactory, before: list[str], after: list[str], gaps: list[str], comma: bool
) -> None:
    file = tmp_path_factory.getbasetemp() / "lists.toml"
    around = iter(gaps)
    items = "".join(
        f'{next(around)}"{item}"{next(around)}{"," if n < len(before) - 1 or comma else ""}'
        for n, item in enumerate(before)
    )
    text = f"allow = [{items}{next(around)}]\n{CONFIG_TEXT}"
    file.write_text(text)
    assert write_setting(file, "allow", tuple(after)) is None
    changed = file.read_text()
    assert tomllib.loads(changed).get("allow", []) == after
    assert changed.endswith(CONFIG_TEXT)
    kept = [item for item in before if item in after]
    if set(before) <= set(after) and after[: len(kept)] == before:
        assert len(re.findall("# word", changed)) == len(re.findall("# word", text))


def test_write_list_that_cannot_be_changed_in_place_keeps_comments(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text('allow = ["run_shell(a)"\n# why: it is "#1"\n]\n')
    assert write_setting(file, "allow", ("run_shell(a)", "run_shell(b)")) is None
    assert '# why: it is "#1"\n' in file.read_text()
    assert tomllib.loads(file.read_text())["allow"] == ["run_shell(a)", "run_shell(b)"]


def test_rules_that_processes_add_at_once_are_all_kept(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text('# mine\nmodel = "a/b"\nallow = ["first"]\n')
    script = (
        "import sys, pathlib\nfrom termchat.config.write import change_lists\n"
        "print(change_lists(pathlib.Path(sys.argv[1]), {'allow': lambda rules: (*rules, sys.argv[2])}))"
    )
    command = (sys.executable, "-c", script, str(file))
    running = [subprocess.Popen((*command, f"rule{n}"), stdout=subprocess.PIPE) for n in range(12)]
    assert {process.communicate()[0] for process in running} == {b"None\n"}
    assert set(tomllib.loads(file.read_text())["allow"]) == {"first", *(f"rule{n}" for n in range(12))}
    assert file.read_text().startswith("# mine\n")


def test_rule_is_added_to_one_that_is_a_text(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text('allow = "run_shell(ls)"\n')
    config = load_config({"HOME": str(tmp_path)}, file)
    assert isinstance(config, Config)
    assert config.settings.allow == ("run_shell(ls)",)
    assert change_lists(file, {"allow": lambda rules: (*rules, "new")}) is None
    assert tomllib.loads(file.read_text()) == {"allow": ["run_shell(ls)", "new"]}


def test_lock_that_another_program_keeps_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fcntl = pytest.importorskip("fcntl")
    monkeypatch.setattr(write, "_LOCK_SECONDS", 0.05)
    holder = os.open(tmp_path, os.O_RDONLY)
    try:
        fcntl.flock(holder, fcntl.LOCK_EX)  # as by `flock . termchat`
        assert write_setting(tmp_path / "config.toml", "model", "a/b") is None
    finally:
        os.close(holder)
    assert tomllib.loads((tmp_path / "config.toml").read_text()) == {"model": "a/b"}


@pytest.mark.parametrize("value", ["3", "[1]", "{ a = 1 }"])
def test_list_of_another_type_is_refused_and_kept(tmp_path: Path, value: str) -> None:
    file = tmp_path / "config.toml"
    file.write_text(f"allow = {value}\n")
    failure = change_lists(file, {"allow": lambda rules: (*rules, "new")})
    assert failure
    assert "allow is not a list of texts" in failure.message
    assert file.read_text() == f"allow = {value}\n"
