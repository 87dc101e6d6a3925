"""`termchat batch --vendor-batch` in one process, and killed as a process."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from typing import Any

import pytest

from termchat.cli import run_command_line
from tests.cli.conftest import Done, Program
from tests.gateway import Reply, Text, fault
from tests.gateway.batches import EXPIRED, BatchPlan, Ended
from tests.gateway.batches.plan import RowEnd

Batch = Callable[..., Done]
ROWS = [{"id": "a", "prompt": "one", "label": 7}, {"id": "b", "prompt": "two"}, "one", "one"]


@pytest.fixture
def batch(program: Program, capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch) -> Batch:
    """Run `termchat batch` on `ROWS`, with a model of the gateway."""
    monkeypatch.chdir(program.cwd)
    program.gateway.batches.default = BatchPlan(polls=0)
    (program.cwd / "p.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in ROWS))

    def run(*arguments: str, model: str = "xopenai/m") -> Done:
        task = [arguments[0]] if arguments and arguments[0] in ("status", "cancel") else []
        rest = arguments[len(task) :]
        code = run_command_line(["batch", *task, "p.jsonl", "-m", model, *rest], program.env)
        found = capfdbinary.readouterr()
        return Done(code, found.out, found.err.decode())

    return run


def results(done: Done) -> list[dict[str, Any]]:
    return [json.loads(line) for line in done.out.splitlines()]


@pytest.mark.parametrize("protocol", ["openai", "responses", "anthropic", "gemini"])
def test_vendor_batch_answers_all_lines(batch: Batch, program: Program, protocol: str) -> None:
    done = batch("--vendor-batch", "--in-order", model=f"x{protocol}/m")
    assert done.code == 0, done.err
    rows = results(done)
    assert [(row["line"], row["text"]) for row in rows] == [
        (1, "re: one"),
        (2, "re: two"),
        (3, "re: one"),
        (4, "re: one"),
    ]
    assert rows[0]["fields"] == {"label": 7}
    assert "Submitted 3 prompts" in done.err
    assert program.gateway.batches.paid == {"one": 2, "two": 1}  # under an id of its own, and once for the rest
    again = batch("--vendor-batch", "--in-order", model=f"x{protocol}/m")
    assert (again.code, again.out, again.err) == (0, done.out, "")
    assert len(program.gateway.batches.batches) == 1


def test_detached_batch_is_listed_fetched_and_not_sent_one_by_one(batch: Batch, program: Program) -> None:
    program.gateway.batches.default = BatchPlan(polls=2)
    first = batch("--vendor-batch", "--detach")
    assert (first.code, first.out) == (75, b"")
    assert "1 batch goes on at the vendor" in first.err
    listed = batch("status")
    (found,) = program.gateway.batches.batches
    name, model, state = listed.out.decode().rstrip("\n").split("\t")
    assert (listed.code, name, model) == (0, found.id, "xopenai/m")
    assert state.startswith("finalizing, 0 of 3 answered, until ")
    plain = batch()
    assert (plain.code, plain.out) == (2, b"")
    assert "4 prompts are in batches of a vendor" in plain.err
    assert batch("--restart").code == 2
    last = batch("--vendor-batch", "-v")
    assert (last.code, len(results(last))) == (0, 4)
    assert "4 of 4 prompts answered" in last.err
    assert batch("status").out == b"No batch is open.\n"


def test_cancelled_batch_goes_back_to_the_queue(batch: Batch, program: Program) -> None:
    program.gateway.batches.default = BatchPlan(polls=5)
    batch("--vendor-batch", "--detach")
    cancelled = batch("cancel")
    assert cancelled.out.startswith(b"Asked to cancel 1 batch.")
    program.gateway.batches.default = BatchPlan(polls=0)
    program.gateway.batches.batches[0].seen = 9
    fetched = batch("--vendor-batch")
    assert (fetched.code, fetched.out) == (1, b"")
    assert "A batch was cancelled" in fetched.err
    assert batch("--vendor-batch").code == 0


@pytest.mark.parametrize("protocol", ["openai", "anthropic", "gemini"])
def test_batch_that_the_vendor_does_not_know_is_named_and_queued_on_request(
    batch: Batch, program: Program, protocol: str
) -> None:
    program.gateway.batches.default = BatchPlan(polls=5)
    batch("--vendor-batch", "--detach", model=f"x{protocol}/m")
    program.gateway.batches.batches.clear()
    for arguments in (("--vendor-batch",), ("status",)):
        done = batch(*arguments, model=f"x{protocol}/m")
        assert done.code == 1
        assert f"x{protocol} does not know the batch" in done.err + done.out.decode()
    cancelled = batch("cancel", model=f"x{protocol}/m")
    assert (cancelled.code, cancelled.out) == (0, b"No batch is running.\n")
    assert "Its prompts are queued." in cancelled.err
    program.gateway.batches.default = BatchPlan(polls=0)
    assert batch("--vendor-batch", model=f"x{protocol}/m").code == 0


def test_failed_rows_are_told_and_expired_ones_sent_again(batch: Batch, program: Program) -> None:
    ends: dict[str, RowEnd] = {"one": fault.status(400, "too long"), "two": EXPIRED}
    program.gateway.batches.plans.append(BatchPlan(polls=0, row=ends.__getitem__))
    done = batch("--vendor-batch")
    assert done.code == 1
    found = {row["id"]: row for row in results(done)}
    assert (found["b"]["text"], found["a"]["outcome"]) == ("re: two", "failed")
    assert "too long" in found["a"]["error"]["message"]
    assert "too long" in done.err
    assert batch("--vendor-batch").code == 0
    assert program.gateway.batches.paid == {"one": 2, "two": 1}


def test_reply_that_does_not_fit_the_schema_is_no_answer(batch: Batch, program: Program) -> None:
    good = {"one": '{"name": "x"}', "two": "no JSON"}
    program.gateway.batches.default = BatchPlan(polls=0, row=lambda text: Reply(Text(good[text])))
    done = batch("--vendor-batch", "--schema", "name", "-v")
    found = {row["id"]: row["error"] for row in results(done)}
    assert (done.code, found["a"]) == (1, None)
    assert found["b"]
    assert "3 of 4 prompts answered, 1 invalid" in done.err


def test_refused_batch_says_why(batch: Batch, program: Program) -> None:
    program.gateway.batches.default = BatchPlan(polls=0, end=Ended.FAILED)
    done = batch("--vendor-batch")
    assert (done.code, done.out) == (1, b"")
    assert "The batch was refused: Enqueued token limit reached" in done.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--detach",), "needs --vendor-batch"),
        (("--vendor-batch", "--shard", "3/2"), "--shard takes I/N"),
    ],
)
def test_options_that_do_not_fit_are_refused(batch: Batch, arguments: tuple[str, ...], words: str) -> None:
    done = batch(*arguments)
    assert (done.code, done.out) == (2, b"")
    assert words in done.err


def test_vendor_batch_of_the_demo_is_refused(batch: Batch) -> None:
    done = batch("--vendor-batch", model="demo/tour")
    assert done.code == 1
    assert "The provider demo has no batches." in done.err


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["int", "term"])
def test_signal_ends_the_wait_and_leaves_the_batch(
    batch: Batch, program: Program, number: signal.Signals, code: int
) -> None:
    program.gateway.batches.default = BatchPlan(polls=1_000_000)
    process = program.start("batch", "p.jsonl", "-m", "xopenai/m", "--vendor-batch")
    program.gateway.request_blocking(3)
    process.send_signal(number)
    out, err = process.communicate(timeout=20)
    assert (process.returncode, out) == (code, b"")
    assert b"1 batch goes on at the vendor" in err
    assert batch("status").out.startswith(program.gateway.batches.batches[0].id.encode())


def test_status_without_a_journal_creates_none(batch: Batch, program: Program) -> None:
    assert batch("status").out == batch("cancel").out == b"No batch is open.\n"
    assert not list(program.home.rglob("*.journal"))


def test_server_without_batches_is_named(batch: Batch, program: Program) -> None:
    program.gateway.expect_problems()
    program.configure(f'[providers.other]\nkey = "k"\nopenai = "{program.gateway.url}/other"\n')
    done = batch("--vendor-batch", model="other/m")
    assert (done.code, done.out) == (1, b"")
    assert "other has no batches at" in done.err
    assert "Run the batch without --vendor-batch." in done.err


def test_killed_process_is_resumed_and_paid_once(batch: Batch, program: Program) -> None:
    program.gateway.batches.default = BatchPlan(polls=1_000_000, row=lambda text: Reply(Text(f"re: {text}")))
    process = program.start("batch", "p.jsonl", "-m", "xopenai/m", "--vendor-batch")
    program.gateway.request_blocking(3)  # after the upload and the creation, the state
    process.kill()
    process.communicate()
    (left,) = program.gateway.batches.batches
    left.seen = 1_000_000
    done = batch("--vendor-batch")
    assert (done.code, len(results(done))) == (0, 4)
    assert program.gateway.batches.paid == {"one": 2, "two": 1}


def test_costs_of_vendor_batch_are_in_the_ledger(
    batch: Batch, program: Program, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    assert batch("--vendor-batch").code == 0
    assert run_command_line(["usage", "--json"], program.env) == 0
    assert json.loads(capfdbinary.readouterr().out)[0]["requests"] == 3


def test_budget_bounds_what_is_handed_over_and_real_costs_make_room(batch: Batch, program: Program) -> None:
    file = program.home / ".config" / "termchat" / "config.toml"
    prices = 'prices = { "*" = { input = 0.0, output = 20.0, batch = 0.25 } }\n'
    program.configure(file.read_text().replace("[providers.xopenai]\n", f"[providers.xopenai]\n{prices}", 1))
    arguments = ("--vendor-batch", "--max-tokens", "1000", "--max-cost")  # at most $0.005 for a prompt in a batch
    done = batch(*arguments, "0.0049")
    assert (done.code, program.gateway.batches.batches) == (7, [])
    assert "no room for the longest possible reply" in done.err
    done = batch(*arguments, "0.011")
    assert "the rest follow when these have ended" in done.err
    assert (done.code, [len(found.rows) for found in program.gateway.batches.batches]) == (0, [2, 1])
    done = batch(*arguments, "0.0000001", "--restart")
    assert (done.code, len(program.gateway.batches.batches)) == (7, 2)
