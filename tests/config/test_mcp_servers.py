"""The tables of MCP servers in the config file."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from termchat.config.load import Config, load_config
from termchat.config.mcp_servers import SERVER_NAME
from termchat.core.errors import Failure
from termchat.core.models import McpServer
from termchat.tools.policy.rules import Rule, parse_rule

PROGRAM = '[mcp.time]\ncommand = "uvx"\nargs = ["mcp-server-time"]\n'


def load(folder: Path, text: str, mode: int = 0o600) -> Config | Failure:
    file = folder / "config.toml"
    file.write_text(text)
    file.chmod(mode)
    return load_config({"HOME": str(folder)}, file)


def test_load_servers_reads_program_and_address(tmp_path: Path) -> None:
    config = load(
        tmp_path,
        PROGRAM
        + 'env = { TZ = "UTC", API_KEY = "env:TIME_KEY" }\ncwd = "/srv"\ntools = ["now"]\nseconds = 9\n'
        + '[mcp.web-1]\nurl = "https://example.com/mcp"\nheaders = { Authorization = "cmd:pass web" }\n'
        + "disabled = true\n",
    )
    assert isinstance(config, Config)
    time, web = config.mcp.values()
    env = {"TZ": "UTC", "API_KEY": "env:TIME_KEY"}
    assert time == McpServer("time", "uvx", ("mcp-server-time",), env, "/srv", tools=("now",), seconds=9)
    headers = {"Authorization": "cmd:pass web"}
    assert web == McpServer("web-1", url="https://example.com/mcp", headers=headers, disabled=True)


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("mcp = 3", 1, "must be one table for each MCP server"),
        ("[mcp]\ntime = 3", 2, "must be a table: [mcp.NAME]"),
        ('[mcp.my_server]\ncommand = "x"', 1, "is not a name for an MCP server"),
        ("[mcp.time]\nargs = []", 1, "must have either command, for a program, or url"),
        ('[mcp.time]\ncommand = "x"\nurl = "https://x.org"', 1, "must have either command"),
        ('[mcp.time]\ncomand = "x"', 2, "is not a known key"),
        ('[mcp.time]\ncommand = "x"\nargs = "y"', 3, "must be an array of texts"),
        ('[mcp.time]\ncommand = "x"\nenv = { A = 1 }', 3, "must be a table of texts"),
        ('[mcp.time]\ncommand = "x"\nseconds = 0', 3, "must be a number of seconds above 0"),
        ('[mcp.time]\ncommand = "x"\ncwd = "here"', 3, "must be an absolute path"),
        ('[mcp.time]\ncommand = "x"\nheaders = { A = "b" }', 3, "needs url"),
        ('[mcp.time]\nurl = "https://x.org"\nargs = ["b"]', 3, "needs command"),
        ('[mcp.time]\nurl = "x.org"', 2, "is not an address"),
    ],
)
def test_load_servers_mistake_names_line(tmp_path: Path, text: str, line: int, words: str) -> None:
    failure = load(tmp_path, text)
    assert isinstance(failure, Failure)
    assert failure.message.startswith(f"{tmp_path}/config.toml:{line}: mcp")
    assert words in failure.message


def test_load_servers_inline_secret_in_readable_file_is_refused(tmp_path: Path) -> None:
    text = PROGRAM + 'env = { GITHUB_TOKEN = "obviously-not-real" }\n'
    failure = load(tmp_path, text, 0o644)
    assert isinstance(failure, Failure)
    assert "config.toml:4: mcp.time.env.GITHUB_TOKEN contains a key, and others can read the file" in failure.message
    assert isinstance(load(tmp_path, text, 0o600), Config)
    for source in ("env:TOKEN", "file:/run/token"):
        text = PROGRAM + f'env = {{ GITHUB_TOKEN = "{source}", TZ = "UTC" }}'
        assert isinstance(load(tmp_path, text, 0o644), Config)


def test_load_servers_unencrypted_address_is_noted(tmp_path: Path) -> None:
    config = load(tmp_path, '[mcp.web]\nurl = "http://example.com/mcp"\n[mcp.own]\nurl = "http://127.0.0.1:9/mcp"')
    assert isinstance(config, Config)
    assert [note for note in config.notes if "MCP" in note] == [
        "The MCP server web is reached over unencrypted http://."
    ]


@given(st.from_regex(SERVER_NAME, fullmatch=True), st.from_regex(r"[A-Za-z0-9_-]{1,20}", fullmatch=True))
def test_server_name_makes_rule_for_its_tools_only(name: str, tool: str) -> None:
    rule = parse_rule(f"mcp_{name}_*")
    assert isinstance(rule, Rule)
    assert rule.names(f"mcp_{name}_{tool}")
    assert not rule.names(f"mcp_{name}x_{tool}")
    assert parse_rule(f"mcp_{name}_{tool}") == Rule(f"mcp_{name}_{tool}")
