"""Test keys, pastes, history and the external editor in a terminal."""

from __future__ import annotations

import os
import stat
import time
from itertools import accumulate
from pathlib import Path
from statistics import median

import pytest

from tests.pty.harness import Terminal

WORDS = "".join(chr(97 + n % 26) for n in range(1000))


def _ready(terminal: Terminal) -> None:
    terminal.shows("Ask anything")


def test_paste_of_128_kb_during_stream_folds_and_unfolds() -> None:
    text = "\n".join(f"{n:05d} {'x' * 57}" for n in range(2000))
    with Terminal() as terminal:
        _ready(terminal)
        terminal.send("lines 9000 5\r")
        terminal.prints("L0003")
        terminal.send(f"\x1b[200~{text}\x1b[201~")
        terminal.shows("[Pasted #1 · 2000 lines · 128 kB]")
        terminal.send("\x0f")
        terminal.shows("01999 xxx")
        terminal.send("\r")
        terminal.shows("⧗ 1 00000 xxx")
        terminal.send("\x1b")
        terminal.shows("■ stopped")


def test_folded_paste_is_sent_whole(tmp_path: Path) -> None:
    text = "\n".join(f"row {n} of what was pasted" for n in range(40))
    with Terminal(rows=60) as terminal:
        _ready(terminal)
        terminal.send(f"echo \x1b[200~{text}\x1b[201~")
        terminal.shows("[Pasted #1 · 40 lines · 1 kB]")
        terminal.send("\r")
        terminal.shows("one · 12 in")
        assert terminal.transcript.count("❯ echo [Pasted #1 · 40 lines · 1 kB]") == 1
        shown = " ".join(row for row in terminal.transcript if "[Pasted" not in row)
        for n in range(40):
            assert f"row {n} of what was pasted" in " ".join(shown.split())


def test_paste_without_end_mark_ends_after_one_second() -> None:
    with Terminal() as terminal:
        _ready(terminal)
        began = time.monotonic()
        terminal.send("\x1b[200~hello")
        terminal.shows("❯ hello")
        assert time.monotonic() - began >= 0.9
        terminal.send(" more")
        terminal.shows("❯ hello more")


def test_unmarked_multiline_paste_submits_nothing() -> None:
    with Terminal() as terminal:
        _ready(terminal)
        terminal.send("first line\r\nsecond line\r\nthird")
        terminal.shows("  third")
        terminal.settled()
        assert "You said" not in terminal.text
        terminal.send("\r")
        terminal.shows("You said")


def _cursor(terminal: Terminal) -> tuple[int, int]:
    """Return the row of the input and the column where the cursor stands; -1 for the row while no input is drawn."""
    first = next((n for n, line in enumerate(terminal.lines) if line.startswith("❯")), terminal.screen.lines)
    return max(terminal.screen.cursor.y - first, -1), terminal.screen.cursor.x


def test_every_newline_key_inserts_line_break() -> None:
    with Terminal() as terminal:
        _ready(terminal)
        shown = "❯ "
        for keys in ("a", "\n", "b", "\x1b\r", "c", "\x1b[13;2u", "d", "\x1b[27;2;13~", "e\\", "\r", "f"):
            terminal.send(keys)
            shown = shown + keys if keys.isprintable() else shown.removesuffix("\\") + "\n  "
            row, column = shown.count("\n"), len(shown.rpartition("\n")[2])
            terminal.until(lambda at=(row, column): _cursor(terminal) == at)
        terminal.shows("❯ a\n  b\n  c\n  d\n  e\n  f")
        assert "You said" not in terminal.text


def test_late_split_terminal_replies_never_reach_input() -> None:
    with Terminal() as terminal:
        _ready(terminal)
        replies = ("\x1b]11;rgb:1e1e/1e", "1e/2e2e\x1b\\", "\x1b[?62;2", "2c", "\x1b[?1u", "\x1b[?2026;2$", "y")
        for piece in ("wo", *replies):
            terminal.send(piece)
            terminal.pump(0.02)
        terminal.send("\x1b[24;80R\x1b[Ird")
        terminal.shows("❯ word")
        terminal.settled()
        assert "❯ word" in terminal.lines


