"""Test that chats, drafts and prompts outlive the program, also after SIGKILL."""

from __future__ import annotations

import os
import signal
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tests.pty.harness import Terminal

CHAT = (sys.executable, "-m", "termchat")


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    return {"HOME": str(tmp_path), "TERMCHAT_DEMO_SPEED": "0"}


def rows(env: dict[str, str], query: str) -> list[tuple[object, ...]]:
    """Return the rows of an SQL query on the chat database; [] while the file or its tables do not exist."""
    file = Path(env["HOME"], ".local/share/termchat/termchat.db")
    if not file.exists():
        return []
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as db:
        try:
            return db.execute(query).fetchall()
        except sqlite3.OperationalError:  # the tables do not exist yet
            return []


def ask(terminal: Terminal, text: str, answer: str) -> None:
    """Ask demo/tour, and wait for the answer and for the line of usage below it."""

    def usage_lines() -> int:
        return sum(row.startswith("tour · ") for row in terminal.transcript)

    terminal.shows("Ask anything")
    before = usage_lines()
    terminal.send(f"{text}\r")
    terminal.until(lambda: usage_lines() > before)
    assert answer in "\n".join(terminal.transcript)
    terminal.shows("Ask anything")


def test_sigkill_keeps_chat_and_draft(env: dict[str, str]) -> None:
    with Terminal(CHAT, env=env) as first:
        ask(first, "exit code 77", "no API key")
        first.send("half a thought 天")
        first.until(lambda: any("half a thought 天" in str(row) for row in rows(env, "SELECT text FROM drafts")))
        os.kill(first.pid, signal.SIGKILL)
        first.leaves()
    chat = rows(env, "SELECT id FROM chats")[0][0]
    with Terminal((*CHAT, "--chat", str(chat)), env=env) as second:
        second.prints("resumed")
        second.shows("half a thought 天")
        assert any(line.startswith("❯ exit code 77") for line in second.transcript)


def test_resume_and_redraw_show_the_mark_of_a_stopped_reply(env: dict[str, str]) -> None:
    with Terminal(CHAT, env={**env, "TERMCHAT_DEMO_SPEED": "1"}) as first:
        first.shows("Ask anything")
        first.send("long\r")  # it lasts for minutes
        first.prints("built-in guide")
        first.send("\x1b")
        first.shows("■ stopped")
        first.quits()
    with Terminal((*CHAT, "-c"), env=env) as second:
        second.prints("resumed")
        second.shows("■ stopped")
        second.send("/redraw\r")
        second.shows("redrawn chat")
        second.until(lambda: sum(line == "■ stopped" for line in second.transcript) == 2)


def test_question_typed_before_resume_is_drawn_once_below_the_chat(env: dict[str, str]) -> None:
    with Terminal(CHAT, env=env) as first:
        ask(first, "calculate 6*7", "6*7 = 42")
        first.quits()
    with Terminal((*CHAT, "-c"), env=env, rows=40, before="calculate 5*5\n") as second:
        second.shows("5*5 = 25")
        second.shows("Ask anything")
        rows = [row for row in second.transcript if row]
        assert "■ no reply" not in rows
        assert rows.index("❯ calculate 6*7") < rows.index("❯ calculate 5*5")
        assert rows.count("❯ calculate 5*5") == 1


def test_up_recalls_prompt_of_earlier_run(env: dict[str, str]) -> None:
    with Terminal(CHAT, env=env) as first:
        ask(first, "calculate 6*7", "6*7 = 42")
        first.quits()
        assert "Resume: termchat --chat" in "\n".join(first.transcript)
    with Terminal(CHAT, env=env) as second:
        second.shows("Ask anything")
        second.until(lambda: rows(env, "SELECT 1 FROM prompts") != [])
        second.settled()
        second.send("\x1b[A")
        second.shows("❯ calculate 6*7")


def test_chat_list_filters_by_text_and_resumes_chat(env: dict[str, str]) -> None:
    for question, answer in (("calculate 6*7", "6*7 = 42"), ("exit code 77", "no API key")):
        with Terminal(CHAT, env=env) as terminal:
            ask(terminal, question, answer)
            terminal.quits()
    with Terminal(CHAT, env=env) as terminal:
        terminal.shows("Ask anything")
        terminal.send("/chats\r")
        terminal.shows("❯ exit code 77")
        terminal.shows("  calculate 6*7")
        terminal.send("6*7")
        terminal.until(lambda: "exit code 77" not in terminal.text)
        terminal.send("\r")
        terminal.prints('resumed "calculate 6*7"')


def test_incognito_saves_no_chat_and_no_prompt(env: dict[str, str]) -> None:
    with Terminal(CHAT, env=env) as terminal:
        terminal.shows("Ask anything")
        terminal.send("/incognito\r")
        terminal.shows("this chat is not saved")
        ask(terminal, "calculate 6*7", "6*7 = 42")
        terminal.quits()
        assert "Resume:" not in terminal.text
    assert rows(env, "SELECT 1 FROM chats") == []
    assert not any("6*7" in str(row) for row in rows(env, "SELECT text FROM prompts"))


