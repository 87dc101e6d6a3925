"""`termchat batch` in one process: input, results, going on, limits, exit codes."""

from __future__ import annotations

import json
import re
import time
from typing import Any

import pytest

from termchat.cli import run_command_line
from termchat.core.outcomes import ExitCode
from tests.cli.conftest import KEY, Program
from tests.cli.scripts.conftest import Batch, echo, numbered, results
from tests.gateway import Refusal, Reply, Stall, Text, fault
from tests.gateway.requests import RecordedRequest


def test_batch_answers_each_row_and_carries_fields(batch: Batch, program: Program) -> None:
    rows = ["plain 你好", *numbered(3, label={"x": 1})]
    done = batch(rows)
    assert (done.code, done.err) == (0, "")
    found = results(done)
    assert found["a1"]["text"] == "re: say 1"
    assert found["a1"]["fields"] == {"label": {"x": 1}}
    assert (found["a2"]["line"], found["a2"]["model"], found["a2"]["outcome"]) == (4, "xopenai/m", "complete")
    assert "re: plain 你好" in {row["text"] for row in found.values()}
    assert len(program.gateway.asked) == 4


def test_batch_row_overrides_model_system_and_settings(batch: Batch, program: Program) -> None:
    (program.cwd / "note.txt").write_text("inside")
    row = {"prompt": "hi", "model": "xanthropic/c", "system": "be brief", "files": ["note.txt"],
           "settings": {"temperature": 0, "max_tokens": 9}}  # fmt: skip
    program.gateway.always(Reply(Text("ok")))
    assert batch([row, {"prompt": "ho"}], "-s", "usual", "--temperature", "1").code == 0
    asked = {("system" in r.body and bool(r.body["system"])): r.body for r in program.gateway.asked}
    ours = asked[True]
    assert (ours["model"], ours["temperature"], ours["max_tokens"]) == ("c", 0, 9)
    assert "be brief" in json.dumps(ours["system"])
    assert "inside" in json.dumps(ours["messages"])
    assert "usual" in json.dumps(asked[False]["messages"])
    assert asked[False]["temperature"] == 1


def test_batch_again_sends_nothing_and_writes_all(batch: Batch, program: Program) -> None:
    first = batch(numbered(5))
    again = batch(None, "--in-order", "-v")
    assert len(program.gateway.asked) == 5
    assert results(again) == results(first)
    assert list(results(again)) == [f"a{n}" for n in range(5)]
    assert "5 of 5 prompts answered (5 earlier)" in again.err
    grown = batch([*numbered(6), "a0 too"])
    assert (grown.code, len(program.gateway.asked)) == (0, 7)


def test_batch_changed_input_under_same_ids_is_refused(batch: Batch, program: Program) -> None:
    batch(numbered(2))
    for changed in ([{"id": "a0", "prompt": "say 0"}, {"id": "a1", "prompt": "other"}],
                    [{"id": "a1", "prompt": "say 1", "system": "new"}]):  # fmt: skip
        done = batch(changed)
        assert (done.code, done.out) == (2, b"")
        assert f"p.jsonl:{len(changed)}: a1 asks for something else than in the last run." in done.err
        assert "--restart" in done.err
    assert len(program.gateway.asked) == 2
    assert batch([{"id": "a1", "prompt": "other"}], "--restart").code == 0
    assert len(program.gateway.asked) == 3


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b'"a"\nhello\n', "p.jsonl:2: not JSON: expecting value at column 1."),
        (b'{"id": "x", "prompt": "a"}\n\n{"id": "x", "prompt": "b"}\n', "p.jsonl:3: line 1 has the id x, too."),
        (b'{"prompt": "a", "files": ["gone.txt"]}\n', "p.jsonl:1: Cannot attach"),
        (b'{"prompt": "a", "settings": {"temprature": 1}}', "there is no setting temprature of a request"),
        (b'{"prompt": "a", "settings": {"temperature": 5}}', "p.jsonl:1: temperature must be a number"),
        (b'{"prompt": "a", "model": "nosuch/model"}', "p.jsonl:1: "),
        (b'{"prompt": "a", "schema": {"type": "array"}}', 'the root must be a JSON Schema with "type": "object".'),
        (b"", "p.jsonl has no prompts."),
        (b"\n \r\n", "p.jsonl has no prompts."),
    ],
    ids=["json", "duplicate", "file", "setting", "value", "model", "schema", "empty", "blank"],
)
def test_batch_wrong_line_is_named_and_nothing_sent(batch: Batch, program: Program, data: bytes, words: str) -> None:
    done = batch(data)
    assert (done.code, done.out, len(program.gateway.asked)) == (2, b"", 0)
    assert words in done.err
    assert "Traceback" not in done.err


