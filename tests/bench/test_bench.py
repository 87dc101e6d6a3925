"""The benches' table, goals and other client. No test asserts a time."""

from __future__ import annotations

import socket
import ssl
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from tests.bench import peer, start
from tests.bench.__main__ import BENCHES, _bench
from tests.bench.clients import OURS, PROMPT, new_home
from tests.bench.glyph import markdown_words
from tests.bench.keys import goal_beside
from tests.bench.peer import Peer
from tests.bench.server import relay
from tests.bench.table import COLUMNS, Goal, Plan, Row, Table, measure
from tests.bench.terminal import NotShownError
from tests.gateway import GatewayThread, Reply
from tests.pty.harness import ROOT

PEER = """
import sys
from openai import OpenAI
asked = [{"role": "user", "content": sys.argv[2]}]
for chunk in OpenAI(max_retries=0).chat.completions.create(model=sys.argv[1], messages=asked, stream=True):
    if chunk.choices:
        print(chunk.choices[0].delta.content or "", end="", flush=True)
"""


@pytest.mark.parametrize(
    ("goal", "value", "floor", "met"),
    [
        (Goal(1.2), 12.0, 10.0, True),
        (Goal(1.2), 12.1, 10.0, False),
        (Goal(1.2), 1.0, None, False),
        (Goal(most=5), 5.0, 1.0, True),
        (Goal(most=5), 5.1, 9.0, False),
        (Goal(above=15), 65.0, 50.0, True),
        (Goal(above=15), 65.1, 50.0, False),
        (Goal(least=10), 10.0, 1.0, True),
        (Goal(least=10), 9.9, 1.0, False),
    ],
)
def test_goal_holds_up_to_its_limit(goal: Goal, value: float, floor: float | None, met: bool) -> None:
    row = Row("x", value, "ms", floor, goal)
    assert goal.holds(value, floor) is met
    assert row.cells()[5] == ("met" if met else "missed")


def test_goal_of_key_echo_is_relative_where_the_floor_is_above_the_limit() -> None:
    assert [goal_beside(floor, 5).holds(5.6, floor) for floor in (4.0, 5.1, 3.0)] == [False, True, False]
    assert not goal_beside(6.0, 5).holds(9.1, 6.0)


def test_table_has_a_column_for_the_other_client_only_if_there_is_one() -> None:
    rows = [Row("first key", 20.0, "ms", 100.0, Goal(1.2), 2500.0), Row("opening", 150.0, goal=Goal(most=200))]
    alone, beside = ([*Table(found, rows).lines()] for found in (Peer(), Peer(script=("/bin/llm", "{prompt}"))))
    assert alone[0].split("  ")[0] == COLUMNS[0]
    assert "llm" not in alone[0]
    assert alone[2].split() == ["first", "key", "20.0", "ms", "100.0", "ms", "0.20", "≤", "1.20", "x", "met"]
    assert beside[0].endswith("  llm")
    assert beside[2].endswith("2,500 ms")
    assert beside[3].split() == ["opening", "150.0", "ms", "200.0", "ms", "0.75", "≤", "200", "ms", "met", "-"]


def test_bench_that_raises_keeps_its_rows_and_reports(capsys: pytest.CaptureFixture[str]) -> None:
    def broken(plan: Plan):
        yield Row("one", 1.0)
        raise NotShownError("no prompt")

    table = Table()
    assert not measure(table, "broken", broken, Plan())
    assert [row.name for row in table.rows] == ["one"]
    assert "no prompt" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("commands", "said"),
    [
        (["llm '{prompt}"], "No closing quotation"),
        ([""], "needs a command"),
        (["a {prompt}", "b {prompt}"], "with {prompt}"),
        (["a", "b"], "without {prompt}"),
    ],
)
def test_against_with_an_unusable_command_says_why(commands: list[str], said: str) -> None:
    with pytest.raises(SystemExit, match=said):
        Peer.of(commands)


def test_against_fills_placeholders_within_words() -> None:
    found = Peer.of(["llm -m {model} --url={base_url} --key={key} '{prompt}, please'", "llm chat"])
    assert found.ask("http://x", "a b") == [
        *("llm", "-m", peer.MODEL, "--url=http://x/v1", f"--key={peer.KEY}", "a b, please")
    ]
    assert found.open("http://x") == ["llm", "chat"]
    assert found.name == "llm"


def test_markdown_words_hold_one_new_word_each() -> None:
    words = markdown_words(200)
    assert len(words) == 200
    assert all(f"w{n:05}" in word for n, word in enumerate(words))


def test_relay_ends_while_a_connection_is_open(tmp_path: Path) -> None:
    with GatewayThread() as gateway, relay(gateway.port, tmp_path, 0.0) as far:
        context = ssl.create_default_context(cafile=str(far.ca))
        plain = socket.create_connection(("127.0.0.1", int(far.url.rpartition(":")[2])))
        secure = context.wrap_socket(plain, server_hostname="127.0.0.1")
        secure.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert secure.recv(5) == b"HTTP/"
        gateway.expect_problems()
    secure.close()


def test_exchange_measures_a_bare_sdk_script_and_names_its_protocol(tmp_path: Path) -> None:
    script = tmp_path / "peer.py"
    script.write_text(PEER)
    client = Peer.of([f"{sys.executable} {script} {{model}} {{prompt}}"])
    with GatewayThread() as gateway:
        gateway.always(Reply.text("hello"))
        found = start.exchange(client.ask(gateway.url, "hi"), peer.environment(gateway.url), gateway)
        assert found.protocol == "openai"
        assert found.wire > 0
        assert gateway.requests[0].body["messages"][-1]["content"] == "hi"


def test_exchange_of_a_client_that_asks_nothing_is_not_measured() -> None:
    with GatewayThread() as gateway, pytest.raises(NotShownError, match="sends no request"):
        start.exchange([sys.executable, "-c", ""], peer.environment(gateway.url), gateway)


def test_key_is_measured_in_a_chat_that_is_not_known_and_in_our_own() -> None:
    with new_home() as home:
        assert start.any_key_seen(PROMPT, "http://127.0.0.1:9") > 0
        assert start.key_seen(OURS, home.env, "❯ x") > 0


def test_key_of_a_program_without_a_prompt_is_not_measured() -> None:
    with pytest.raises(NotShownError, match="echoes no key"):
        start.any_key_seen([sys.executable, "-c", "print('ready')"], "http://127.0.0.1:9")


def test_bench_command_prints_one_table_with_the_other_client(tmp_path: Path) -> None:
    script = tmp_path / "peer.py"
    script.write_text(PEER)
    against = f"{sys.executable} {script} {{model}} {{prompt}}"
    command = [sys.executable, "-m", "tests.bench.glyph", "--rounds", "1", "--tokens", "30", "--against", against]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    head, _, *rows = done.stdout.splitlines()
    assert head.startswith("what ")
    assert head.endswith(Path(sys.executable).name)
    assert len(rows) == 7
    assert all(row.split()[-1] == "ms" for row in rows[:4])  # the last column has a figure
    assert rows[4].startswith("Enter to the wire")
    assert all(row.split()[-1] == "-" for row in rows[4:])  # a script has no Enter


def test_bench_without_a_module_is_reported_and_stops_no_other(capsys: pytest.CaptureFixture[str]) -> None:
    assert not measure(Table(), "missing", _bench("missing"), Plan())
    assert "No module named 'tests.bench.missing'" in capsys.readouterr().err


@pytest.mark.parametrize("name", BENCHES)
def test_each_bench_has_rows(name: str) -> None:
    assert callable(import_module(f"tests.bench.{name}").rows)
