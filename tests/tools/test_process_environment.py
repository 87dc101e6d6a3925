"""The environment of programs."""

from __future__ import annotations

from pathlib import Path

import pytest

from termchat.tools.process.program_environment import program_environment

CWD = Path("/work")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OPENAI_API_KEY", "x"), ("OFOX_KEY", "x"), ("APIKEY", "x"), ("GITHUB_TOKEN", "x"), ("TOKEN", "x"),
        ("npm_token", "x"),
        ("CLIENT_SECRET", "x"), ("DB_PASSWORD", "x"), ("DB_PASSWD", "x"), ("MYSQL_PWD", "x"), ("PGPASSWORD", "x"),
        ("DB_PASS", "x"),
        ("GOOGLE_APPLICATION_CREDENTIALS", "/x"), ("AWS_ACCESS_KEY_ID", "x"), ("AWS_PROFILE", "x"),
        ("AZURE_HOME", "x"),
        ("SSH_AUTH_SOCK", "/x"), ("SSH_CONNECTION", "x"), ("GPG_AGENT_INFO", "x"),
        ("DBUS_SESSION_BUS_ADDRESS", "unix:path=/x"),
        ("DOCKER_HOST", "x"), ("KUBECONFIG", "/x"), ("TERMCHAT_HOME", "/x"), ("GIT_ASKPASS", "/x"),
        ("SENTRY_DSN", "x"), ("GH_PAT", "x"),
        ("ORDINARY", "sk-abcdefghijkl0123456789"), ("ORDINARY", "ghp_abcdefghijklmnop0123"),
        ("HEADER", "Bearer abcdefghijklmnop0"),
        ("DATABASE_URL", "postgres://user:word@host/db"), ("HTTPS_PROXY", "http://user:word@proxy:8080"),
        ("CERT", "-----BEGIN RSA PRIVATE KEY-----\nx"), ("BASH_ENV", "/x"), ("ENV", "/x"),
        ("BASH_FUNC_ls%%", "() { id; }"),
        ("GIT_DIR", "/x"), ("GIT_SSH_COMMAND", "x"), ("GIT_CONFIG_COUNT", "1"), ("LD_PRELOAD", "/x.so"),
        ("PROMPT_COMMAND", "id"),
        ("DISPLAY", ":0"), ("TMUX", "/x"), ("VSCODE_IPC_HOOK_CLI", "/x"), ("CDPATH", "/x"), ("IFS", "x"),
        ("OLDPWD", "/x"),
    ],
)  # fmt: skip
def test_environment_drops_secrets_and_traps(name: str, value: str) -> None:
    assert name not in program_environment({name: value}, CWD, {})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HOME", "/home/me"), ("LANG", "de_DE.UTF-8"), ("PATH", "/usr/bin"), ("USER", "me"), ("VIRTUAL_ENV", "/v"),
        ("GIT_AUTHOR_NAME", "me"), ("GIT_COMMITTER_EMAIL", "me@x"), ("HTTPS_PROXY", "http://proxy:8080"),
        ("SSL_CERT_FILE", "/x"),
        ("XKB_DEFAULT_LAYOUT", "de"), ("KEYBOARD", "de"), ("CARGO_HOME", "/c"), ("GOPATH", "/g"), ("TZ", "UTC"),
        ("COMPASS", "1"), ("PATTERN", "x"), ("NODE_ENV", "test"), ("MAKEFLAGS", "-j2"),
    ],
)  # fmt: skip
def test_environment_keeps_ordinary_variables(name: str, value: str) -> None:
    assert program_environment({name: value}, CWD, {})[name] == value


def test_environment_asks_and_pages_nothing() -> None:
    made = program_environment({"PAGER": "less", "TERM": "xterm", "PWD": "/elsewhere"}, CWD, {})
    assert made["PAGER"] == made["GIT_PAGER"] == "cat"
    assert made["GIT_TERMINAL_PROMPT"] == "0"
    assert made["TERM"] == "dumb"
    assert made["PWD"] == "/work"


def test_environment_of_a_permit_wins() -> None:
    assert program_environment({"A": "1"}, CWD, {"A": "2", "GIT_CONFIG_NOSYSTEM": "1"})["A"] == "2"
