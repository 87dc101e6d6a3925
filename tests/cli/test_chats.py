"""Saved chats on the command line: continue, list, delete, restore, export, import, usage."""

from __future__ import annotations

import json
import os
import sqlite3
import stat
import sys
from contextlib import closing

import pytest

from termchat.core.sanitize import safe
from tests.cli.conftest import KEY, Program, on_terminal
from tests.gateway import Reply, Usage
from tests.pty.harness import Terminal

# Each run is a new process on the same store; the gateway replies in the given order.


def test_chat_option_continues_chat_by_id_prefix(program: Program) -> None:
    program.gateway.reply(Reply.text("four"), Reply.text("eight"))
    program.run("-m", "xopenai/any", "-s", "Be terse.", "two and two?")
    listed = json.loads(program.run("chats", "--json").out)
    assert [(chat["title"], chat["turns"], chat["model"]) for chat in listed] == [("two and two?", 1, "xopenai/any")]
    done = program.run("--chat", listed[0]["id"][:6], "and twice that?")
    assert (done.code, done.out) == (0, b"eight")
    asked = program.gateway.asked[1]
    assert asked.model == "any"
    assert [(m["role"], m["content"]) for m in asked.body["messages"]] == [
        ("system", "Be terse."),
        ("user", "two and two?"),
        ("assistant", "four"),
        ("user", "and twice that?"),
    ]


def test_chat_option_continues_with_other_protocol(program: Program) -> None:
    program.gateway.reply(Reply.text("four"), Reply.text("eight"))
    program.run("-m", "xopenai/any", "two and two?")
    done = program.run("--chat", "two and two?", "-m", "xanthropic/claude-opus-5", "and twice that?")
    assert (done.code, done.out) == (0, b"eight")
    assert [m["role"] for m in program.gateway.asked[1].body["messages"]] == ["user", "assistant", "user"]


def test_continue_without_terminal_is_usage_error_naming_chat(program: Program) -> None:
    done = program.run("-c", "hello", "-m", "xopenai/any")
    assert done.code == 2
    assert "--chat" in done.err


def test_chat_option_unknown_chat_is_named(program: Program) -> None:
    done = program.run("--chat", "nothing", "hello", "-m", "xopenai/any")
    assert done.code == 2
    assert "nothing" in done.err


def test_no_save_writes_no_file(program: Program) -> None:
    program.gateway.reply(Reply.text("ok"))
    assert program.run("--no-save", "-m", "xopenai/any", "a secret").out == b"ok"
    assert not (program.home / ".local").exists()


def test_chat_file_is_private_and_holds_no_key(program: Program) -> None:
    program.gateway.reply(Reply.text("ok"))
    old = os.umask(0)
    try:
        program.run("-m", "xopenai/any", f"is {KEY} a good key? 天气")
    finally:
        os.umask(old)
    folder = program.home / ".local" / "share" / "termchat"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    files = list(folder.iterdir())
    assert files
    for file in files:
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert KEY.encode() not in file.read_bytes()
    assert program.run("chats", "天气").code == 0
    assert program.run("chats", "天文").code == 1


def test_chats_rm_needs_yes_and_can_be_restored(program: Program) -> None:
    program.gateway.reply(Reply.text("ok"))
    program.run("-m", "xopenai/any", "hello")
    refused = program.run("chats", "rm", "hello")
    assert refused.code == 2
    assert "--yes" in refused.err
    assert program.run("chats", "rm", "--yes", "hello").code == 0
    assert program.run("chats").out == b""
    assert b"hello" in program.run("chats", "restore").out
    assert program.run("chats", "restore", "hello").code == 0
    assert b"hello" in program.run("chats").out


