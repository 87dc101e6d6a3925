"""Test the list of secret places that file tools refuse."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import pytest

from termchat.tools.builtin.read_file import read_lines
from termchat.tools.builtin.secret_places import is_secret_place
from termchat.tools.registry import ToolContext, ToolError

ROOT = PurePosixPath("/home/me/project")
SECRET = """
.env .env.local prod.env .envrc sub/.envrc id_ed25519 server.PEM .bash_history .zsh_history .python_history .zhistory
fish_history gh/hosts.yml .config/gh/hosts.yml terraform.tfstate terraform.tfstate.backup x/prod.tfvars .vault-token
.cargo/credentials.toml .cargo/credentials rclone.conf .config/rclone/rclone.conf service-account.json
my-service-account.json application_default_credentials.json .aws/credentials .kube/config .docker/config.json
.ssh/config .git/config .netrc .npmrc .pypirc .m2/settings.xml .codex/auth.json .secrets/any .config/gcloud/any
/etc/shadow /etc/gshadow- /etc/sudoers.d/me /proc/self/environ /proc/1/task/1/environ /etc/ssl/private/server
"""
PLAIN = """
README.md environment.py src/env.py .env.example .env.sample keys.md monkey.py hosts.yml config src/credentials_test.py
auth.json settings.xml docs/history.md chromium/BUILD.gn state.tf main.tf history terraform/main.tf secrets.py
/etc/passwd /etc/hosts /proc/self/status
"""


@pytest.mark.parametrize("path", SECRET.split())
def test_secret_place_is_found(path: str) -> None:
    assert is_secret_place(ROOT, PurePosixPath(path))


@pytest.mark.parametrize("path", PLAIN.split())
def test_ordinary_file_is_no_secret_place(path: str) -> None:
    assert not is_secret_place(ROOT, PurePosixPath(path))


@pytest.mark.parametrize(
    ("root", "path"),
    [("/home/me/.ssh", "config"), ("/home/me/.aws/sso", "x.json"), ("/home/me/.config/gh", "hosts.yml"),
     ("/home/me/.cargo", "credentials"), ("/home/me", ".config/gcloud/x")],
)  # fmt: skip
def test_secret_place_counts_folders_of_working_directory(root: str, path: str) -> None:
    assert is_secret_place(PurePosixPath(root), PurePosixPath(path))


@pytest.mark.parametrize("root", ["/home/me/credentials", "/work/my.env", "/src/chromium"])
def test_secret_place_ignores_file_patterns_in_working_directory(root: str) -> None:
    assert not is_secret_place(PurePosixPath(root), PurePosixPath("readme.md"))


@pytest.mark.parametrize(
    "text",
    [
        "-----BEGIN OPENSSH PRIVATE KEY-----\nabc",
        "-----BEGIN PRIVATE KEY-----\n",
        '{"type": "service_account"}',
    ],
)
def test_read_file_with_private_key_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "notes.txt").write_text(text)
    answer = read_lines(ToolContext(tmp_path), "notes.txt")
    assert isinstance(answer, ToolError)
    assert "private key" in str(answer)
