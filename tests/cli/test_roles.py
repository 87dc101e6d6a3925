"""Roles in scripts: `-r NAME` and `termchat prompts`, as processes."""

from __future__ import annotations

import json

import pytest

from tests.cli.conftest import Program
from tests.gateway import Reply

REVIEW = """---
description: Review a change
model: xopenai/deep
temperature: 0.5
tools: read
variables:
  lang: Python
---
You review {{lang}}.
"""


def write(program: Program, name: str, text: str) -> None:
    folder = program.home / ".config" / "termchat" / "prompts"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.md").write_text(text)


def asked(program: Program) -> dict[str, object]:
    return program.gateway.asked[-1].body


def test_role_sets_request_and_takes_variables_from_words(program: Program) -> None:
    write(program, "review", REVIEW)
    program.gateway.reply(Reply.text("ok"))
    done = program.run("-r", "review", "lang=Go", "Is", "x=1", "right?", stdin=b"diff")
    assert (done.code, done.out, done.err) == (0, b"ok", "")
    body = asked(program)
    assert (body["model"], body["temperature"]) == ("deep", 0.5)
    system, question = body["messages"]  # type: ignore[misc]
    assert system["content"] == "You review Go."
    assert "Is x=1 right?" in str(question["content"])
    assert "diff" in str(question["content"])
    assert "read_file" in {tool["function"]["name"] for tool in body["tools"]}  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("flags", "key", "value"),
    [(("-m", "xopenai/any"), "model", "any"), (("--temperature", "1"), "temperature", 1.0)],
)
def test_flag_takes_precedence_over_role(program: Program, flags: tuple[str, ...], key: str, value: object) -> None:
    write(program, "review", REVIEW)
    program.gateway.reply(Reply.text("ok"))
    assert program.run("-r", "review", *flags, "hi").code == 0
    assert asked(program)[key] == value


@pytest.mark.parametrize(
    ("flags", "tools"),
    [
        (("--tools", "calculate,read_file"), {"read_file"}),
        (("--no-tools",), set[str]()),
    ],
)
def test_role_offers_no_tool_that_user_left_out(program: Program, flags: tuple[str, ...], tools: set[str]) -> None:
    write(program, "review", REVIEW.replace("tools: read", "tools: [read_file, run]"))
    program.gateway.reply(Reply.text("ok"))
    assert program.run("-r", "review", *flags, "hi").code == 0
    assert {tool["function"]["name"] for tool in asked(program).get("tools", [])} == tools  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("-r", "revew", "hi"), "Did you mean review?"),
        (("-r", "bad", "hi"), "bad.md:2: allow cannot be set by a role."),
        (("-r", "review", "-s", "x", "hi"), "-r and -s both set the system prompt."),
        (("-r", "needs", "hi"), "The role needs needs who.\ntermchat: Add who=VALUE after the name."),
    ],
)
def test_role_that_cannot_be_used_sends_nothing(program: Program, arguments: tuple[str, ...], words: str) -> None:
    write(program, "review", REVIEW)
    write(program, "bad", "---\nallow: run_shell\n---\n")
    write(program, "needs", "Ask {{who}}.")
    done = program.run(*arguments)
    assert (done.code, done.out) == (2, b"")
    assert words in done.err
    assert program.gateway.asked == []


def test_bad_file_of_role_stops_nothing_else(program: Program) -> None:
    write(program, "bad", "---\nallow: run_shell\n---\n")
    program.gateway.reply(Reply.text("ok"))
    assert program.run("-m", "xopenai/any", "hi").code == 0
    done = program.run("prompts")
    assert done.code == 1
    assert "bad.md:2: allow cannot be set by a role." in done.err


def test_role_in_current_directory_is_data(program: Program) -> None:
    (program.cwd / "prompts").mkdir()
    (program.cwd / "prompts" / "review.md").write_text(REVIEW)
    assert program.run("-r", "review", "hi").code == 2


def test_role_is_kept_with_chat_and_asked_role_replaces_it(program: Program) -> None:
    write(program, "review", REVIEW)
    write(program, "brief", "Be brief.")
    program.gateway.reply(Reply.text("one"), Reply.text("two"), Reply.text("three"))
    program.run("-r", "review", "first")
    chat = program.run("chats").out.split(b"\t")[0].decode()
    assert program.run("--chat", chat, "second").code == 0
    assert asked(program)["messages"][0]["content"] == "You review Python."  # type: ignore[index]
    assert program.run("--chat", chat, "-r", "brief", "third").code == 0
    assert asked(program)["messages"][0]["content"] == "Be brief."  # type: ignore[index]
    assert asked(program)["model"] == "deep"


def test_prompts_new_begins_a_file_that_is_a_role_and_keeps_an_existing_one(program: Program) -> None:
    done = program.run("prompts", "new", "review")
    assert done.code == 0
    file = done.out.decode().strip()
    assert file.startswith(program.run("prompts", "path").out.decode().strip())
    assert program.run("prompts").out == b"review\t\n"
    again = program.run("prompts", "new", "review")
    assert again.code == 2
    assert "exists and is not overwritten" in again.err
    assert program.run("prompts", "new", "../x").code == 2


def test_prompts_lists_and_shows_roles(program: Program) -> None:
    assert "There are no roles" in program.run("prompts").err
    write(program, "review", REVIEW)
    assert program.run("prompts", "list").out == b"review\tReview a change\n"
    assert program.run("prompts", "show", "review").out == REVIEW.encode()
    assert program.run("prompts", "show", "x").code == 2
    (row,) = json.loads(program.run("prompts", "--json").out)
    assert (row["name"], row["variables"], row["settings"]["tools"]) == ("review", {"lang": "Python"}, ["read"])
