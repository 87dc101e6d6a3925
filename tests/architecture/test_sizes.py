"""Files, functions and folders are small enough to be read in one go."""

from __future__ import annotations

from pathlib import PurePosixPath

import pytest

from tests.architecture.source import PACKAGE, check, files, folders, sources

pytestmark = pytest.mark.xdist_group("architecture")

FILE_LINES = 400
FUNCTION_LINES = 60
TEST_LINES = 80
SIBLINGS = 18


def test_file_of_package_has_at_most_400_lines() -> None:
    long = [source for source in sources(PACKAGE) if source.lines > FILE_LINES]
    lines = (f"{source.path}:{FILE_LINES + 1}: {source.lines} lines" for source in long)
    check(lines, f"split the file by subject; the limit is {FILE_LINES} lines.")


def test_function_of_package_has_at_most_60_lines() -> None:
    check(_longer(PACKAGE, FUNCTION_LINES), f"extract a function; the limit is {FUNCTION_LINES} lines.")


def test_test_function_has_at_most_80_lines() -> None:
    long = _longer("tests", TEST_LINES, prefix="test_")
    check(long, f"split the test or move its setup to a fixture; the limit is {TEST_LINES} lines.")


def test_folder_of_package_has_at_most_18_siblings() -> None:
    wide: list[str] = []
    for folder in folders(PACKAGE):
        depth = folder.count("/") + 1
        inside = {PurePosixPath(path).parts[depth] for path in files(PACKAGE) if path.startswith(f"{folder}/")}
        inside -= {"__init__.py", "py.typed"}  # the marker of PEP 561 has its place
        if len(inside) > SIBLINGS:
            wide.append(f"{folder}/: {len(inside)} files and folders")
    check(wide, f"group related modules in a folder; the limit is {SIBLINGS}, __init__.py not counted.")


def _longer(folder: str, limit: int, prefix: str = "") -> list[str]:
    return [
        f"{source.path}:{function.line}: {function.name} has {function.lines} lines"
        for source in sources(folder)
        for function in source.definitions
        if not function.is_class and function.name.startswith(prefix) and function.lines > limit
    ]
