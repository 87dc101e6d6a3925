"""`termchat suggest` as a script runs it, and lines of the shell as requests."""

from __future__ import annotations

import pytest

from termchat.cli.shell.suggest_line import ShellRequest, read_line
from termchat.core.errors import Failure
from tests.cli.conftest import Program
from tests.gateway import Reply, Text, fault

FOUND = "Try this:\n\n```bash\nfind . -size +1G\n```\n\nIt lists large files."


def sent(program: Program, at: int = -1) -> list[str]:
    return [str(message["content"]) for message in program.gateway.asked[at].body["messages"]]


def test_suggest_prints_command_alone_and_explanation_on_stderr(program: Program) -> None:
    program.gateway.reply(Reply.text(FOUND))
    done = program.run("suggest", "-m", "xopenai/m", "find", "large files", env={"SHELL": "/usr/bin/zsh"})
    assert (done.code, done.out) == (0, b"find . -size +1G\n")
    assert "It lists large files." in done.err
    system, asked = sent(program)
    assert asked == "find large files"
    assert "Shell: zsh" in system
    assert "Operating system: " in system
    assert "tools" not in program.gateway.asked[0].body
    for private in (str(program.cwd), str(program.home), "HOME", program.env["PATH"]):
        assert private not in system


def test_suggest_sends_only_facts_that_the_setting_allows(program: Program) -> None:
    program.gateway.reply(Reply.text(FOUND), Reply.text(FOUND))
    program.run("suggest", "-m", "xopenai/m", "--set", "suggest=none", "--shell", "fish", "x")
    role = program.home / ".config" / "termchat" / "prompts" / "kind.md"
    role.parent.mkdir()
    role.write_text("---\nmodel: xopenai/m\ntools: read\n---\nBe kind.\n")
    program.run("suggest", "-r", "kind", "--set", "suggest=cwd", "x")
    (bare, _), (place, _) = sent(program, 0), sent(program, 1)
    assert "fish" not in bare
    assert "Operating system" not in bare
    assert f"Current directory: {program.cwd}" in place
    assert "Shell:" not in place
    assert place.rstrip().endswith("Be kind.")
    assert "tools" not in program.gateway.asked[1].body
    assert program.run("suggest", "--set", "suggest=user", "x").code == 2


def test_suggest_revises_command_in_words(program: Program) -> None:
    program.gateway.reply(Reply.text("`ls -R`\nIt recurses."))
    done = program.run("suggest", "-m", "xopenai/m", "-q", "--command", "ls", "make it recursive")
    assert (done.code, done.out, done.err) == (0, b"ls -R\n", "")
    assert sent(program)[-1] == "This is the command so far:\n\n```sh\nls\n```\n\nChange it: make it recursive"


def test_suggest_explain_prints_the_reply(program: Program) -> None:
    program.gateway.reply(Reply.text("It lists files."))
    done = program.run("suggest", "-m", "xopenai/m", "--explain", "ls -l | sort")
    assert (done.code, done.out) == (0, b"It lists files.")
    assert sent(program)[-1] == "```sh\nls -l | sort\n```"


# Arguments, answers of the server, exit code, a part of standard error.
FAILURES = [
    (("-m", "xopenai/m", "x"), [Reply.text("No command does that.\x1b[2J")], 1, "No command does that.␛[2J"),
    (("-m", "xopenai/m", "x"), [Reply.text("```\n\n```")], 1, "proposed no command"),
    (("-m", "xopenai/m", "x"), [fault.status(401)], 77, "xopenai"),
    (("-m", "xopenai/m", "x"), [Reply(Text("```\nrm"), fault.cut())], 5, ""),
    (("-m", "demo/tour", "zzz"), [], 1, "proposed no command"),
    (("x",), [], 2, "No model is chosen"),
    (("--last", "-m", "xopenai/m", "fix it"), [], 1, "The last command is unknown"),
    (("-m", "xopenai/m", "--max-cost", "0.000001", "--set", "unpriced=ask", "x"), [], 7, ""),
    ((), [], 2, "Say what the command should do."),
    (("-r", "none", "x"), [], 2, "none"),
]


def test_suggest_failures_have_exit_codes_of_one_shot(program: Program) -> None:
    for arguments, answers, code, words in FAILURES:
        program.gateway.reply(*answers)
        done = program.run("suggest", *arguments)
        assert (done.code, done.out) == (code, b""), (arguments, done)
        assert words in done.err, arguments


def test_suggest_without_key_is_calm_failure(program: Program) -> None:
    done = program.run("suggest", "x", env={"XDG_CONFIG_HOME": str(program.cwd)})
    assert (done.code, done.out) == (77, b"")
    assert "termchat login" in done.err


LINES = [
    ("list files", "", ShellRequest("list files")),
    ("ls make it recursive", "ls", ShellRequest("make it recursive", "ls")),
    ("ls # make it recursive", "ls", ShellRequest("make it recursive", "ls")),
    ("lsblk of all disks", "ls", ShellRequest("lsblk of all disks")),
    ("du -sh # sort it", "", ShellRequest("sort it", "du -sh")),
    ("du -sh # sort it", "ls", ShellRequest("sort it", "du -sh")),
    ("fix !!", "", ShellRequest("fix the last command", last=True)),
    ("!!", "", ShellRequest("the last command", last=True)),
    ("say hi!! now", "", ShellRequest("say hi!! now")),
    ("? tar -xzf a", "", ShellRequest("tar -xzf a", explains=True)),
]


@pytest.mark.parametrize(("line", "proposed", "request_"), LINES)
def test_line_is_read_as_request(line: str, proposed: str, request_: ShellRequest) -> None:
    assert read_line(line, proposed) == request_


@pytest.mark.parametrize(("line", "proposed"), [("", ""), ("  ", "ls"), ("ls ", "ls"), ("?", "")])
def test_line_without_words_is_told_what_to_type(line: str, proposed: str) -> None:
    assert isinstance(read_line(line, proposed), Failure)
