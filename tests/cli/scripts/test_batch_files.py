"""The files of a batch: its results, its journal, the schemas that its rows name."""

from __future__ import annotations

import json
import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from termchat.cli import run_command_line
from tests.cli.conftest import Done, Program
from tests.cli.scripts.conftest import Batch, echo, numbered, results
from tests.gateway import Gate, Reply, Text


def test_batch_output_file_keeps_results_of_earlier_runs(batch: Batch, program: Program) -> None:
    out = program.cwd / "out.ndjson"
    assert batch(numbered(3), "-o", "out.ndjson").code == 0
    with out.open("ab") as file:
        file.write(b'{"torn')
    assert batch(numbered(5), "-o", "out.ndjson").code == 0
    rows = [json.loads(line) for line in out.read_bytes().splitlines()]
    assert sorted(row["id"] for row in rows) == [f"a{n}" for n in range(5)]
    assert len(program.gateway.asked) == 5
    assert sorted(path.name for path in program.cwd.iterdir()) == ["out.ndjson", "out.ndjson.journal", "p.jsonl"]
    assert batch(None, "-o", "p.jsonl").code == 2
    lost = batch(None, "-o", "nowhere/out.ndjson")
    assert (lost.code, lost.err.splitlines()[0]) == (
        2, "termchat: Cannot write nowhere/out.ndjson: its directory does not exist.",
    )  # fmt: skip


def test_batch_result_carries_only_numbers_that_json_has(batch: Batch) -> None:
    done = batch(b'{"prompt": "x", "label": 1e999}')
    assert (done.code, done.out) == (2, b"")
    assert "p.jsonl:1: not usable JSON: 1e999 is too large a number." in done.err


@pytest.mark.parametrize("name", ["-", "/dev/stdout"])
def test_batch_output_to_device_has_its_journal_in_the_data_directory(
    batch: Batch, program: Program, name: str
) -> None:
    done = batch(["x"], "-o", name)
    assert (done.code, json.loads(done.out)["text"]) == (0, "re: x")
    assert [path.name for path in program.cwd.iterdir()] == ["p.jsonl"]
    assert batch(["x"], "-o", "/dev/null").code == 0
    assert not Path("/dev/null.journal").exists()
    assert len(program.gateway.asked) == 1, "the same journal"


@pytest.mark.parametrize("name", [".", "/"])
def test_batch_output_to_directory_is_refused(batch: Batch, program: Program, name: str) -> None:
    done = batch(["x"], "-o", name)
    assert (done.code, done.out) == (2, b"")
    assert f"Cannot write {name}: is a directory." in done.err
    assert not program.gateway.asked


def test_batch_in_order_ends_when_its_journal_fails(batch: Batch, program: Program) -> None:
    """The first prompt ends last of the 64 that may begin before it has ended; the others wait for its line."""
    assert batch(["another one"], "--journal", "j").code == 0
    with closing(sqlite3.connect("j")) as journal:
        journal.execute(
            "CREATE TRIGGER full BEFORE UPDATE ON items WHEN new.state = 'done' AND new.id = 'a0'"
            " BEGIN SELECT RAISE(FAIL, 'disk full'); END"
        )
    last = Gate()
    program.gateway.on_request = lambda request: last.open() if "say 63" in str(request.body) else None
    held = Reply(Text("re: "), last, Text("say 0"))
    program.gateway.always(lambda request: held if "say 0" in str(request.body) else echo(request))
    done = batch(numbered(200), "--journal", "j", "--in-order", "-j", "2")
    assert done.code == 1
    assert "The journal of the batch cannot be written: disk full." in done.err
    ended = list(results(done))
    assert ended[:62] == [f"a{n}" for n in range(1, 63)]  # the commit of the 63rd may be that which failed
    assert f"{200 - len(ended)} of 200 prompts have no answer." in done.err
    with closing(sqlite3.connect("j")) as journal:
        journal.execute("DROP TRIGGER full")
    done = batch(None, "--journal", "j", "--in-order")
    assert (done.code, list(results(done))) == (0, [f"a{n}" for n in range(200)])


