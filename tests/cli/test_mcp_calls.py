"""Scripts that name tools of MCP servers: started, judged by rules, ended with termchat."""

from __future__ import annotations

import json
import sys

import pytest

from tests.cli.conftest import PROTOCOLS, Program
from tests.gateway import Call, Reply, Text

DEMO = f"""
[mcp.demo]
command = "{sys.executable}"
args = ["-m", "termchat.tools.mcp.demo_server"]
seconds = 60
"""


def configure(program: Program, rows: str, before: str = "") -> None:
    """Add rows to the end and to the beginning of the config file."""
    file = program.home / ".config" / "termchat" / "config.toml"
    file.write_text(before + file.read_text() + rows)


def dice(program: Program) -> None:
    program.gateway.reply(Reply(Call("mcp_demo_dice", {"seed": 3, "rolls": 5})), Reply(Text("Done.")))


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_oneshot_rule_allows_tools_of_server(program: Program, protocol: str) -> None:
    configure(program, DEMO, 'allow = ["mcp_demo_*"]\n')
    dice(program)
    done = program.run("-m", f"x{protocol}/any", "--tools", "mcp_demo_*", "roll")
    assert (done.code, done.out) == (0, b"Done."), done.err
    assert "2, 5, 5, 2, 3" in json.dumps(program.gateway.asked[1].body)


def test_oneshot_call_without_rule_is_declined(program: Program) -> None:
    configure(program, DEMO)
    dice(program)
    done = program.run("-m", "xopenai/any", "--tools", "mcp", "roll")
    assert (done.code, done.out) == (8, b"Done."), done.err
    assert "declined" in json.dumps(program.gateway.asked[1].body)


def test_oneshot_plain_question_starts_no_server(program: Program) -> None:
    configure(program, '[mcp.it]\ncommand = "/nonexistent/program"\n')
    program.gateway.always(Reply(Text("Hi.")))
    for arguments in ((), ("--tools", "read")):
        done = program.run("-m", "xopenai/any", *arguments, "hello")
        assert (done.code, done.err) == (0, "")
    assert "mcp_" not in json.dumps([asked.body for asked in program.gateway.asked])


def test_oneshot_server_that_cannot_start_is_named_and_question_goes(program: Program) -> None:
    configure(program, '[mcp.it]\ncommand = "/nonexistent/program"\n')
    program.gateway.reply(Reply(Text("Hi.")))
    done = program.run("-m", "xopenai/any", "--tools", "mcp_it_*", "hello")
    assert (done.code, done.out) == (0, b"Hi.")
    assert "The MCP server it cannot start: there is no /nonexistent/program." in done.err


def test_oneshot_without_package_says_how_to_install_it(program: Program) -> None:
    configure(program, DEMO)
    program.gateway.reply(Reply(Text("Hi.")))
    blocked = program.home / "blocked"
    blocked.mkdir()
    (blocked / "mcp.py").write_text("raise ImportError('not installed')\n")
    done = program.run("-m", "xopenai/any", "--tools", "mcp", "hello", env={"PYTHONPATH": str(blocked)})
    assert done.out == b"Hi."
    assert "[mcp]'" in done.err
