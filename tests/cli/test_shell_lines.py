"""The table of shell lines: each in a real bash, against one gateway, a few at a time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from termchat.cli.flags import NAMES
from termchat.core.outcomes import ExitCode
from termchat.ui.oneshot.formats.records import record_schema
from tests.cli.shell_lines import AFTER_TOOL, ANSWERS, LINES, Line
from tests.gateway import Gateway, GatewayThread, RecordedRequest
from tests.gateway.answers import Answer

pytestmark = pytest.mark.xdist_group("shell_lines")

AT_ONCE = 4
PATIENCE = 120  # seconds of one line, on a machine under load
CONFIG = """
[providers.g]
key = "env:LINE_KEY"
openai = "{url}/v1"
timeouts = {{ connect = 20 }}

[providers.costly]
key = "env:LINE_KEY"
openai = "{url}/v1"
prices = {{ "*" = {{ input = 1000.0, output = 1000.0 }} }}
"""
ROLE = "---\nvariables:\n  lang: C\n---\nYou review {{lang}}.\n"
FUNCTIONS = """
ready() { until [ -e "$1" ]; do sleep 0.05; done; }
saved() { until grep -sq "$1" "$XDG_DATA_HOME/termchat/termchat.db-wal"; do sleep 0.05; done; }
slowly() { while part=$(head -c 3000; echo .) && [ "$part" != . ]; do printf %s "${part%.}"; done; }
"""
RECORDS = {name: Draft202012Validator(json.loads(record_schema(name))) for name in ("json", "ndjson")}
EXIT_CODE_LINES = {line.code for line in LINES.values()}


@dataclass(frozen=True)
class Ended:
    """A line that has ended."""

    code: int
    out: bytes
    err: str


@dataclass
class ShellLines:
    """Runs lines against one gateway, each in a directory of its own with an API key of its own."""

    gateway: Gateway
    top: Path
    folders: dict[str, Path] = field(default_factory=dict)

    def prepare(self) -> None:
        config = self.top / "config" / "termchat"
        (config / "prompts").mkdir(parents=True)
        (config / "config.toml").write_text(CONFIG.format(url=self.gateway.url))
        (config / "config.toml").chmod(0o600)
        (config / "prompts" / "review.md").write_text(ROLE)
        program = self.top / "bin" / "termchat"
        program.parent.mkdir()
        program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m termchat "$@"\n')
        program.chmod(0o755)
        self.gateway.always(self._answer)
        self.gateway.on_request = self._note

    def run(self, name: str) -> Ended:
        """Run the line of this name."""
        key = self.key(name)
        cwd = self.top / key
        self.folders[key] = cwd
        cwd.mkdir()
        env = {
            "PATH": f"{self.top / 'bin'}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(self.top / "home"),
            "XDG_CONFIG_HOME": str(self.top / "config"),
            "XDG_DATA_HOME": str(self.top / "data" / key),
            "XDG_CACHE_HOME": str(self.top / "cache" / key),
            "TERMCHAT_MODEL": "g/any",
            "TERMCHAT_MAX_RETRIES": "0",
            "LINE_KEY": key,
            "URL": self.gateway.url,
        }
        done = subprocess.run(
            ["bash", "-c", FUNCTIONS + LINES[name].shell], env=env, cwd=cwd, stdin=subprocess.DEVNULL,
            capture_output=True, timeout=PATIENCE, check=False,
        )  # fmt: skip
        return Ended(done.returncode, done.stdout, done.stderr.decode())

    def key(self, name: str) -> str:
        return f"key-{list(LINES).index(name):03}-0123456789"

    def asked(self, name: str) -> list[RecordedRequest]:
        return [request for request in self.gateway.asked if _key_of(request.headers) == self.key(name)]

    def _answer(self, request: RecordedRequest) -> Answer:
        after_tool = str(request.body.get("messages", [{}])[-1].get("role")) == "tool"
        return AFTER_TOOL if after_tool else ANSWERS[request.model]

    def _note(self, request: RecordedRequest) -> None:
        if folder := self.folders.get(_key_of(request.headers)):
            (folder / "asked").touch()


def _key_of(headers: Mapping[str, str]) -> str:
    return headers.get("x-api-key", "") or headers.get("authorization", "").removeprefix("Bearer ")


@pytest.fixture(scope="module")
def ended(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[ShellLines, Mapping[str, Future[Ended]]]]:
    """Run the lines that are tested, all of them begin at once, a few at a time."""
    wanted = [item.callspec.params["name"] for item in request.session.items if _is_line(item)]  # type: ignore
    with GatewayThread() as gateway, ThreadPoolExecutor(AT_ONCE) as pool:
        gateway.expect_problems()
        lines = ShellLines(gateway, tmp_path_factory.mktemp("lines"))
        lines.prepare()
        yield lines, {name: pool.submit(lines.run, name) for name in wanted}


def _is_line(item: pytest.Item) -> bool:
    return getattr(item, "originalname", "") == "test_shell_line_gives_output_and_exit_code"


@pytest.mark.skipif(sys.platform != "linux", reason="the lines use GNU tools, /dev/full and setsid")
@pytest.mark.parametrize("name", LINES)
def test_shell_line_gives_output_and_exit_code(
    name: str, ended: tuple[ShellLines, Mapping[str, Future[Ended]]]
) -> None:
    lines, running = ended
    line, done = LINES[name], running[name].result(PATIENCE)
    assert done.code == line.code, done
    assert "Traceback" not in done.err
    assert line.out is None or done.out.decode() == line.out
    assert line.err is None or ((line.err in done.err) if line.err else not done.err), done.err
    assert all(part in done.out.decode() for part in line.has), done.out.decode()
    bodies = [json.dumps(request.body, ensure_ascii=False) for request in lines.asked(name)]
    assert all(part in "".join(bodies) for part in line.sent), bodies
    assert line.asked is None or len(bodies) == line.asked
    if line.records:
        _check_records(line, done)


def _check_records(line: Line, done: Ended) -> None:
    """Check every record against the schema that is shipped, and its end against the exit code."""
    rows = [json.loads(row) for row in done.out.decode().removesuffix("\n").split("\n")]
    assert done.out.endswith(b"\n"), "the last line is torn"
    form = "ndjson" if "--ndjson" in line.shell else "json"
    for row in rows:
        RECORDS[form].validate(row)
    ends = [row for row in rows if row.get("type", "end") == "end"]
    if "stuck reader" in line.shell or not ends:
        return
    assert ends == rows[-1:]
    assert ends[0]["exit_code"] == done.code


def test_every_flag_occurs_in_a_shell_line() -> None:
    words = {word for line in LINES.values() for word in line.shell.split()}
    assert [names for names in NAMES.values() if not words & {*names}] == []


def test_every_exit_code_occurs_in_a_shell_line() -> None:
    assert {code for code in ExitCode if code not in EXIT_CODE_LINES} == set()