def test_batch_missing_file_of_a_row_is_named_with_its_field(batch: Batch, program: Program) -> None:
    done = batch([{"prompt": "look", "files": ["none.png"]}])
    assert (done.code, done.out) == (2, b"")
    assert "p.jsonl:1: Cannot attach ./none.png: no such file or directory." in done.err
    assert "Check the file name in files." in done.err
    assert not program.gateway.asked


def test_batch_journal_that_cannot_be_in_the_data_directory_names_the_reason(batch: Batch, program: Program) -> None:
    data = program.home / "data"
    data.write_text("a file")
    program.env["XDG_DATA_HOME"] = str(data)
    done = batch(["x"])
    assert (done.code, done.out, len(program.gateway.asked)) == (2, b"", 0)
    assert "Cannot create the directory of the journals, " in done.err
    assert "data/termchat/batches: not a directory." in done.err
    assert batch(["x"], "--journal", "j").code == 0


def test_batch_output_replaced_by_another_program_is_told(batch: Batch, program: Program) -> None:
    out, other = program.cwd / "out.ndjson", program.cwd / "other.ndjson"
    other.write_text("of another batch")
    program.gateway.on_request = lambda _: os.replace(other, out)
    done = batch(["x"], "-o", "out.ndjson")
    assert done.code == 1
    assert "Cannot write the results: another program has replaced the file." in done.err
    program.gateway.on_request = None
    assert batch(None, "-o", "out.ndjson").code == 0
    assert json.loads(out.read_text())["text"] == "re: x"
    assert len(program.gateway.asked) == 1


@pytest.fixture
def moved(program: Program, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make the directory `data`, with prompts that name a schema, below the current one."""
    monkeypatch.chdir(program.cwd)
    program.gateway.always(Reply(Text('{"age": 36}')))
    data = program.cwd / "data"
    data.mkdir()
    (data / "p.jsonl").write_text('{"id": "a", "prompt": "who", "schema": "person.json"}')
    return data


def schema_of(field: str) -> str:
    return json.dumps({"type": "object", "properties": {field: {"type": "integer"}}, "required": [field]})


def run_moved(program: Program, capfdbinary: pytest.CaptureFixture[bytes], name: str = "data/p.jsonl") -> Done:
    code = run_command_line(["batch", name, "-m", "xopenai/m"], program.env)
    found = capfdbinary.readouterr()
    return Done(code, found.out, found.err.decode())


def test_batch_schema_of_row_is_the_file_beside_the_prompts(
    moved: Path, program: Program, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    (moved / "person.json").write_text(schema_of("age"))
    done = run_moved(program, capfdbinary)
    assert (done.code, done.err) == (0, "")
    (program.cwd / "person.json").write_text(schema_of("height"))
    done = run_moved(program, capfdbinary)
    assert done.code == 0
    assert "The schema data/person.json is used, not person.json of the current directory." in done.err
    assert len(program.gateway.asked) == 1


@pytest.mark.parametrize("name", ["person.json", "person"])
def test_batch_schema_only_in_current_directory_is_refused_with_its_path(
    moved: Path, program: Program, capfdbinary: pytest.CaptureFixture[bytes], name: str
) -> None:
    here = program.cwd / name
    here.write_text(schema_of("age"))
    row = moved / "p.jsonl"
    row.write_text(json.dumps({"id": "a", "prompt": "who", "schema": name}))
    done = run_moved(program, capfdbinary)
    assert (done.code, done.out, len(program.gateway.asked)) == (2, b"", 0)
    assert f"data/p.jsonl:1: the schema {name} is in the current directory, not beside the prompts." in done.err
    assert f"or write {here}." in done.err
    row.write_text(json.dumps({"id": "a", "prompt": "who", "schema": str(here)}))
    assert run_moved(program, capfdbinary).code == 0


def test_batch_schema_that_is_nowhere_is_looked_for_beside_the_prompts(
    moved: Path, program: Program, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    done = run_moved(program, capfdbinary)
    assert done.code == 2
    assert "data/p.jsonl:1: Cannot read the schema data/person.json" in done.err
