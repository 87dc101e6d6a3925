"""Several models at once, side questions and the user's shell, on a real terminal."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import pytest

from tests.pty.harness import Terminal

BASH = {"SHELL": "/bin/bash"}
PLAIN = {"TESTFLAGS": "plain", "SHELL": "/bin/bash"}


def begin(terminal: Terminal) -> None:
    terminal.shows("Ask")


def enter(terminal: Terminal, text: str) -> None:
    terminal.send(text)
    terminal.shows(f"❯ {text}")
    terminal.settled()
    terminal.send("\r")


@pytest.mark.parametrize("columns", [80, 40])
def test_vs_shows_progress_then_whole_replies_then_table(columns: int) -> None:
    with Terminal(columns=columns, rows=40) as terminal:
        begin(terminal)
        terminal.send("/vs fake/one fake/two -- lines 20 300\r")
        terminal.until(lambda: "1 one · replying" in terminal.text and "2 two · replying" in terminal.text)
        assert "❯ lines 20 300" in terminal.text
        terminal.shows("2 of 2 still")
        assert not any(row.startswith("L0") for row in terminal.lines), "a reply is shown before it is whole"
        terminal.send("my draft")
        terminal.shows("/adopt N goes on")
        terminal.shows("❯ my draft")
        rows = terminal.transcript
        assert sorted(row for row in rows if row in ("1 · fake/one", "2 · fake/two")) == [
            "1 · fake/one",
            "2 · fake/two",
        ]
        assert [row[:5] for row in rows if row.startswith("L0")] == [f"L{n:04d}" for n in range(20)] * 2
        shown = "\n".join(rows)
        assert shown.count("$0.0042") == 2
        assert shown.count("complete") == 2
        terminal.send("\x15/adopt 2\r")
        terminal.shows("→ after reply 2 by fake/two")
        terminal.send("/tree\r")
        terminal.shows("one: L0000")
        terminal.shows("two: L0000")


def test_vs_shows_running_replies_side_by_side_and_prints_each_once() -> None:
    with Terminal(columns=120, rows=40) as terminal:
        begin(terminal)
        terminal.send("/vs fake/one fake/two -- lines 30 120\r")
        terminal.until(lambda: any(row.count("the quick brown") == 2 for row in terminal.lines))
        assert any(re.search(r"1 one · replying .*2 two · replying", row) for row in terminal.lines)
        terminal.resize(40, 80)
        terminal.shows("/adopt N goes on")
        rows = terminal.transcript
        assert [row[:5] for row in rows if row.startswith("L0")] == [f"L{n:04d}" for n in range(30)] * 2
        assert not any(row.count("the quick brown") == 2 for row in rows), "columns entered the scrollback"


def test_menu_after_second_enter_sends_nothing_to_first_model() -> None:
    with Terminal(columns=80, rows=40) as terminal:
        begin(terminal)
        terminal.send("/vs")
        terminal.shows("❯ /vs MODEL")
        terminal.send("\r")
        terminal.shows("fake/two")
        terminal.send("\r")
        terminal.shows("/vs needs an argument")
        assert "replying" not in terminal.text


def test_escape_stops_all_models_and_marks_their_replies() -> None:
    with Terminal(rows=40) as terminal:
        begin(terminal)
        terminal.send("/vs fake/one fake/two -- endless\r")
        terminal.until(lambda: "1 one · replying" in terminal.text and "2 two · replying" in terminal.text)
        terminal.send("queued meanwhile\r")
        terminal.shows("1 queued meanwhile")
        terminal.send("\x1b")
        terminal.shows("/adopt N goes on")
        text = "\n".join(terminal.transcript)
        assert text.count("■ stopped") == 2
        assert "/adopt 1, then /continue" in text
        assert "complete" not in text
        terminal.shows("1 queued")  # the queue waits: one of the replies may be adopted first


def test_failing_model_leaves_the_other_reply_alone() -> None:
    with Terminal(rows=40) as terminal:
        begin(terminal)
        terminal.send("/vs fake/two fake/one -- missing words\r")
        terminal.shows("/adopt N goes on")
        text = "\n".join(terminal.transcript)
        assert 'No model "one" at fake (404).' in text
        assert "You said: missing words" in text
        assert "failed" in text
        terminal.send("/adopt 1\r")
        terminal.shows("/adopt takes the number of a reply: 2.")


def test_side_question_during_a_reply_is_shown_after_it_and_stays_out(tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    with Terminal(rows=30, env={"TESTTOOL": str(gate)}) as terminal:
        begin(terminal)
        terminal.send("held 40\r")
        terminal.prints("L0003")
        terminal.send("/btw what is up\r")
        terminal.shows("1 ready, shown after this reply")
        os.close(os.open(gate, os.O_WRONLY))
        terminal.shows("not in the chat · /adopt 1 keeps it")
        rows = terminal.transcript
        streamed = [n for n, row in enumerate(rows) if row.startswith("L0")]
        assert streamed == list(range(streamed[0], streamed[0] + 40)), "the side question splits the reply"
        assert rows.index("btw · what is up") > streamed[-1]
        terminal.send("/history\r")
        terminal.settled()
        terminal.send("q")
        terminal.shows("Ask anything")
        terminal.send("/adopt 1\r")
        terminal.shows("→ after reply 1 by fake/one")
        terminal.send("/tree\r")
        terminal.shows("❯ what is up")


def test_escape_stops_a_side_question() -> None:
    with Terminal(rows=30) as terminal:
        begin(terminal)
        terminal.send("/btw endless\r")
        terminal.shows('btw "endless" · replying')
        terminal.send("\x1b")
        terminal.shows("■ stopped")
        terminal.shows("not in the chat")


@pytest.mark.parametrize("columns", [80, 40])
def test_shell_command_shows_output_and_sends_it_with_the_next_message(columns: int) -> None:
    with Terminal(columns=columns, rows=30, env=BASH) as terminal:
        begin(terminal)
        terminal.send("a draft\x01")
        terminal.send("\x0b!printf 'x\\033[31mred\\033[m\\n'; exit 3\r")
        terminal.shows("exit 3 · ")
        assert "xred" in terminal.lines
        terminal.until(lambda: "goes with" in terminal.text and "❯ !printf" in terminal.text)
        terminal.send("why?\r")
        terminal.shows("12 in")
        said = " ".join("\n".join(terminal.transcript).split())
        assert "xred [exit 3" in said
        assert "why?" in said
        terminal.shows("Ask anything")
        terminal.send("again\r")
        terminal.shows("You said: again")


def test_shell_output_is_removed_by_backspace_and_kept_out_by_two_marks() -> None:
    with Terminal(rows=30, env=BASH) as terminal:
        begin(terminal)
        terminal.send("!echo shared\r")
        terminal.until(lambda: terminal.text.count("!echo shared (6 B)") == 2)
        terminal.send("\x7f")
        terminal.shows("Ask anything")
        terminal.send("!!echo 4$((1+1))\r")
        terminal.shows("42")
        terminal.shows("Ask anything")
        assert "goes with" not in "\n".join(terminal.transcript[-8:])
        terminal.send(" !not a command\r")
        terminal.shows("You said: ")
        terminal.shows("!not a command")


def test_shell_outputs_go_with_message_in_order_they_were_made() -> None:
    with Terminal(rows=30, env=BASH) as terminal:
        begin(terminal)
        terminal.send("!echo 1$((1))\r")
        terminal.until(lambda: "11" in terminal.lines and any("❯ !echo 1$((1)) (2 B)" in row for row in terminal.lines))
        terminal.send("!echo 2$((2))\r")
        terminal.until(lambda: "22" in terminal.lines)
        terminal.shows("❯ !echo 1$((1)) (2 B) !echo 2$((2)) (2 B)")


def test_shell_command_is_interactive_and_ctrl_c_stops_only_it() -> None:
    with Terminal(rows=30, env=BASH) as terminal:
        begin(terminal)
        terminal.send("!echo ready; read line; echo got-$line; stty size\r")
        terminal.until(lambda: "ready" in terminal.lines)
        terminal.send("typed\r")
        terminal.shows("got-typed")
        terminal.shows("30 80")
        terminal.until(lambda: terminal.text.count("… (27 B)") == 2)
        terminal.send("\x7f")
        terminal.shows("Ask anything")
        terminal.send("!!echo asleep; sleep 60\r")
        terminal.until(lambda: "asleep" in terminal.lines)
        terminal.send("\x03")
        terminal.shows("ended by SIGINT")
        terminal.shows("Ask anything")
        terminal.send("still here\r")
        terminal.shows("You said: still here")
        terminal.shows("one · 12 in")  # Ctrl-D exits once the reply has ended
        assert terminal.quits() == 0
        assert terminal.tty() == terminal.initial


def test_shell_command_that_leaves_alternate_screen_on_is_undone() -> None:
    with Terminal(rows=40) as terminal:
        terminal.shows("Ask anything")
        enter(terminal, r"!printf '\033[?1049h'; echo crashed; kill -9 $$")
        terminal.until(lambda: b"\x1b[?1049l" in terminal.output[terminal.output.find(b"\x1b[?1049h") :])


def test_shell_command_during_a_reply_leaves_every_line_once() -> None:
    with Terminal(rows=30, env=BASH) as terminal:
        begin(terminal)
        terminal.send("lines 60 40\r")
        terminal.prints("L0003")
        terminal.send("!!echo from-the-shell; sleep 0.3\r")
        terminal.until(lambda: "from-the-shell" in terminal.lines)
        terminal.shows("12 in")
        streamed = [row[:5] for row in terminal.transcript if row.startswith("L0")]
        assert streamed == [f"L{n:04d}" for n in range(60)]


def test_plain_front_end_compares_asks_aside_and_runs_commands() -> None:
    with Terminal(rows=60, env=PLAIN) as terminal:
        terminal.until(lambda: ">" in terminal.lines)
        terminal.send("/vs fake/one fake/two -- hello\r")
        terminal.shows("/adopt N goes on")
        terminal.send("/adopt 2\r")
        terminal.shows("→ after reply 2 by fake/two")
        terminal.send("/btw and this\r")
        terminal.shows("/adopt 3 keeps it")
        terminal.send("!echo 4$((1+1)); exit 2\r")
        terminal.shows("exit 2 · ")
        terminal.shows("goes with the next message")
        terminal.send("why?\r")
        terminal.shows("[exit 2")
        text = terminal.text
        assert text.count("You said: hello") == 2
        assert "You said: and this" in text


def test_plain_front_end_stops_a_comparison_with_ctrl_c() -> None:
    with Terminal(rows=60, env=PLAIN | {"TESTFLAGS": "plain patient"}) as terminal:
        terminal.until(lambda: ">" in terminal.lines)
        terminal.send("/vs fake/one fake/two -- endless\r")
        terminal.shows("waiting")
        terminal.send("\x03")
        terminal.shows("/adopt N goes on")
        assert terminal.text.count("■ stopped") == 2
        terminal.send("!echo as-leep; sleep 60\r")
        terminal.until(lambda: "as-leep" in terminal.lines)
        terminal.send("\x03")
        terminal.shows("ended by SIGINT")
        terminal.send("still here\r")
        terminal.shows("You said: ")


def test_fork_in_the_background_says_how_to_go_there(tmp_path: Path) -> None:
    command = (sys.executable, "-m", "termchat", "-m", "demo/tour")
    env = {"HOME": str(tmp_path), "TERMCHAT_DEMO_SPEED": "0"}
    with Terminal(command, rows=60, columns=100, env=env) as terminal:
        terminal.shows("Ask anything")
        enter(terminal, "what is /tree?")
        terminal.shows("tour · ~")  # the line below the answer; the status line names the model from the start
        terminal.shows("Ask anything")
        enter(terminal, "/fork what is /copy? @demo/tour")
        terminal.shows("goes there")
        text = " ".join("\n".join(terminal.transcript).split())
        assert '● fork "what is /copy?" · complete · tour' in text
        found = re.search(r"/open (\w+) goes there", text)
        assert found
        enter(terminal, "and /undo?")
        terminal.until(lambda: "\n".join(terminal.transcript).count("tour · ~") >= 2)
        terminal.shows("Ask anything")
        enter(terminal, f"/open {found[1]}")
        terminal.prints('resumed "what is /copy?"')
        terminal.shows("❯ what is /copy?")