def test_batch_repeated_request_is_sent_once_and_written_twice(batch: Batch, program: Program) -> None:
    done = batch([{"prompt": "same", "n": 1}, {"prompt": "other"}, {"prompt": "same", "n": 2}], "--in-order", "-j", "2")
    rows = [json.loads(line) for line in done.out.splitlines()]
    assert [(row["line"], row["text"], row["fields"].get("n")) for row in rows] == [
        (1, "re: same", 1), (2, "re: other", None), (3, "re: same", 2),
    ]  # fmt: skip
    assert (done.code, len(program.gateway.asked)) == (0, 2)


@pytest.mark.parametrize(("status", "code", "words"), [(401, 77, "refused the key"), (402, 1, "")])
def test_batch_stops_at_once_without_key_or_credit(
    batch: Batch, program: Program, status: int, code: int, words: str
) -> None:
    program.gateway.always(fault.status(status))
    done = batch(numbered(50), "-j", "4")
    assert done.code == code
    assert words in done.err
    assert len(program.gateway.asked) <= 4
    assert {row["outcome"] for row in results(done).values()} <= {"failed"}
    assert "50 of 50 prompts have no answer." in done.err
    assert "termchat: Line " not in done.err, "the reason is given once, with the next step"
    program.gateway.always(echo)
    assert batch(None).code == 0
    assert "50 of 50" not in done.out.decode()


def test_batch_with_one_failure_reports_it_in_the_singular(batch: Batch, program: Program) -> None:
    program.gateway.always(fault.status(400))
    assert "1 of 1 prompts has no answer." in batch(numbered(1)).err


def test_batch_limited_requests_wait_together_and_are_answered(batch: Batch, program: Program) -> None:
    refused = [0]

    def limited(request: RecordedRequest) -> Any:
        if refused[0] < 6:
            refused[0] += 1
            return fault.status(429, retry_after="0.2")
        return echo(request)

    program.gateway.always(limited)
    done = batch(numbered(12), "-j", "6")
    assert done.code == 0
    assert len(results(done)) == 12
    assert len(program.gateway.asked) == 18


@pytest.mark.parametrize(("status", "least", "most"), [(404, 10, 12), (500, 25, 27)])
def test_batch_whose_server_only_fails_stops(
    batch: Batch, program: Program, status: int, least: int, most: int
) -> None:
    program.gateway.always(fault.status(status))
    done = batch(numbered(60), "-j", "3", "--retries", "0")
    assert done.code == 1
    assert least <= len(program.gateway.asked) <= most
    assert "60 of 60 prompts have no answer." in done.err


def test_batch_long_wait_of_server_stops_with_75(batch: Batch, program: Program) -> None:
    program.gateway.always(fault.status(429, retry_after="3600"))
    done = batch(numbered(9), "-j", "2")
    assert (done.code, done.out) == (75, b"")
    assert "The server asks to wait 3600 s." in done.err
    assert len(program.gateway.asked) <= 3


def test_batch_incomplete_replies_are_no_answers(batch: Batch, program: Program) -> None:
    ends: dict[str, Any] = {
        "cut": Reply(Text("so far"), fault.cut()),
        "length": Reply(Text("so far"), finish="length"),
        "filter": Reply(Text("so far"), finish="content_filter"),
        "refusal": Reply(Refusal()),
        "bad": fault.status(400),
    }
    program.gateway.always(lambda request: ends[request.body["messages"][-1]["content"]])
    program.gateway.expect_problems()
    done = batch([{"id": name, "prompt": name} for name in ends])
    found = {name: row["outcome"] for name, row in results(done).items()}
    assert found == {
        "cut": "cut", "length": "length", "filter": "filtered", "refusal": "refused", "bad": "failed",
    }  # fmt: skip
    assert done.code == 1
    assert "3 of 5 prompts have no answer." in done.err
    program.gateway.always(echo)
    before = len(program.gateway.asked)
    again = batch(None, "--accept", "length")
    assert len(program.gateway.asked) == before + 2
    assert {name: row["outcome"] for name, row in results(again).items()} == {
        "cut": "complete", "length": "length", "filter": "filtered", "refusal": "refused", "bad": "complete",
    }  # fmt: skip
    assert again.code == 4
    assert batch(None, "--accept", "length,refused,filtered").code == 0


