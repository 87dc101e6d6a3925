"""A batch that ends in the middle: killed, stopped, or without a reader."""

from __future__ import annotations

import json
import random
import re
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import PATIENCE, Program
from tests.gateway import Gate, Reply, Stall, Text
from tests.gateway.requests import RecordedRequest

COUNT, JOBS = 100, 4
pytestmark = pytest.mark.xdist_group("batch_killed")


def prompt_of(request: RecordedRequest) -> str:
    return str(request.body["messages"][-1]["content"])


def slowly(request: RecordedRequest) -> Reply:
    return Reply(Text("re: "), Stall(0.05), Text(prompt_of(request)))


def write_prompts(program: Program, count: int = COUNT) -> None:
    rows = (json.dumps({"id": f"a{n}", "prompt": f"say {n}"}) for n in range(count))
    (program.cwd / "p.jsonl").write_text("\n".join(rows))


def start(program: Program, *arguments: str, stdout: int = subprocess.DEVNULL) -> subprocess.Popen[bytes]:
    command = ("batch", "p.jsonl", "-m", "xopenai/m", "-j", str(JOBS), *arguments)
    return program.start(*command, stdout=stdout)


def wait_for(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def test_batch_killed_at_random_pays_only_what_was_in_flight_twice(program: Program) -> None:
    write_prompts(program)
    program.gateway.always(slowly)
    unsure: list[str] = []
    chance = random.Random()
    for _ in range(4):
        before = len(program.gateway.asked)
        process = start(program, "-o", "out.ndjson")
        moment = before + chance.randrange(1, 25)
        wait_for(lambda at=moment, its=process: len(program.gateway.asked) >= at or its.poll() is not None)
        process.send_signal(signal.SIGKILL)
        _, err = process.communicate(timeout=PATIENCE)
        unsure += _named(err.decode())
        if (program.cwd / "out.ndjson").exists():
            lines_of(program.cwd / "out.ndjson")  # no line is torn
    process = start(program, "-o", "out.ndjson")
    _, err = process.communicate(timeout=PATIENCE)
    unsure += _named(err.decode())
    assert process.returncode == 0
    rows = lines_of(program.cwd / "out.ndjson")
    assert sorted((row["id"], row["outcome"]) for row in rows) == sorted((f"a{n}", "complete") for n in range(COUNT))
    asked = Counter(prompt_of(request).replace("say ", "a") for request in program.gateway.asked)
    assert set(asked) == {f"a{n}" for n in range(COUNT)}
    named = Counter(unsure)
    assert {item: times - 1 for item, times in asked.items() if times > 1 + named[item]} == {}
    assert len(unsure) <= 4 * JOBS


def _named(err: str) -> list[str]:
    """Return the ids of a sentence about prompts that were in flight."""
    found = re.search(r"(\d+) prompts? (?:was|were) in flight .* may have been paid: (.*)\. Now", err)
    ids = found[2].split(", ") if found else []
    assert len(ids) == (int(found[1]) if found else 0)
    return ids


def test_batch_killed_with_unsure_skip_leaves_them_out(program: Program) -> None:
    write_prompts(program, 6)
    program.gateway.always(Reply(Text("x"), Stall()))
    process = start(program)
    wait_for(lambda: len(program.gateway.asked) == JOBS)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=PATIENCE)
    program.gateway.always(slowly)
    done = program.run("batch", "p.jsonl", "-m", "xopenai/m", "--unsure", "skip")
    assert done.code == 1
    assert "4 prompts were in flight when the last run was killed, and may have been paid: a0, a1, a2, a3." in done.err
    assert len(program.gateway.asked) == 6
    rows = {row["id"]: row for row in map(json.loads, done.out.splitlines())}
    assert {name for name, row in rows.items() if row["outcome"] == "complete"} == {"a4", "a5"}
    assert "may have been paid" in rows["a0"]["error"]["message"]
    done = program.run("batch", "p.jsonl", "-m", "xopenai/m")
    assert (done.code, len(program.gateway.asked)) == (0, 10)


@pytest.mark.parametrize(
    ("signals", "code", "outcomes"),
    [
        ((signal.SIGINT,), 130, {"complete"}),  # what is in flight ends
        ((signal.SIGINT, signal.SIGINT), 130, {"cancelled"}),
        ((signal.SIGTERM,), 143, {"cancelled"}),
    ],
    ids=["ctrl-c", "ctrl-c twice", "sigterm"],
)
def test_batch_stopped_by_signal_keeps_what_came(
    program: Program, signals: tuple[signal.Signals, ...], code: int, outcomes: set[str]
) -> None:
    write_prompts(program, 40)
    gate = Gate()
    program.gateway.always(Reply(Text("so far"), gate if outcomes == {"complete"} else Stall()))
    process = start(program, stdout=subprocess.PIPE)
    wait_for(lambda: len(program.gateway.asked) == JOBS)
    for number in signals:
        process.send_signal(number)
        with suppress(subprocess.TimeoutExpired):  # two that come at once would count as one
            process.wait(1)
    gate.open()
    out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == code
    rows = [json.loads(line) for line in out.splitlines()]
    assert len(rows) == JOBS
    assert {row["outcome"] for row in rows} == outcomes
    assert {row["text"] for row in rows} <= {"so far", ""}
    missing = 40 - (JOBS if outcomes == {"complete"} else 0)
    assert f"{missing} of 40 prompts have no answer." in err.decode()
    assert "Run the same command again" in err.decode()
    assert len(program.gateway.asked) == JOBS


def test_batch_whose_reader_leaves_ends_and_loses_nothing(program: Program) -> None:
    write_prompts(program, 30)
    program.gateway.always(slowly)
    process = start(program, stdout=subprocess.PIPE)
    assert process.stdout
    process.stdout.readline()
    process.stdout.close()
    process.stdout = None
    assert process.communicate(timeout=PATIENCE)[1] == b""
    assert process.returncode == 141
    done = program.run("batch", "p.jsonl", "-m", "xopenai/m")
    assert (done.code, len(done.out.splitlines())) == (0, 30)
    assert len(program.gateway.asked) == 30


def test_batch_whose_reader_sleeps_leaves_at_third_signal(program: Program) -> None:
    write_prompts(program, 8)
    program.gateway.always(Reply(Text("x" * 300_000)))
    process = start(program, stdout=subprocess.PIPE)
    assert process.stdout
    process.stdout.read(1000)  # and no more
    for _ in range(20):
        process.send_signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(0.3)
            break
    process.stdout.close()
    process.stdout = None
    assert process.communicate(timeout=PATIENCE)[1] == b""
    assert process.returncode == 143