def test_typeahead_before_start_is_sent() -> None:
    with Terminal(before="typed early\nand more") as terminal:
        terminal.shows("You said: typed early")
        terminal.shows("❯ and more")
        terminal.settled()
        sent = [row for row in terminal.transcript if "typed early" in row and "incognito" not in row]
        assert sent[-2:] == ["❯ typed early", "You said: typed early"]
        assert len(sent) <= 3  # the kernel echoes typeahead before the program starts


def test_slash_on_refused_command_begins_next_command() -> None:
    with Terminal() as terminal:
        _ready(terminal)
        terminal.send("/nosuch\r")
        terminal.shows("No command /nosuch.")
        terminal.send("/usage\r")
        terminal.shows("No usage yet.")
        terminal.send("endless\r")
        terminal.shows("word1")
        terminal.send("/undo\r")
        terminal.shows("/undo needs the end of the reply")
        terminal.send("/model two\r")
        terminal.shows("→ fake/two from the next message")


def test_first_paint_does_not_wait_for_terminal_replies() -> None:
    def answer(data: bytes) -> bytes:
        return b"\x1b]11;rgb:ffff/ffff/ffff\x1b\\\x1b[?2026;2$y\x1b[?62c" if b"\x1b]11;?" in data else b""

    with Terminal() as without_replies, Terminal(answer=answer) as with_replies:
        for terminal in (without_replies, with_replies):
            _ready(terminal)
            assert terminal.output.find(b"Ask anything") < terminal.output.find(b"\x1b]11;?") or (
                b"\x1b]11;?" not in terminal.output
            )
            terminal.send("hi")
            terminal.shows("❯ hi")


def test_external_editor_replaces_draft(tmp_path: Path) -> None:
    editor = tmp_path / "editor"
    editor.write_text('#!/bin/sh\ntr a-z A-Z < "$1" > "$1.new"; mv "$1.new" "$1"\n')
    editor.chmod(editor.stat().st_mode | stat.S_IXUSR)
    with Terminal(env={"EDITOR": str(editor)}) as terminal:
        _ready(terminal)
        terminal.send("make me loud")
        terminal.shows("❯ make me loud")
        terminal.send("\x07")
        terminal.shows("❯ MAKE ME LOUD")
        terminal.send("\r")
        terminal.shows("You said: MAKE ME LOUD")


def test_external_editor_gets_replacement_characters_for_typed_bytes(tmp_path: Path) -> None:
    editor = tmp_path / "editor"
    editor.write_text(f'#!/bin/sh\ncat "$1" > {tmp_path}/draft\necho edited >> "$1"\n')
    editor.chmod(editor.stat().st_mode | stat.S_IXUSR)
    with Terminal(env={"EDITOR": str(editor)}) as terminal:
        _ready(terminal)
        terminal.send(b"caf\xe9 ok")
        terminal.shows("ok")
        terminal.send("\x07")
        terminal.shows("edited")
        assert (tmp_path / "draft").read_text() == "caf\N{REPLACEMENT CHARACTER} ok"


def test_external_editor_with_open_quote_keeps_draft() -> None:
    with Terminal(env={"EDITOR": "vi 'x", "VISUAL": ""}) as terminal:
        _ready(terminal)
        terminal.send("my draft")
        terminal.shows("❯ my draft")
        terminal.send("\x07")
        terminal.shows("vi 'x failed; the draft is unchanged.")
        assert "❯ my draft" in terminal.lines


def test_reply_continues_while_external_editor_is_open(tmp_path: Path) -> None:
    editor = tmp_path / "editor"
    fifo = tmp_path / "go"
    os.mkfifo(fifo)
    editor.write_text(f"#!/bin/sh\necho EDITOR OPEN\ncat {fifo} > /dev/null\n")
    editor.chmod(editor.stat().st_mode | stat.S_IXUSR)
    with Terminal(env={"EDITOR": str(editor)}) as terminal:
        _ready(terminal)
        terminal.send("lines 30 10\r")
        terminal.prints("L0002")
        terminal.send("\x07")
        terminal.shows("EDITOR OPEN")
        terminal.settled(0.6)
        assert terminal.lines[-1] == "" or "L0029" not in terminal.text
        fifo.write_text("go")
        terminal.shows("one · 12 in")
        rows = [row[:5] for row in terminal.transcript if row.startswith("L00")]
        assert rows == [f"L{n:04d}" for n in range(30)]


