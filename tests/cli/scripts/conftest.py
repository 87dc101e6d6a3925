"""Runs of `termchat batch` in one process, and their results."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from termchat.batch.batch_result import result_schema
from termchat.cli import run_command_line
from tests.cli.conftest import Done, Program
from tests.gateway import Reply, Text
from tests.gateway.requests import RecordedRequest

SCHEMA = Draft202012Validator(json.loads(result_schema()))
Batch = Callable[..., Done]


def echo(request: RecordedRequest) -> Reply:
    """Answer with the last message."""
    return Reply(Text("re: ", str(request.body["messages"][-1]["content"])))


@pytest.fixture
def batch(program: Program, capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch) -> Batch:
    """Run `termchat batch` on rows, with the model of the gateway; its lines are checked against the schema."""
    monkeypatch.chdir(program.cwd)
    program.gateway.always(echo)

    def run(rows: list[Any] | bytes | None, *arguments: str, model: str = "xopenai/m") -> Done:
        if rows is not None:
            data = rows if isinstance(rows, bytes) else "".join(f"{json.dumps(row)}\n" for row in rows).encode()
            (program.cwd / "p.jsonl").write_bytes(data)
        code = run_command_line(["batch", "p.jsonl", "-m", model, *arguments], program.env)
        found = capfdbinary.readouterr()
        if "openai" not in arguments and "merge" not in arguments:
            for line in found.out.splitlines():
                SCHEMA.validate(json.loads(line))
        return Done(code, found.out, found.err.decode())

    return run


def results(done: Done) -> dict[str, Any]:
    rows = [json.loads(line) for line in done.out.splitlines()]
    assert len({row["id"] for row in rows}) == len(rows)
    return {row["id"]: row for row in rows}


def numbered(count: int, **more: Any) -> list[dict[str, Any]]:
    return [{"id": f"a{n}", "prompt": f"say {n}", **more} for n in range(count)]