def test_incognito_off_saves_chats_again_and_keeps_the_model(env: dict[str, str]) -> None:
    with Terminal(CHAT, env=env, rows=50) as terminal:
        terminal.shows("Ask anything")
        terminal.send("/model ollama/llama3\r")
        terminal.shows("→ ollama/llama3")
        terminal.send("/incognito\r")
        terminal.shows("this chat is not saved; /incognito off ends this")
        terminal.shows("incognito · llama3")
        terminal.send("/model demo/tour\r")
        terminal.shows("→ demo/tour")
        ask(terminal, "a hidden zebra", "built-in guide")
        terminal.settled()
        terminal.send("/export f.md\r")
        terminal.shows("Nothing is saved in incognito. /incognito off begins a chat that is saved.")
        terminal.send("/incognito\r")
        terminal.shows("Already incognito.")
        terminal.send("/incognito off\r")
        terminal.shows("chats are saved again")
        ask(terminal, "calculate 6*7 giraffe", "The tool calculate failed")
        terminal.quits()
    saved = str(rows(env, "SELECT * FROM messages")) + str(rows(env, "SELECT text FROM prompts"))
    assert "giraffe" in saved
    assert "zebra" not in saved
    assert rows(env, "SELECT title FROM chats") == [("calculate 6*7 giraffe",)]


def test_model_without_key_is_reported_at_the_switch(env: dict[str, str]) -> None:
    with Terminal(CHAT, env=env) as terminal:
        terminal.shows("Ask anything")
        terminal.send("/model anthropic/claude-opus-4-5\r")
        terminal.shows("No key for it: /login anthropic, or set ANTHROPIC_API_KEY")
        terminal.send("/model demo/tour\r")
        terminal.shows("→ demo/tour")
        ask(terminal, "calculate 6*7", "6*7 = 42")
        terminal.send("/model openai/gpt-5\r")
        terminal.shows("/login openai, or set OPENAI_API_KEY")


def test_typed_ahead_after_incognito_never_reaches_the_disk(env: dict[str, str]) -> None:
    with Terminal(CHAT, env=env, before="/incognito\rzebra crossing\r") as terminal:
        terminal.shows("this chat is not saved")
        terminal.shows("❯ zebra crossing")
        terminal.shows("Ask anything")
        terminal.send("half a giraffe")
        terminal.shows("half a giraffe")
        terminal.send("\x15")
        terminal.shows("Ask anything")
        terminal.quits()
    saved = b"".join(file.read_bytes() for file in Path(env["HOME"], ".local").rglob("*") if file.is_file())
    assert b"zebra" not in saved
    assert b"giraffe" not in saved


@pytest.mark.parametrize(
    ("commands", "title"), [("/open calculate\r", "calculate 6*7"), ("/open calculate\r/fork a copy\r", "a copy")]
)
def test_message_typed_ahead_goes_to_the_chat_that_opens(env: dict[str, str], commands: str, title: str) -> None:
    with Terminal(CHAT, env=env) as terminal:
        ask(terminal, "calculate 6*7", "6*7 = 42")
        terminal.quits()
    with Terminal(CHAT, env=env, before=f"{commands}calculate 2+3\r") as terminal:
        terminal.shows("= 5")
        terminal.shows("Ask anything")
        terminal.quits()
    where = "FROM nodes JOIN chats ON chats.n = nodes.chat WHERE author = 'user' AND message LIKE '%2+3%'"
    assert rows(env, f"SELECT chats.title {where}") == [(title,)]


def test_exit_typed_ahead_waits_for_the_export(env: dict[str, str]) -> None:
    file = Path(env["HOME"], "chat.md")
    with Terminal(CHAT, env=env) as terminal:
        ask(terminal, "calculate 6*7", "6*7 = 42")
        terminal.send(f"/export {file}")
        terminal.until(lambda: "chat.md" in "".join(terminal.text.split()))  # the path may be wrapped anywhere
        terminal.send("\r\x04")
        terminal.leaves()
    assert "6*7" in file.read_text(encoding="utf-8")


def test_pasted_incognito_line_is_never_saved_with_the_lines_below_it(env: dict[str, str]) -> None:
    with Terminal(CHAT, env=env) as terminal:
        terminal.shows("Ask anything")
        terminal.until(lambda: rows(env, "SELECT 1 FROM sqlite_master") != [])
        terminal.send("\x1b[200~/incognito\nzebra crossing\x1b[201~")
        terminal.shows("  zebra crossing")
        terminal.send("\r")
        terminal.shows("this chat is not saved")
        terminal.shows("❯ zebra crossing")
        terminal.send("\r")
        terminal.shows("built-in guide")
        terminal.shows("Ask anything")
        terminal.quits()
    saved = b"".join(file.read_bytes() for file in Path(env["HOME"], ".local").rglob("*") if file.is_file())
    assert b"zebra" not in saved


