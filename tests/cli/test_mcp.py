"""`termchat mcp`: add, test, remove and import servers, in a real config file."""

from __future__ import annotations

import json
import sys
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from termchat.config.mcp_import import ImportedServers, read_servers
from termchat.config.mcp_servers import SERVER_NAME, check_server
from termchat.core.errors import Failure
from termchat.core.models import McpServer
from tests.cli.conftest import Done, Program

TIME = (sys.executable, "-m", "mcp_server_time", "--local-timezone", "UTC")


def tables(program: Program) -> dict[str, object]:
    return tomllib.loads((program.home / ".config" / "termchat" / "config.toml").read_text()).get("mcp", {})


def mcp(program: Program, *arguments: str) -> Done:
    return program.run("mcp", *arguments)


def test_mcp_add_writes_table_and_test_lists_tools(program: Program) -> None:
    program.configure("# mine\n")
    done = mcp(program, "add", "-e", "TZ=UTC", "--tool", "get_current_time", "time", *TIME)
    assert (done.code, done.err) == (0, "termchat: Added time. Check it with: termchat mcp test time\n")
    row = {"command": TIME[0], "args": [*TIME[1:]], "tools": ["get_current_time"], "env": {"TZ": "UTC"}}
    assert tables(program) == {"time": row}
    assert (program.home / ".config" / "termchat" / "config.toml").read_text().startswith("# mine\n")
    shown = mcp(program, "test", "time")
    assert shown.code == 0, shown.err
    first, *rest = shown.out.decode().splitlines()
    assert first.endswith(": 1 tool, 0 prompts")
    assert rest == ["mcp_time_get_current_time\tGet current time in a specific timezone"]


def test_mcp_add_without_package_says_how_to_install_it(program: Program) -> None:
    program.configure("")
    without = program.home / "without"
    without.mkdir()
    (without / "sitecustomize.py").write_text("import sys\nsys.modules['mcp'] = None\n")
    done = program.run("mcp", "add", "time", *TIME, env={"PYTHONPATH": str(without)})
    assert done.code == 0
    assert "MCP servers need the package mcp, which is not installed." in done.err
    assert "[mcp]'" in done.err
    assert "time" in tables(program)


def test_mcp_add_keeps_secret_in_closed_file(program: Program) -> None:
    program.configure("")
    file = program.home / ".config" / "termchat" / "config.toml"
    file.chmod(0o644)
    assert mcp(program, "add", "web", "https://example.com/mcp", "-H", "Authorization=Bearer x").code == 0
    assert file.stat().st_mode & 0o777 == 0o600
    assert tables(program) == {"web": {"url": "https://example.com/mcp", "headers": {"Authorization": "Bearer x"}}}


def test_mcp_add_passes_options_of_command_on(program: Program) -> None:
    program.configure("")
    assert mcp(program, "add", "fs", "npx", "-y", "--help", "x").code == 0
    assert tables(program) == {"fs": {"command": "npx", "args": ["-y", "--help", "x"]}}
    assert mcp(program, "add", "fs", "other").err.startswith("termchat: There is a server fs.")
    assert mcp(program, "add", "--force", "fs", "other").code == 0
    assert tables(program) == {"fs": {"command": "other"}}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("add", "my_server", "x"), "mcp.my_server is not a name for an MCP server"),
        (("add", "-e", "A", "it", "x"), '"A" is not KEY=VALUE.'),
        (("test", "it"), "There is no MCP server it."),
        (("rm", "it"), "There is no MCP server it."),
        (("import", "/nonexistent"), "Cannot import /nonexistent"),
    ],
)
def test_mcp_mistake_is_one_sentence(program: Program, arguments: tuple[str, ...], words: str) -> None:
    program.configure("")
    done = mcp(program, *arguments)
    assert (done.code, done.out) == (2, b"")
    assert words in done.err


def test_mcp_test_server_that_cannot_start_fails(program: Program) -> None:
    program.configure(
        '[mcp.it]\ncommand = "/nonexistent/program"\n[mcp.key]\ncommand = "x"\nenv = { A = "env:NOT_SET" }\n'
    )
    done = mcp(program, "test", "it")
    assert done.code == 1
    assert "The MCP server it cannot start: there is no /nonexistent/program." in done.err
    assert "MCP server key: A is empty: env:NOT_SET has no value." in mcp(program, "test", "key").err


def test_mcp_rm_removes_table_only(program: Program) -> None:
    program.configure('[mcp.a]\ncommand = "x"\n[mcp.a.env]\nB = "c"\n# of b\n[mcp.b]\ncommand = "y"\n')
    assert mcp(program, "rm", "a").err == "termchat: Removed a.\n"
    assert tables(program) == {"b": {"command": "y"}}
    assert mcp(program, "list").out == b"b\ty\n"


def test_mcp_import_reads_file_of_other_client(program: Program, tmp_path: Path) -> None:
    program.configure('[mcp.time]\ncommand = "mine"\n')
    servers = {
        "my_fs": {"command": "npx", "args": ["-y", "fs"], "env": {"TOKEN": "${env:GH}", "HOME": "/h"}},
        "time": {"command": "other"},
        "web": {"type": "http", "url": "https://example.com/mcp", "headers": {"X-Key": "${input:key}"}},
        "old": {"type": "sse", "url": "https://example.com/sse"},
        "none": {},
    }
    file = tmp_path / "mcp.json"
    file.write_text("// comment\n" + json.dumps({"servers": servers})[:-1] + ",}")
    done = mcp(program, "import", str(file))
    assert done.code == 0, done.err
    assert tables(program) == {
        "time": {"command": "mine"},
        "my-fs": {"command": "npx", "args": ["-y", "fs"], "env": {"TOKEN": "env:GH", "HOME": "/h"}},
        "web": {"url": "https://example.com/mcp", "headers": {"X-Key": "${input:key}"}},
    }
    assert "time is skipped: there is a server of this name." in done.err
    assert "old is left out: it uses the transport SSE" in done.err
    assert "none is left out: it has neither a command nor an address." in done.err
    assert "web has ${input:key}, which termchat does not replace" in done.err


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
ROW = st.dictionaries(st.sampled_from(["command", "args", "env", "url", "headers", "cwd", "type", "disabled"]), JSON)


@given(st.dictionaries(st.text(max_size=12), ROW, max_size=4))
def test_import_of_any_json_gives_checked_tables_or_reasons(
    tmp_path_factory: pytest.TempPathFactory, servers: dict[str, object]
) -> None:
    file = tmp_path_factory.getbasetemp() / "any.json"
    file.write_text(json.dumps({"mcpServers": servers}))
    found = read_servers(file)
    assert isinstance(found, ImportedServers)
    assert len(found.tables) + len(found.notes) >= len(servers)
    for name, row in found.tables.items():
        assert SERVER_NAME.fullmatch(name)
        assert isinstance(check_server(file, name, row), McpServer | Failure)
