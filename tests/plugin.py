"""What every test of the house can rely on.

- No key, proxy, vendor setting or configuration of whoever runs the tests reaches one: the environment is cleaned
  before anything is imported, and home is an empty directory.
- An error that termchat logs fails the test, unless the test looks at `error_logs` and clears it.
- Programs that tests start keep their compiled modules, whatever PYTHONDONTWRITEBYTECODE says: without them each start
  compiles termchat again, a third of its processor time.
- Properties are tested with the same effort everywhere; `--hypothesis-profile=thorough` looks longer.
"""

from __future__ import annotations

import gc
import logging
import os
import re
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings

pytest_plugins = ["tests.gateway.fixtures"]

_AMBIENT = re.compile(
    r"_API_KEY$|_AUTH_TOKEN$|_BASE_URL$|_PROXY$|^(OPENAI|ANTHROPIC|GEMINI|GOOGLE|TERMCHAT|XDG|SSL_CERT)_|^NO_COLOR$",
    re.IGNORECASE,
)
_COMMON = {
    "deadline": None,
    "database": None,
    "suppress_health_check": list(HealthCheck),
    "phases": tuple(phase for phase in Phase if phase is not Phase.explain),  # it traces each run, for minutes
}
settings.register_profile("quick", max_examples=50, **_COMMON)
settings.register_profile("thorough", max_examples=2000, **_COMMON)
_HOME = tempfile.TemporaryDirectory(prefix="termchat-tests-")


def pytest_configure(config: pytest.Config) -> None:
    """A clean environment for this process and for those it starts, and the profile of the property tests."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as in the background of a shell; programs inherit it
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:  # as under nohup
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
    for name in [name for name in os.environ if _AMBIENT.search(name)]:
        del os.environ[name]
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.dont_write_bytecode = False
    home = Path(_HOME.name)
    os.environ["HOME"] = str(home)
    for name in ("CONFIG", "DATA", "CACHE", "STATE"):
        os.environ[f"XDG_{name}_HOME"] = str(home / name.lower())
    settings.load_profile(config.getoption("hypothesis_profile", None) or "quick")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the tests of an xdist_group in one process: they share a costly beginning.

    xdist 3.8 puts the name of the group behind the node id, but sets an attribute that pytest 9.2 does not read.
    """
    if "PYTEST_XDIST_WORKER" not in os.environ:
        return
    for item in items:
        group = item.get_closest_marker("xdist_group")
        if group and not item.nodeid.endswith(f"@{group.args[0]}"):
            item._id = type(item.id).parse(f"{item.nodeid}@{group.args[0]}")


def pytest_unconfigure() -> None:
    _HOME.cleanup()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="Write the golden files anew; look at the diff.")


class _Errors(logging.Handler):
    """Keeps what is logged as an error."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.said.append(logging.Formatter().format(record))


@pytest.fixture(autouse=True)
def error_logs() -> Iterator[list[str]]:
    """The errors termchat logs meanwhile; a test that expects one clears the list."""
    handler = _Errors()
    logger = logging.getLogger("termchat")
    logger.addHandler(handler)
    yield handler.said
    logger.removeHandler(handler)
    logging.getLogger("asyncio").handlers.clear()  # that of `build_app` would report what a vendor's SDK leaves open
    assert not handler.said, "termchat logged an error:\n" + "\n".join(handler.said)


@pytest.fixture(scope="session", autouse=True)
def _collector() -> Iterator[None]:
    """Loading an SDK freezes what is alive; a test run has many of those and little to collect between them."""
    yield
    gc.unfreeze()