def test_chats_import_of_export_adds_chats_once(program: Program) -> None:
    program.gateway.reply(Reply.text("# Héllo"))
    program.run("-m", "xopenai/any", "hello")
    file = program.cwd / "all.json"
    assert program.run("chats", "export", "--format", "json", "-o", str(file)).code == 0
    other = {"HOME": str(program.cwd / "other")}
    assert "1 chat " in program.run("chats", "import", str(file), env=other).err
    again = program.run("chats", "import", str(file), env=other)
    assert "1 existed already" in again.err
    markdown = program.run("chats", "export", "hello", env=other).out.decode()
    assert "# Héllo" in markdown
    page = program.run("chats", "export", "hello", "--format", "html", env=other).out.decode()
    assert "<script" not in page
    assert "Héllo" in page


def export_file(program: Program, database: bytes | None) -> tuple[int, str, str]:
    """Export to an existing file from this database, a directory in its place for None. Return code, errors, file."""
    place = program.home / ".local" / "share" / "termchat" / "termchat.db"
    if database is None:
        place.mkdir(parents=True)
    else:
        place.parent.mkdir(parents=True)
        place.write_bytes(database)
    file = program.cwd / "backup.json"
    file.write_text("the only backup")
    done = program.run("chats", "export", "--format", "json", "-o", str(file))
    assert [found.name for found in program.cwd.iterdir()] == ["backup.json"]
    return done.code, done.err, file.read_text()


@pytest.mark.parametrize("database", [None, b"no database" * 2000])
def test_chats_export_of_unreadable_database_keeps_file(program: Program, database: bytes | None) -> None:
    code, err, text = export_file(program, database)
    assert (code, text) == (1, "the only backup")
    assert "backup.json was not written" in err


def test_chats_export_with_damaged_message_names_chat_and_keeps_file(program: Program) -> None:
    program.gateway.reply(Reply.text("ok"), Reply.text("ok"))
    program.run("-m", "xopenai/any", "sound")
    program.run("-m", "xopenai/any", "broken")
    with closing(sqlite3.connect(program.home / ".local" / "share" / "termchat" / "termchat.db")) as connection:
        connection.execute("DROP TRIGGER messages_never_change")
        connection.execute("UPDATE nodes SET message = '{' WHERE n = (SELECT max(n) FROM nodes)")
        connection.commit()
    file = program.cwd / "backup.json"
    file.write_text("the only backup")
    done = program.run("chats", "export", "--format", "json", "-o", str(file))
    assert (done.code, file.read_text()) == (1, "the only backup")
    assert '"broken"' in done.err
    assert '"sound"' not in done.err
    printed = program.run("chats", "export", "--format", "json")
    assert printed.code == 1
    assert [chat["title"] for chat in json.loads(printed.out)["chats"]] == ["sound", "broken"]


@pytest.mark.parametrize("action", ["list", "ls"])
def test_chats_list_lists_chats_and_takes_words(program: Program, action: str) -> None:
    program.gateway.reply(Reply.text("ok"), Reply.text("ok"))
    program.run("-m", "xopenai/any", "a list of trees")
    program.run("-m", "xopenai/any", "another question")
    assert len(json.loads(program.run("chats", action, "--json").out)) == 2
    assert program.run("chats", action, "another").out == program.run("chats", "another").out
    assert [chat["title"] for chat in json.loads(program.run("chats", "--json", "--", "list").out)] == [
        "a list of trees"
    ]


@pytest.mark.parametrize(("answer", "flags", "kept"), [("n\r", [], True), ("y\r", [], False), ("", ["--force"], False)])
def test_chats_export_asks_on_terminal_before_it_overwrites(
    program: Program, answer: str, flags: list[str], kept: bool
) -> None:
    program.gateway.reply(Reply.text("ok"))
    program.run("-m", "xopenai/any", "hello")
    file = program.cwd / "all.md"
    file.write_text("mine")
    command = (sys.executable, "-m", "termchat", "chats", "export", "-o", str(file), *flags)
    with Terminal(command, env=program.env) as terminal:
        if answer:
            terminal.shows("Overwrite it? [y/N]")
            terminal.send(answer)
        assert terminal.leaves() == (1 if kept else 0)
    assert (file.read_text() == "mine") is kept


