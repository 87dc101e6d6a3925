"""Declared dependencies and imported packages are the same."""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest

from termchat.app.diagnosis.health_checks import OPTIONAL_PACKAGES
from tests.architecture.source import PACKAGE, ROOT, check, sources

pytestmark = pytest.mark.xdist_group("architecture")

# Packages that are imported under another name than that of the distribution.
IMPORTED_AS = {
    "agent-client-protocol": "acp",
    "google-genai": "google.genai",
    "markdown-it-py": "markdown_it",
    "pillow": "PIL",
}

# Dependencies that are commands or plugins of pytest, and where they are used.
TOOLS = {
    "hatchling": "tests/packaging/test_package.py",
    "import-linter": ".ci/run",
    "mcp": "termchat/tools/mcp/connection.py",
    "mcp-server-time": "tests/tools/mcp/test_real_servers.py",
    "pyright": ".ci/run",
    "pytest-asyncio": "pyproject.toml",
    "pytest-randomly": "pyproject.toml",
    "pytest-timeout": "pyproject.toml",
    "pytest-xdist": "pyproject.toml",
    "ruff": ".ci/run",
    "shfmt-py": "termchat/tools/policy/shell_syntax.py",
}

DEVELOPERS = frozenset({"test", "fuzz"})  # extras

# Packages of the environments that the interop tests make.
INSTALLED_BY_TESTS = frozenset({"gguf", "numpy"})


def test_dependency_of_package_is_imported() -> None:
    packages = [name for name in _runtime() if name not in TOOLS]
    check(_unused(packages, PACKAGE), "remove the dependency from pyproject.toml.")


def test_dependency_of_tests_is_imported_or_is_tool() -> None:
    tests = [name for name in _extra("test") if name not in TOOLS]
    gone = [f"pyproject.toml: {name} is in TOOLS but not in the test extra" for name in TOOLS.keys() - _extra("test")]
    check([*_unused(tests, "tests"), *gone], "remove the dependency from pyproject.toml, or the row from TOOLS.")


def test_import_of_package_is_declared() -> None:
    check(_undeclared(PACKAGE, _runtime()), "declare the package in pyproject.toml, or do not import it.")


def test_import_of_tests_is_declared() -> None:
    declared = [*_runtime(), *(name for extra in DEVELOPERS for name in _extra(extra))]
    check(_undeclared("tests", declared), "declare the package in the test extra, or do not import it.")


def test_doctor_names_each_extra_and_a_package_of_it() -> None:
    extras = {extra for extra in _project()["optional-dependencies"] if extra not in DEVELOPERS}
    assert set(OPTIONAL_PACKAGES) == extras
    assert {extra: package for extra, package in OPTIONAL_PACKAGES.items() if package not in _extra(extra)} == {}


def _unused(declared: list[str], folder: str) -> Iterator[str]:
    imported = [name for source in sources(folder) for name, _ in source.imports]
    for name in declared:
        if not any(_belongs(module, _module(name)) for module in imported):
            yield f"pyproject.toml:{_line(name)}: no file of {folder}/ imports {_module(name)}"


def _undeclared(folder: str, declared: list[str]) -> Iterator[str]:
    ours = {PACKAGE, "tests", *sys.stdlib_module_names, *INSTALLED_BY_TESTS}
    known = [_module(name) for name in declared]
    for source in sources(folder):
        for name, line in source.imports:
            if name.partition(".")[0] not in ours and not any(_belongs(name, module) for module in known):
                yield f"{source.path}:{line}: {name} belongs to no declared dependency"


def _belongs(name: str, module: str) -> bool:
    return name == module or name.startswith(f"{module}.")


def _module(distribution: str) -> str:
    return IMPORTED_AS.get(distribution, distribution.replace("-", "_"))


def _runtime() -> list[str]:
    """Return the distributions a user may have: the dependencies and the extras but those of developers."""
    extras = [extra for extra in _project()["optional-dependencies"] if extra not in DEVELOPERS]
    return [*map(_distribution, _project()["dependencies"]), *(name for extra in extras for name in _extra(extra))]


def _extra(extra: str) -> list[str]:
    return [_distribution(requirement) for requirement in _project()["optional-dependencies"][extra]]


def _distribution(requirement: str) -> str:
    return re.split(r"[\s\[<>=!~;]", requirement, maxsplit=1)[0]


def _line(distribution: str) -> int:
    lines = (ROOT / "pyproject.toml").read_text().splitlines()
    return next(number for number, line in enumerate(lines, 1) if line.lstrip().startswith(f'"{distribution}'))


@cache
def _project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
