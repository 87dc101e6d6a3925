"""Saved chats on the command line: continue, list, delete, restore, export, import, usage."""

from __future__ import annotations

import json
import os
import stat

from tests.cli.conftest import KEY, Program
from tests.gateway import Reply, Usage

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
    assert "1 chats" in program.run("chats", "import", str(file), env=other).err
    again = program.run("chats", "import", str(file), env=other)
    assert "1 existed already" in again.err
    markdown = program.run("chats", "export", "hello", env=other).out.decode()
    assert "# Héllo" in markdown
    page = program.run("chats", "export", "hello", "--format", "html", env=other).out.decode()
    assert "<script" not in page
    assert "Héllo" in page


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