def test_up_recalls_prompts_and_right_accepts_suggestion() -> None:
    with Terminal() as terminal:
        _ready(terminal)
        for text in ("alpha one", "beta two"):
            terminal.send(f"{text}\r")
            terminal.shows(f"You said: {text}")
            _ready(terminal)
        terminal.send("\x1b[A")
        terminal.shows("❯ beta two\nincognito")
        terminal.send("\x1b[A")
        terminal.shows("❯ alpha one\nincognito")
        terminal.send("\x1b[B\x1b[B")
        _ready(terminal)
        terminal.send("alp")
        terminal.shows("❯ alpha one\nincognito")
        terminal.send("\x1b[C\r")
        terminal.until(lambda: terminal.text.count("You said: alpha one") == 2)


def test_key_is_echoed_within_two_frames_during_stream() -> None:
    """Count frames, which do not depend on the load; `tests/bench/keys.py` measures the delay in milliseconds.

    One frame of the reply may be under way when a key arrives.
    """
    with Terminal() as terminal:
        _ready(terminal)
        terminal.send("lines 9000 5\r")
        terminal.prints("L0010")
        frames: list[int] = []
        for typed in accumulate(WORDS[:60]):
            terminal.send(typed[-1])
            frames.append(terminal.frames_until(lambda typed=typed: f"❯ {typed}" in terminal.lines))
        assert "L8999" not in terminal.text  # the stream has not ended
    assert median(frames) <= 2, frames


@pytest.fixture
def gate(tmp_path: Path) -> Path:
    """A file for TESTGATE: the program imports its front end once it exists."""
    return tmp_path / "gate"


def test_early_prompt_echoes_keys_during_import(gate: Path) -> None:
    with Terminal(env={"TESTGATE": str(gate)}) as terminal:
        terminal.until(lambda: terminal.lines[0] == "❯")
        terminal.send("helo")
        terminal.until(lambda: terminal.lines[0] == "❯ helo")
        terminal.send("\x7flo 你")
        terminal.until(lambda: terminal.lines[0] == "❯ hello 你")
        assert b"\x1b[?2004h" not in terminal.output
        terminal.send("好\x1b[D")
        gate.write_text("")
        terminal.shows("? keys")
        terminal.shows("❯ hello 你好")
        terminal.send("_\r")
        terminal.shows("You said: hello 你_好")
        assert [row for row in terminal.transcript if row.startswith("❯ hello")] == ["❯ hello 你_好"]


def test_ctrl_c_during_import_exits_and_restores_terminal(gate: Path) -> None:
    with Terminal(env={"TESTGATE": str(gate)}) as terminal:
        terminal.until(lambda: terminal.lines[0] == "❯")
        terminal.send("\x03")
        terminal.leaves()
        assert terminal.tty() == terminal.initial
        assert "❯" not in terminal.text


def test_ctrl_r_searches_prompts_and_esc_keeps_draft() -> None:
    with Terminal(rows=40) as terminal:
        _ready(terminal)
        for text in ("alpha one", "beta two"):
            terminal.send(f"{text}\r")
            terminal.shows(f"You said: {text}")
            _ready(terminal)
        terminal.send("a draft")
        terminal.shows("❯ a draft")
        terminal.send("\x12")
        terminal.shows("❯ beta two  just now\n  alpha one  just now")
        terminal.send("alp")
        terminal.until(lambda: "  alpha one" not in terminal.text)
        terminal.send("\x1b")
        terminal.shows("  alpha one")
        terminal.send("\x1b")
        terminal.until(lambda: "❯ a draft" in terminal.lines)
        terminal.send("\x12alp\r")
        terminal.until(lambda: "❯ alpha one" in terminal.lines[-8:] or terminal.lines.count("❯ alpha one") == 2)


def test_ctrl_a_and_ctrl_e_move_to_line_start_and_end() -> None:
    with Terminal() as terminal:
        _ready(terminal)
        terminal.send("middle\x01start \x05 end")
        terminal.shows("❯ start middle end")


def test_enter_before_typeahead_sends_if_terminal_brackets_pastes() -> None:
    def answer(data: bytes) -> bytes:
        return b"\x1b[?2004;1$y\x1b[?62c" if b"\x1b[?2004$p" in data else b""

    with Terminal(answer=answer) as terminal:
        terminal.until(lambda: b"\x1b[?2004$p" in terminal.output)
        terminal.settled()
        terminal.send("first question\rhalf of the second")
        terminal.shows("You said: first question")
        terminal.shows("❯ half of the second")
