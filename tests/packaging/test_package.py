"""The contents of the wheel, the commands of the README and the top of the repository."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import termchat

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.xdist_group("wheel")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=ROOT, check=True, capture_output=True, timeout=60,
    )  # fmt: skip
    return next(folder.glob("*.whl"))


def test_wheel_holds_themes_docs_data_and_licence_but_no_tests(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    themes = {f"termchat/_themes/{file.name}" for file in (ROOT / "themes").glob("*.toml")}
    docs = {str(file.relative_to(ROOT)) for file in (ROOT / "termchat" / "docs").glob("*/*.md")}
    assert themes
    assert docs
    assert themes | docs | {"termchat/py.typed", "termchat/providers/presets.toml"} <= names
    assert any(name.endswith("licenses/.github/LICENSE") for name in names)
    assert not [name for name in names if name.startswith(("tests", "themes"))]


def test_wheel_unpacked_finds_themes_and_answers(wheel: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    zipfile.ZipFile(wheel).extractall(site)
    env = {**os.environ, "PYTHONPATH": str(site), "HOME": str(tmp_path), "TERMCHAT_DEMO_SPEED": "0"}
    where = "import termchat; from termchat.config.themes import *; from termchat.config.paths import paths; "
    names = "print(termchat.__file__, *theme_names(theme_folders(paths({}))))"
    found = subprocess.run(
        [sys.executable, "-P", "-c", where + names], env=env, cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert str(site) in found.stdout, found.stderr
    assert {"dark", "light", "neutral"} <= set(found.stdout.split()[1:])
    asked = [sys.executable, "-P", "-m", "termchat", "-m", "demo/tour", "exit code 77"]
    answer = subprocess.run(
        asked, env=env, cwd=tmp_path, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60
    )
    assert (answer.returncode, answer.stderr) == (0, "")
    assert "77" in answer.stdout


def test_readme_commands_match_ci_and_version() -> None:
    readme = (ROOT / "README.md").read_text()
    start = "python3 -m venv .venv && .venv/bin/pip install -q -e . && .venv/bin/termchat"
    check = "python3 -m venv .venv && .venv/bin/pip install -q -e '.[test]' && .venv/bin/pytest -q"
    assert start in readme
    assert check in readme
    install, _, run = check.rpartition(" && ")
    ci = (ROOT / ".ci" / "run").read_text()
    assert install in ci
    assert run in ci
    assert readme.rstrip().rpartition("\n## ")[2].startswith("Changes")
    assert f"### {termchat.__version__}" in readme


def test_readme_names_every_setting_command_and_exit_code() -> None:
    from termchat.commands.builtin import builtin
    from termchat.config.settings import SETTINGS
    from termchat.core.outcomes import ExitCode

    readme = (ROOT / "README.md").read_text()
    missing = [key for key, setting in SETTINGS.items() if setting.flag and setting.flag not in readme]
    missing += [command.name for command in builtin().commands if f"/{command.name}" not in readme]
    missing += [code.name for code in ExitCode if not re.search(rf"\b{code.value}\b", readme)]
    assert missing == []


def test_repository_top_holds_only_known_entries() -> None:
    listed = subprocess.run(["git", "ls-tree", "--name-only", "HEAD"], cwd=ROOT, capture_output=True, text=True)
    names = {name for name in listed.stdout.split() if not name.startswith(".")}
    if listed.returncode == 0:  # an unpacked archive has no history
        assert names == {"README.md", "pyproject.toml", "termchat", "tests", "themes"}
