"""CONTRIBUTING and tests/README.md describe the tree as it is."""

from __future__ import annotations

import re
import subprocess

import pytest

from tests.architecture.source import PACKAGE, ROOT, check, folders, sources

pytestmark = pytest.mark.xdist_group("architecture")

CONTRIBUTING = ".github/CONTRIBUTING.md"
DATA_FOLDERS = {"termchat/docs", "termchat/serve/page"}  # no Python files; each has one row for all below it


def test_map_in_contributing_lists_each_package() -> None:
    packages = {source.path.rpartition("/")[0] for source in sources(PACKAGE)} - {PACKAGE} | DATA_FOLDERS
    rows = _rows()
    missing = [f"{CONTRIBUTING}:{min(rows.values())}: no row for {name}/" for name in sorted(packages - rows.keys())]
    extra = [f"{CONTRIBUTING}:{rows[name]}: {name}/ does not exist" for name in sorted(rows.keys() - packages)]
    check([*missing, *extra], "add or remove the row in the table below '## Map'.")


def test_readme_of_tests_names_each_folder() -> None:
    readme = (ROOT / "tests" / "README.md").read_text()
    names = {folder.split("/")[1] for folder in folders("tests") if "/" in folder}
    missing = [f"tests/README.md:1: {name}/ is not named" for name in sorted(names) if f"`{name}`" not in readme]
    check(missing, "say in tests/README.md what the folder holds.")


def test_first_change_in_contributing_applies() -> None:
    before, _, rest = (ROOT / CONTRIBUTING).read_text().partition("```diff\n")
    diff, line = rest.partition("```\n")[0], before.count("\n") + 2
    if _git_apply(diff, "--reverse"):  # a newcomer has applied it
        check((f"{CONTRIBUTING}:{line}: {error}" for error in _git_apply(diff)),
              "make the change by hand, run its tests, and paste the output of `git diff -U1`.")  # fmt: skip


def test_security_requirements_name_files_and_tests_that_exist() -> None:
    lines = (ROOT / CONTRIBUTING).read_text().splitlines()
    rows = {match[1]: (number, row) for number, row in enumerate(lines, 1) if (match := re.match(r"\| (R\d+) \|", row))}
    assert list(rows) == [f"R{number}" for number in range(1, 17)]
    tests = {function.name for source in sources("tests") for function in source.definitions}
    missing: list[str] = []
    for name, (number, row) in rows.items():
        places, tested = row.split(" | ")[-2:]
        paths = re.findall(r"`(termchat/[^`]+)`", places)
        named = re.findall(r"`(test_\w+)`", tested)
        assert paths, name
        assert named, name
        missing += [f"{CONTRIBUTING}:{number}: {path} does not exist" for path in paths if not (ROOT / path).exists()]
        missing += [f"{CONTRIBUTING}:{number}: {test} does not exist" for test in named if test not in tests]
    check(missing, "name the file and the tests that the requirement has now.")


def _git_apply(diff: str, *options: str) -> list[str]:
    """Return the errors of applying a diff to the work tree, which stays as it is."""
    command = ["git", "apply", "--check", *options, "-"]
    return subprocess.run(command, input=diff, cwd=ROOT, capture_output=True, text=True).stderr.splitlines()


def _rows() -> dict[str, int]:
    """Return the folders of the map and their lines; `a/{b,c}/` stands for `a/b` and `a/c`."""
    found: dict[str, int] = {}
    lines = (ROOT / CONTRIBUTING).read_text().splitlines()
    first = lines.index("## Map")
    for number, line in enumerate(lines[first + 1 :], first + 2):
        if line.startswith("## "):
            break
        if match := re.match(r"\| `(termchat/[\w/]*)(?:\{([\w,]+)\}/)?` \|", line):
            found |= {(match[1] + name).rstrip("/"): number for name in (match[2] or "").split(",")}
    return found
