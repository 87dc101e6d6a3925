"""Files that other programs execute or obey later."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import pytest

from termchat.tools.protected_paths import home_links, is_protected, protected_paths

HOME = PurePosixPath("/home/me")


@pytest.mark.parametrize(
    "path",
    [
        "/home/me/p/.git/hooks/pre-commit", "/home/me/p/.git/config", "/home/me/p/.git", "/home/me/p/.GIT/Config",
        "/p/.envrc",
        "/p/sub/.mcp.json", "/p/.vscode/tasks.json", "/p/.claude/settings.json", "/home/me/.bashrc",
        "/home/me/.zshenv",
        "/home/me/.config/fish/config.fish", "/home/me/.ssh/authorized_keys",
        "/home/me/.config/systemd/user/x.service",
        "/home/me/.local/bin/ls", "/home/me/.gitconfig", "/home/me/.config/termchat/config.toml",
        "/home/me/.config/git/config", "/home/me/.config/Code/User/settings.json", "/home/me/.local/lib/python3/x.pth",
        "/home/me/.local/share/fish/vendor_conf.d/x.fish", "/home/me/.cargo/env", "/home/me/.config/gh/config.yml",
        "/home/me/.config/plasma-workspace/env/x.sh", "/home/me/.config/sway/config", "/home/me/.selected_editor",
        "/home/me/.Rprofile", "/home/me/.config/starship.toml", "/home/me/.config/autostart/x.desktop",
    ],
)  # fmt: skip
def test_protected_path_is_known(path: str) -> None:
    assert is_protected(PurePosixPath(path), HOME)


@pytest.mark.parametrize(
    "path",
    [
        "/p/git/config", "/p/config", "/p/.github/workflows/x.yml", "/p/.envrc.md", "/p/a.mcp.json", "/p/.bashrc",
        "/home/me/p/.bashrc", "/home/me/.config/app/x", "/home/me/p/bin/x", "/p/hooks/x", "/p/.envrc/x",
        "/p/.gitignore",
    ],
)  # fmt: skip
def test_ordinary_path_is_not_protected(path: str) -> None:
    assert not is_protected(PurePosixPath(path), HOME)


def test_home_links_finds_names_in_capitals(tmp_path: Path) -> None:
    (tmp_path / ".config" / "Code").mkdir(parents=True)
    found = {path for path, _ in home_links(tmp_path)}
    assert {tmp_path / ".config" / "Code", tmp_path / ".config" / "code", tmp_path / ".bashrc"} <= found


def test_bare_repository_is_protected(tmp_path: Path) -> None:
    bare = tmp_path / "project.git"
    (bare / "objects").mkdir(parents=True)
    (bare / "HEAD").touch()
    assert is_protected(bare / "config", tmp_path / "home")
    assert is_protected(bare / "hooks" / "update", tmp_path / "home")
    assert not is_protected(bare / "refs" / "x", tmp_path / "home")


def test_protected_paths_are_lower_case_and_relative() -> None:
    for row in (*protected_paths().inside, *protected_paths().repository, *protected_paths().home):
        assert not row.path.is_absolute()
        assert str(row.path) == str(row.path).lower()