@pytest.mark.parametrize("way", ["/undo", "/edit 1", "/goto 1", "/tree|1"])
def test_question_returns_to_the_input_with_its_attachments(env: dict[str, str], tmp_path: Path, way: str) -> None:
    cat, notes = tmp_path / "cat.png", tmp_path / "notes.txt"
    cat.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))
    notes.write_text("zebra\n", encoding="utf-8")
    with Terminal((*CHAT, "-m", "demo/tour", "-f", str(cat), "-f", str(notes), "calculate 6*7"), env=env) as script:
        script.leaves()
    chat = str(rows(env, "SELECT id FROM chats")[0][0])
    with Terminal((*CHAT, "--chat", chat), env=env, rows=50) as terminal:
        terminal.shows("❯ @cat.png (PNG, 108 B) @notes.txt (6 B)")
        terminal.shows("Ask anything")
        for typed in way.split("|"):
            terminal.send(typed)
            terminal.shows(f"{typed}\n")
            terminal.settled()
            terminal.send("\r")
            terminal.settled()
        terminal.until(lambda: terminal.text.count("❯ @cat.png (PNG, 108 B) @notes.txt (6 B)") == 2)
        terminal.send("\r")
        terminal.until(lambda: terminal.text.count("built-in guide") == 2)
        terminal.shows("Ask anything")
        terminal.quits()
    first, again = rows(env, "SELECT message FROM nodes WHERE author = 'user' ORDER BY n")
    assert first == again


def test_chat_search_shows_and_opens_the_message_it_found(env: dict[str, str]) -> None:
    with Terminal(CHAT, env=env) as terminal:
        for question in ("where is the zebra?", *(f"calculate {n}+{n}" for n in range(4))):
            terminal.shows("Ask anything")
            ask(terminal, question, f"❯ {question}")
        terminal.quits()
    chat = str(rows(env, "SELECT id FROM chats")[0][0])
    with Terminal(CHAT, env=env, rows=80) as terminal:
        terminal.shows("Ask anything")
        terminal.send("/chats zebra\r")
        terminal.shows("    ❯ where is the zebra?")
        terminal.send("\r")
        terminal.shows("— found in message 1 —")
        terminal.shows("/goto 1 continues from there.")
        found = terminal.text.partition("— found in message 1 —")[2]
        assert "■ no reply" not in found
        assert "built-in guide" in found
        terminal.until(  # the question, and the title in the status line
            lambda: terminal.text.partition("— found in message 1 —")[2].count("where is the zebra?") == 2
        )
        assert terminal.text.count("resumed") == 1
        terminal.send(f"/chats {chat[:6]}\r")
        terminal.until(lambda: any("this chat" in row for row in terminal.lines if row.startswith("❯ where is")))


def test_enter_in_chat_list_waits_for_the_search(env: dict[str, str]) -> None:
    for question in ("where is the zebra?", "where is the giraffe?"):
        with Terminal(CHAT, env=env) as terminal:
            ask(terminal, question, "built-in guide")
            terminal.quits()
    with Terminal(CHAT, env=env, before="/chats zebra\r\r", rows=40) as terminal:
        terminal.prints('resumed "where is the zebra?"')
        terminal.shows("found in message 1")
        terminal.send("/chats\r")
        terminal.shows("  all directories")
        terminal.send("giraffe\r")
        terminal.prints('resumed "where is the giraffe?"')


def test_open_restores_the_draft_of_the_chat(env: dict[str, str]) -> None:
    with Terminal(CHAT, env=env) as terminal:
        ask(terminal, "where is the zebra?", "built-in guide")
        terminal.send("half a thought")
        terminal.until(lambda: any("half a thought" in str(row) for row in rows(env, "SELECT text FROM drafts")))
        os.kill(terminal.pid, signal.SIGKILL)
        terminal.leaves()
    with Terminal(CHAT, env=env) as terminal:
        terminal.shows("Ask anything")
        terminal.send("/open where\r")
        terminal.prints("resumed")
        terminal.shows("❯ half a thought")
        terminal.settled()
        assert any("half a thought" in str(row) for row in rows(env, "SELECT text FROM drafts"))


def test_continue_without_a_chat_says_so_and_begins_a_new_one(env: dict[str, str]) -> None:
    with Terminal((*CHAT, "-c"), env=env, rows=40) as terminal:
        terminal.shows("There is no chat to continue in this directory; this is a new one.")
        ask(terminal, "calculate 6*7", "6*7 = 42")
        assert terminal.quits() == 0
    with Terminal((*CHAT, "-c"), env=env) as terminal:
        terminal.prints('resumed "calculate 6*7"')


@pytest.mark.parametrize("plain", [False, True])
def test_chat_of_failed_one_shot_returns_its_question_to_the_input(env: dict[str, str], *, plain: bool) -> None:
    failed = f"{sys.executable} -m termchat -q --retries 0 -m demo/tour 401"
    command = ("sh", "-c", f'{failed}; exec "$@"', "sh", *CHAT, "-c", *(["--plain"] if plain else []))
    with Terminal(command, env=env, rows=40) as terminal:
        terminal.prints("— resumed")
        if plain:
            terminal.shows('An empty line resends "401"; anything else replaces it.')
        else:
            terminal.shows("❯ 401")
