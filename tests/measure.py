"""Branch coverage of termchat by the tests that run in the test process, measured in the one run of the suite.

`MEASURE_COVERAGE=1 pytest` prints the figure. Tracing slows Python by half, so it is on only during the tests below
`MEASURED`, and during the first examples of a property test. Not counted: programs that a test starts, and the files in
`UNTRACED`, which run the lines of the other tests a hundred times more.

The plugin is loaded before `tests.plugin`, which imports termchat, so that lines that run on import count.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Iterator
from functools import wraps
from inspect import iscoroutinefunction
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from coverage import Coverage

MEASURED = ("app", "cli", "commands", "config", "core", "engine", "providers", "store", "tools", "ui")
UNTRACED = ("test_wire_views.py",)
EXAMPLES = 10  # of a property test

_TESTS = Path(__file__).parent
_DATA = "COVERAGE_DATA_FOLDER"  # set by the process that reports, inherited by the workers of xdist


def _coverage(folder: str, *, suffix: bool) -> Coverage:
    data = f"{folder}/data"
    return Coverage(data_file=data, data_suffix=suffix, branch=True, source=["termchat"], config_file=False)


class _Measure:
    """Trace this process while a measured test runs, and while modules are imported before the first test."""

    def __init__(self, folder: str) -> None:
        self._coverage = _coverage(folder, suffix=True)
        self._coverage.set_option("run:disable_warnings", ["no-data-collected"])  # xdist's controller runs no test
        self._tracing = False
        self._trace(True)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        self._trace(_measured(item))
        property_ = getattr(getattr(item, "obj", None), "hypothesis", None)
        if property_ is None:
            return (yield)
        test = property_.inner_test  # the documented place to wrap each example
        property_.inner_test = self._limited(test)
        try:
            return (yield)
        finally:
            property_.inner_test = test

    def pytest_sessionfinish(self) -> None:
        self._trace(False)
        self._coverage.save()

    def _limited(self, test: Callable[..., Any]) -> Callable[..., Any]:
        """Return a test that ends tracing after its first examples; tracing ends at once if it is asynchronous."""
        if iscoroutinefunction(test):
            self._trace(False)
            return test
        examples = count(1)

        @wraps(test)
        def limited(*args: Any, **kwargs: Any) -> Any:
            if next(examples) > EXAMPLES:
                self._trace(False)
            return test(*args, **kwargs)

        return limited

    def _trace(self, wanted: bool) -> None:
        if wanted != self._tracing:
            self._tracing = wanted
            (self._coverage.start if wanted else self._coverage.stop)()


class _Report:
    """Combine the data of all processes and print the figure after the last test."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="termchat-coverage-")
        os.environ[_DATA] = self._folder.name

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        coverage = _coverage(self._folder.name, suffix=False)
        coverage.combine([self._folder.name])
        report = Path(self._folder.name, "report.json")
        coverage.json_report(outfile=str(report))
        totals = json.loads(report.read_text())["totals"]
        branches = totals["covered_branches"] / totals["num_branches"]
        statements = totals["covered_lines"] / totals["num_statements"]
        terminalreporter.write_line(
            f"coverage by in-process tests: {branches:.1%} of branches, {statements:.1%} of statements"
        )

    def pytest_unconfigure(self) -> None:
        self._folder.cleanup()


def pytest_configure(config: pytest.Config) -> None:
    for plugin in _PLUGINS:
        config.pluginmanager.register(plugin)


def _measured(item: pytest.Item) -> bool:
    parts = item.path.relative_to(_TESTS).parts
    return parts[0] in MEASURED and parts[-1] not in UNTRACED


def _plugins() -> list[object]:
    if not os.environ.get("MEASURE_COVERAGE"):
        return []
    report = [] if _DATA in os.environ else [_Report()]
    return [*report, _Measure(os.environ[_DATA])]


_PLUGINS = _plugins()
