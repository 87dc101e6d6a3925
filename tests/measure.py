"""Branch coverage of termchat by the tests that run in the test process, measured in the one run of the suite.

`MEASURE_COVERAGE=1 pytest` prints the figure. Tracing makes Python twice as slow, so each test below `MEASURED` is
traced for the first `SECONDS` of its processor time: the lines of later examples and repetitions are mostly the same.
Programs that a test starts are not counted.

The plugin is loaded before `tests.plugin`, which imports termchat, so that lines that run on import count.
"""

from __future__ import annotations

import json
import os
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from coverage import Coverage

MEASURED = ("app", "cli", "commands", "config", "core", "engine", "providers", "store", "tools", "ui")
SECONDS = 0.05

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
        signal.signal(signal.SIGVTALRM, lambda *_: self._trace(False))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        wanted = item.path.relative_to(_TESTS).parts[0] in MEASURED
        self._trace(wanted)
        if wanted:
            signal.setitimer(signal.ITIMER_VIRTUAL, SECONDS)
        try:
            return (yield)
        finally:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)

    def pytest_sessionfinish(self) -> None:
        self._trace(False)
        self._coverage.save()

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


def _plugins() -> list[object]:
    if not os.environ.get("MEASURE_COVERAGE"):
        return []
    report = [] if _DATA in os.environ else [_Report()]
    return [*report, _Measure(os.environ[_DATA])]


_PLUGINS = _plugins()