def test_chats_export_keeps_mode_of_file_and_writes_device(program: Program) -> None:
    file, new = program.cwd / "all.md", program.cwd / "new.md"
    file.touch(0o640)
    for target in (file, new):
        assert program.run("chats", "export", "-o", str(target)).code == 0
    assert [stat.S_IMODE(target.stat().st_mode) for target in (file, new)] == [0o640, 0o600]
    assert program.run("chats", "export", "--format", "html", "-o", "/dev/stdout").out.endswith(b"</html>\n")
    assert "no such file" in program.run("chats", "export", "-o", "nowhere/all.md").err


@pytest.mark.parametrize("action", ["rm --yes", "restore", "export", "import", "export -o"])
def test_chats_empty_name_is_usage_error(program: Program, action: str) -> None:
    program.gateway.reply(Reply.text("ok"))
    program.run("-m", "xopenai/any", "the only chat")
    if action == "restore":
        program.run("chats", "rm", "--yes", "the only chat")
    before = program.run("chats").out
    done = program.run("chats", *action.split(), "")
    assert (done.code, done.out) == (2, b"")
    assert program.run("chats").out == before


def test_one_shots_are_marked_filtered_and_lose_mark_when_continued(program: Program) -> None:
    program.gateway.reply(Reply.text("ok"), Reply.text("ok"), Reply.text("ok"))
    program.run("-m", "xopenai/any", "first")
    program.run("-m", "xopenai/any", "second")

    def titles(*arguments: str) -> list[str]:
        return [chat["title"] for chat in json.loads(program.run("chats", "--json", *arguments).out)]

    assert titles("--one-shot") == titles() == ["second", "first"]
    assert titles("--no-one-shot") == []
    shown, _ = on_terminal(program, "chats", columns=100)
    assert shown.count("(one-shot)") == shown.count(" any ") == 2
    assert program.run("--chat", "second", "and more").code == 0
    assert titles("--one-shot") == ["first"]
    assert titles("--no-one-shot") == ["second"]


def test_chats_json_escapes_control_characters_and_keeps_title(program: Program) -> None:
    title = "a \x1b]52;c;x\x07 \x7f \x9b31m \u202e \u2066 end"
    export = {"id": "c1", "title": title, "created": 1.0, "messages": []}
    file = program.cwd / "hostile.json"
    file.write_text(json.dumps({"format": "termchat", "version": 1, "chats": [export]}))
    assert program.run("chats", "import", str(file)).code == 0
    done = program.run("chats", "--json")
    assert json.loads(done.out)[0]["title"] == title
    assert done.out.decode() == safe(done.out.decode())


def test_chats_import_of_nothing_is_error(program: Program) -> None:
    file = program.cwd / "empty.json"
    for chats in ([], [7]):
        file.write_text(json.dumps({"format": "termchat", "version": 1, "chats": chats}))
        assert program.run("chats", "import", str(file)).code != 0


def test_usage_sums_requests_and_prices_known_models(program: Program) -> None:
    config = program.home / ".config" / "termchat" / "config.toml"
    program.configure(config.read_text().replace("[providers.xopenai]\n", '[providers.xopenai]\nvendor = "openai"\n'))
    answer = Reply(*Reply.text("ok").steps, usage=Usage(input=1000, output=500, cached=200))
    program.gateway.reply(answer, answer)
    program.run("-m", "xopenai/gpt-4o", "hello")
    program.run("-m", "xanthropic/any", "hello")
    rows = {row["key"]: row for row in json.loads(program.run("usage", "--json").out)}
    priced, unpriced = rows["xopenai/gpt-4o"], rows["xanthropic/any"]
    assert (priced["requests"], priced["input"], priced["output"], priced["cached"]) == (1, 1000, 500, 200)
    assert (float(priced["cost"]) > 0, priced["unpriced"]) == (True, 0)
    assert (unpriced["cost"], unpriced["unpriced"]) == (None, 1)
    assert "unpriced" in program.run("usage", "--by", "day").out.decode()