def test_batch_reply_that_breaks_schema_is_no_answer(batch: Batch, program: Program) -> None:
    program.gateway.always(Reply(Text('{"age": "old"}')))
    done = batch([{"id": "p", "prompt": "who", "schema": "age int"}], "-v")
    assert done.code == 1
    assert "does not match the schema" in results(done)["p"]["error"]["message"]
    assert "1 invalid" in done.err


def test_batch_budget_stops_before_the_send(batch: Batch, program: Program) -> None:
    program.configure(
        program.home.joinpath(".config/termchat/config.toml").read_text()
        + '[providers.xopenai.prices]\n"*" = { input = 0, output = 1000 }\n'
    )
    done = batch(numbered(20), "--max-cost", "0.05", "--max-tokens", "20", "-j", "4")
    sent = len(program.gateway.asked)
    assert done.code == 7
    assert "in this batch" in done.err
    assert 3 <= sent <= 4  # 12 tokens of 20 are used, at $0.001 each
    assert len(results(done)) == sent
    again = batch(None, "--max-cost", "0.05", "--max-tokens", "20")
    assert (again.code, len(program.gateway.asked)) == (7, sent)  # earlier runs count
    today = batch(None, "--set", "max_cost_day=0.05", "--max-tokens", "20")
    assert (today.code, len(program.gateway.asked)) == (7, sent)
    assert "today" in today.err
    both = batch(None, "--max-cost", "0.05", "--set", "max_cost_day=0.05", "--max-tokens", "20")
    assert "--max-cost 0." in both.err and "--set max_cost_day=0." in both.err


def test_batch_in_order_goes_no_further_than_window(batch: Batch, program: Program) -> None:
    program.gateway.reply(Reply(Text("first"), Stall(1)), model="slow")
    times: list[float] = []
    program.gateway.on_request = lambda _: times.append(time.monotonic())
    rows = [{"id": "a0", "prompt": "x", "model": "xopenai/slow"}, *numbered(150)[1:]]
    done = batch(rows, "--in-order", "-j", "4")
    assert [json.loads(line)["id"] for line in done.out.splitlines()] == [f"a{n}" for n in range(150)]
    assert len(times) == 150
    assert sum(at < times[0] + 0.9 for at in times) <= 64


def test_batch_openai_format_round_trip(batch: Batch, program: Program) -> None:
    body = {"model": "m", "messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "hi"}]}
    responses = {"model": "m", "input": "ho"}
    rows = [{"custom_id": "a", "method": "POST", "url": "/v1/chat/completions", "body": body, "k": 1},
            {"custom_id": "b", "method": "POST", "url": "/v1/responses", "body": responses}]  # fmt: skip
    done = batch(rows, "--format", "openai", "--in-order")
    first, second = (json.loads(line) for line in done.out.splitlines())
    assert (first["custom_id"], first["k"], first["error"]) == ("a", 1, None)
    assert first["response"]["body"]["choices"][0]["message"]["content"] == "re: hi"
    assert first["response"]["body"]["usage"]["total_tokens"] == 37
    assert second["response"]["body"]["output"][0]["content"][0]["text"] == "re: ho"
    sent = {json.dumps(request.body["messages"]) for request in program.gateway.asked}
    assert sent == {json.dumps(body["messages"]), '[{"role": "user", "content": "ho"}]'}
    program.gateway.always(fault.status(400))
    program.gateway.expect_problems()
    failed = json.loads(batch([{"custom_id": "c", "body": body}], "--format", "openai").out)
    assert (failed["response"], failed["error"]["code"]) == (None, "bad_request")


def test_batch_shards_merge_to_the_whole(batch: Batch, program: Program, capfdbinary: Any) -> None:
    rows = [*numbered(17), "no id"]
    whole = batch(rows, "--in-order")
    for n in (1, 2, 3):
        assert batch(rows, "--shard", f"{n}/3", "-o", f"{n}.ndjson").code == 0
    files = [f"{n}.ndjson" for n in (3, 1, 2)]
    assert run_command_line(["batch", "merge", *files], program.env) == 0
    merged = capfdbinary.readouterr().out

    def timeless(data: bytes) -> list[Any]:
        return [{**json.loads(line), "seconds": 0, "shard": ""} for line in data.splitlines()]

    assert timeless(merged) == timeless(whole.out)
    assert run_command_line(["batch", "merge", "1.ndjson", "1.ndjson"], program.env) == 2
    assert "1.ndjson:1: there is another result of line " in capfdbinary.readouterr().err.decode()
    assert run_command_line(["batch", "merge", "3.ndjson", "1.ndjson"], program.env) == 1
    done = capfdbinary.readouterr()
    assert "There are no results of 2/3." in done.err.decode()
    assert {json.loads(line)["shard"] for line in done.out.splitlines()} == {"1/3", "3/3"}
    (program.cwd / "2.ndjson").write_bytes(b"")
    assert run_command_line(["batch", "merge", *files], program.env) == 0, "a shard may have no prompts"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--shard", "3/2"), "--shard takes I/N"),
        (("--accept", "failed"), '--accept does not take "failed".'),
        (("--unsure", "maybe"), '--unsure does not take "maybe".'),
        (("--journal", "."), "Cannot use the journal"),
    ],
)
def test_batch_wrong_option_is_refused(batch: Batch, arguments: tuple[str, ...], words: str) -> None:
    done = batch(["x"], *arguments)
    assert (done.code, done.out) == (2, b"")
    assert words in done.err


