"""The contents of the wheel, the commands of the README and the top of the repository."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tarfile
import zipfile
from email import message_from_string
from pathlib import Path

import pytest

import termchat
from termchat.cli.shell.completion import run as run_completion_script

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.xdist_group("wheel")


LIMITS = {".whl": 2_500_000, ".gz": 4_000_000}  # bytes; an sdist has the tests and the pictures of the README
SHARED = {  # where shells look for completions
    "bash": "share/bash-completion/completions/termchat",
    "fish": "share/fish/vendor_completions.d/termchat.fish",
    "zsh": "share/zsh/site-functions/_termchat",
}


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the wheel and the sdist."""
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-d", str(folder)],
        cwd=ROOT, check=True, capture_output=True, timeout=60,
    )  # fmt: skip
    return folder


@pytest.fixture(scope="module")
def wheel(dist: Path) -> Path:
    return next(dist.glob("*.whl"))


def test_wheel_holds_themes_docs_data_and_licence_but_no_tests(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    themes = {f"termchat/_themes/{file.name}" for file in (ROOT / "themes").glob("*.toml")}
    docs = {str(file.relative_to(ROOT)) for file in (ROOT / "termchat" / "docs").glob("*/*.md")}
    assert themes
    assert docs
    scripts = {str(file.relative_to(ROOT)) for file in (ROOT / "termchat/cli/shell/scripts").iterdir()}
    assert scripts
    page = {str(file.relative_to(ROOT)) for file in (ROOT / "termchat/serve/page").rglob("*") if file.is_file()}
    assert "termchat/serve/page/vendor/marked/LICENSE" in page
    assert page | themes | docs | scripts | {"termchat/py.typed", "termchat/providers/presets.toml"} <= names
    assert any(name.endswith("licenses/.github/LICENSE") for name in names)
    assert not [name for name in names if name.startswith(("tests", "themes")) or "__pycache__" in name]
    assert {name.partition("/")[0] for name in names} == {
        "termchat", *(f"termchat-{termchat.__version__}.{kind}" for kind in ("dist-info", "data"))
    }  # fmt: skip


def test_wheel_and_sdist_stay_small_and_sdist_holds_what_tests_read(dist: Path) -> None:
    sizes = {file: file.stat().st_size for file in dist.iterdir()}
    assert {file.name: size for file, size in sizes.items() if size > LIMITS[file.suffix]} == {}
    with tarfile.open(next(dist.glob("*.tar.gz"))) as opened:
        names = {name.partition("/")[2] for name in opened.getnames()}
    assert {".ci/run", ".github/CONTRIBUTING.md", ".github/LICENSE", "README.md", "themes/dark.toml"} <= names
    assert {"tests/plugin.py", "termchat/py.typed"} <= names
    assert not [name for name in names if "__pycache__" in name or name.startswith((".venv", ".git/"))]


def test_wheel_installs_completions_as_the_command_prints_them(
    wheel: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["termchat"])
    for shell, place in SHARED.items():
        assert run_completion_script([shell], {}) == 0
        installed = zipfile.ZipFile(wheel).read(f"termchat-{termchat.__version__}.data/data/{place}").decode()
        assert capfd.readouterr().out == installed


def test_wheel_installs_manual_page_of_its_version(wheel: Path) -> None:
    place = f"termchat-{termchat.__version__}.data/data/share/man/man1/termchat.1"
    page = zipfile.ZipFile(wheel).read(place).decode()
    assert page == (ROOT / "termchat/docs/reference/termchat.1").read_text()
    assert f'"termchat {termchat.__version__}"' in page


def test_metadata_states_the_versions_of_ci_and_the_extras_of_the_guide(wheel: Path) -> None:
    text = zipfile.ZipFile(wheel).read(f"termchat-{termchat.__version__}.dist-info/METADATA").decode()
    metadata = message_from_string(text)
    assert metadata["Requires-Python"] == ">=3.11"
    classifiers = metadata.get_all("Classifier") or []
    stated = re.findall(r"^Programming Language :: Python :: (3\.\d+)$", "\n".join(classifiers), re.MULTILINE)
    assert set(stated) == set(re.findall(r'"(3\.\d+)"', (ROOT / ".github/workflows/ci.yml").read_text()))
    extras = set(metadata.get_all("Provides-Extra") or []) - {"test", "fuzz"}
    guide = "\n".join(file.read_text() for file in (ROOT / "termchat/docs/en").glob("*.md"))
    assert {name for name in extras if not re.search(rf"extra `{name}`", guide)} == set()
    listed = (ROOT / "termchat/docs/en/start.md").read_text().partition("\n## Extras\n")[2].partition("\n## ")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", listed, re.MULTILINE)) == extras


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


def test_no_page_installs_termchat_from_index_which_has_another_program() -> None:
    pages = [ROOT / "README.md", ROOT / ".github/README.zh.md", *(ROOT / "termchat" / "docs").glob("*/*.md")]
    command = re.compile(r"install(?: -\S+)* ['\"]?termchat\b.*")
    assert [(page.name, found) for page in pages for found in command.findall(page.read_text("utf-8"))] == []


def test_repository_top_holds_only_known_entries() -> None:
    listed = subprocess.run(["git", "ls-tree", "--name-only", "HEAD"], cwd=ROOT, capture_output=True, text=True)
    names = {name for name in listed.stdout.split() if not name.startswith(".")}
    if listed.returncode == 0:  # an unpacked archive has no history
        assert names == {"README.md", "pyproject.toml", "termchat", "tests", "themes"}