def test_batch_server_out_of_reach_stops_it_and_fails_no_prompt(
    batch: Batch, program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("termchat.engine.batch.workers._FIRST_PAUSE", 0.001)
    file = program.home / ".config/termchat/config.toml"
    up = file.read_text()
    program.configure(up.replace(str(program.gateway.port), "1"))
    done = batch(numbered(20), "-j", "2", "--retries", "0")
    assert (done.code, done.out) == (1, b"")
    assert "Cannot reach 127.0.0.1:1" in done.err
    program.configure(up)
    assert batch(None).code == 0


def test_batch_follows_limits_in_headers_of_responses(batch: Batch, program: Program) -> None:
    times: list[float] = []
    limits = (("x-ratelimit-limit-requests", "100"), ("x-ratelimit-remaining-requests", "0"),
              ("x-ratelimit-reset-requests", "30s"))  # fmt: skip
    program.gateway.always(lambda request: echo(request).on(headers=limits))
    program.gateway.on_request = lambda _: times.append(time.monotonic())
    assert batch(numbered(4), "-j", "1").code == 0
    assert times[-1] - times[0] >= 0.6  # 100 in 30 seconds are 0.9 for three; the first may be seen late


def test_batch_key_in_prompt_is_noted_once(batch: Batch) -> None:
    done = batch([f"{n}: {KEY}" for n in range(3)], "-j", "1")
    assert done.err == "termchat: p.jsonl:1 contains an API key or a password. It is sent to xopenai/m.\n"
    assert batch(None).err == ""


@pytest.mark.parametrize(("tokens", "limit"), [(20, "0.30"), (3000, "10")], ids=["none fits", "a shorter one fits"])
def test_batch_full_budget_waits_for_running_requests(batch: Batch, program: Program, tokens: int, limit: str) -> None:
    """A reply of 12 tokens costs $0.012, at most $0.001 a token is reserved; what does not fit is not cut short."""
    program.configure(
        program.home.joinpath(".config/termchat/config.toml").read_text()
        + '[providers.xopenai.prices]\n"*" = { input = 0, output = 1000 }\n'
    )
    done = batch(numbered(20), "--max-cost", limit, "--max-tokens", str(tokens), "-j", "20")
    assert (done.code, done.err) == (0, "")
    assert {request.body["max_tokens"] for request in program.gateway.asked} == {tokens}


def test_batch_reply_is_not_cut_short_by_the_budget(batch: Batch, program: Program) -> None:
    program.configure(
        program.home.joinpath(".config/termchat/config.toml").read_text()
        + '[providers.xopenai.prices]\n"*" = { input = 0, output = 1000 }\n'
    )
    done = batch(numbered(2), "--max-cost", "2", "--max-tokens", "3000")
    assert (done.code, len(program.gateway.asked)) == (7, 0)
    assert "leaves room for a reply of 2,000 tokens, not of 3,000." in done.err


def test_batch_asks_server_of_base_url(batch: Batch, program: Program) -> None:
    (program.home / "key").write_text(KEY)
    given = ("--base-url", f"{program.gateway.url}/v1", "--key", f"file:{program.home}/key")
    done = batch(["hi"], *given, model="any")
    assert (done.code, json.loads(done.out)["model"]) == (0, "127.0.0.1/any")
    wrong = batch(["hi"], "--protocol", "openai")
    assert (wrong.code, "--protocol requires --base-url." in wrong.err) == (2, True)


def test_batch_help_lists_its_exit_codes(program: Program, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    assert run_command_line(["batch", "--help"], program.env) == 0
    shown = capfdbinary.readouterr().out.decode().partition("Exit codes")[2]
    never = {ExitCode.DENIED, ExitCode.SIGHUP}  # a batch has no tools; the other one is beside that of SIGTERM
    assert [str(code.value) for code in ExitCode if code not in never] == re.findall(
        r"^\s*(\d+)  ", shown, re.MULTILINE
    )
