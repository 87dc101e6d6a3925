"""The sandbox under commands: real bubblewrap, hostile commands."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from termchat.core.approval import Permit
from termchat.tools.builtin.run_shell import plan_command, run_shell
from termchat.tools.process.mounts import MountKind, plan_mounts
from termchat.tools.process.placeholders import PlacedFiles
from termchat.tools.process.sandbox import detect_sandbox
from termchat.tools.protected_paths import protected_paths
from termchat.tools.registry import Plan, ToolContext, ToolError

pytestmark = pytest.mark.skipif(
    asyncio.run(detect_sandbox()) is None, reason="bubblewrap is missing or the system forbids its namespaces"
)


SECRETS = [
    ".ssh/id_ed25519",
    ".aws/credentials",
    ".netrc",
    ".config/gh/hosts.yml",
    ".bash_history",
    ".config/termchat/config.toml",
]


RUNNER = """
import asyncio, os, sys
from pathlib import Path
from termchat.core.approval import Permit
from termchat.tools.builtin.run_shell import run_shell
from termchat.tools.registry import ToolContext
home = Path(sys.argv[1])
environment = {"PATH": os.environ["PATH"], "HOME": str(home)}
context = ToolContext(home / "project", permit=Permit(by_person=True), environment=environment)
asyncio.run(run_shell.function(context, "touch started; setsid sleep 600 & sleep 600"))
"""


def context(home: Path, cwd: Path | None = None) -> ToolContext:
    return ToolContext(
        cwd or home / "project",
        (home / ".config" / "termchat",),
        permit=Permit(by_person=True),
        environment={"PATH": os.environ["PATH"], "HOME": str(home)},
    )


async def run(home: Path, command: str, *, cwd: Path | None = None, network: bool = False) -> str:
    answer = await run_shell.function(context(home, cwd), command, network=network)
    assert isinstance(answer, str), answer
    return answer


def tree(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if ".git/objects" not in str(path))


def repository(folder: Path) -> Path:
    subprocess.run(["git", "init", "-q", str(folder)], check=True)
    for name, value in (("user.name", "me"), ("user.email", "me@example.org")):
        subprocess.run(["git", "-C", str(folder), "config", name, value], check=True)
    return folder / ".git"


async def facts(home: Path, cwd: Path, network: bool = False) -> tuple[str, ...]:
    plan = await plan_command(context(home, cwd), {"command": "true", "network": network})
    assert isinstance(plan, Plan)
    return plan.facts


async def test_sandbox_writes_in_working_directory_only(home: Path) -> None:
    (home / "other").mkdir()
    answer = await run(home, f"echo in > file; mkdir sub; echo out > {home}/other/file; echo out > /etc/termchat-test")
    assert (home / "project" / "file").read_text() == "in\n"
    assert answer.count("Read-only file system") == 2
    assert tree(home / "other") == [] and not Path("/etc/termchat-test").exists()
    assert tree(home / "project") == ["file", "sub"]


async def test_sandbox_has_temporary_directory_of_its_own(home: Path, tmp_path: Path) -> None:
    (tmp_path / "outside").write_text("the secret")
    answer = await run(home, f"cat {tmp_path}/outside; ls -A /tmp /var/tmp; echo x > /tmp/left; mktemp")
    assert "the secret" not in answer and "/tmp/tmp." in answer
    assert not Path("/tmp/left").exists()


async def test_sandbox_runs_in_directory_below_tmp(home: Path, tmp_path: Path) -> None:
    assert await run(home, "echo x > file; pwd -P", cwd=tmp_path) == str(tmp_path.resolve())
    assert tree(tmp_path) == ["file"]


@pytest.mark.parametrize("path", SECRETS)
async def test_sandbox_hides_secrets_and_own_configuration(home: Path, path: str) -> None:
    assert (home / path).read_text() == "the secret"
    answer = await run(home, f"cat ~/{path}; echo x >> ~/{path}; find ~ -type f -exec cat {{}} +; exit 0")
    assert "the secret" not in answer
    assert (home / path).read_text() == "the secret"


async def test_sandbox_hides_secret_behind_link(home: Path) -> None:
    (home / "vault").mkdir()
    shutil.move(home / ".ssh" / "id_ed25519", home / "vault" / "id_ed25519")
    (home / ".ssh").rmdir()
    (home / ".ssh").symlink_to("vault")
    assert "the secret" not in await run(home, "cat ~/vault/* ~/.ssh/*; exit 0")


async def test_link_out_of_working_directory_stays_read_only(home: Path) -> None:
    (home / "outside.txt").write_text("old")
    (home / "project" / "link").symlink_to("../outside.txt")
    (home / "project" / "dir").symlink_to("..")
    answer = await run(home, "echo new > link; echo new > dir/file; ln -s .. own; echo new > own/file; cat link")
    assert answer.count("Read-only file system") == 3
    assert answer.endswith("old")
    assert not (home / "file").exists()


@pytest.mark.parametrize("name", [str(row.path) for row in protected_paths().inside])
async def test_absent_protected_path_cannot_be_made_and_leaves_nothing(home: Path, name: str) -> None:
    answer = await run(
        home,
        f"echo x > {name}; mkdir -p {name}/hooks; echo x > {name}/x; rm -rf {name}; mv {name} y;"
        f" ln -sfT /etc {name}; exit 0",
    )
    assert "[no output]" not in answer
    assert tree(home / "project") == []


@pytest.mark.parametrize("present", [False, True])
@pytest.mark.parametrize("name", ["hooks/post-commit", "config", "config.worktree", "commondir", "modules/x/config"])
async def test_repository_cannot_be_made_to_run_programs(home: Path, name: str, present: bool) -> None:
    git = repository(home / "project")
    path = git / name
    shutil.rmtree(git / "hooks")
    if present and name != "commondir":
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text((git / "config").read_text())
    before, files = path.exists() and path.read_bytes(), tree(git)
    await run(
        home,
        f"mkdir -p .git/{Path(name).parent}; echo x > .git/{name}; echo x >> .git/{name}; echo x > y;"
        f" mv -f y .git/{name}; rm -f .git/{name}; mv .git .other; mv .git/hooks .git/old;"
        f" git config core.fsmonitor /bin/id; ln -sf /etc .git/{name};"
        " rm -rf .git/hooks .git/modules; umount .git/hooks; unshare -Urm umount .git/config; exit 0",
    )
    assert (path.exists() and path.read_bytes()) == before
    assert tree(git) == files


async def test_repository_can_be_committed_to(home: Path) -> None:
    git = repository(home / "project")
    before = tree(git)
    answer = await run(
        home,
        "echo x > a && git add -A && git commit -qm one && git checkout -qb two && git status --porcelain"
        " && git log --format=%s",
    )
    assert answer == "one"
    listing = ["git", "-C", str(home / "project"), "ls-tree", "-r", "--name-only", "two"]
    assert subprocess.run(listing, capture_output=True, text=True, check=True).stdout == "a\n"
    assert tree(home / "project")[-1] == "a"
    assert not set(before) - set(tree(git))
    assert not {"commondir", "config.worktree", "modules"} & set(tree(git))


async def test_nested_repository_is_protected(home: Path) -> None:
    git = repository(home / "project" / "packages" / "one")
    config = (git / "config").read_bytes()
    await run(
        home,
        "cd packages/one; git config core.fsmonitor id; echo x > .git/hooks/update; mv .git x;"
        " mv ../one ../two; exit 0",
    )
    assert (git / "config").read_bytes() == config
    assert not (git / "hooks" / "update").exists()


async def test_link_to_repository_is_restored_when_replaced(home: Path) -> None:
    repository(home / "store")
    (home / "project" / ".git").symlink_to("../store/.git")
    answer = await run(home, "rm .git; mkdir -p .git/hooks; echo x > .git/hooks/update")
    assert os.readlink(home / "project" / ".git") == "../store/.git"
    assert "the protected link" in answer and "was restored" in answer
    assert not (home / "store" / ".git" / "hooks" / "update").exists()


async def test_dotfile_linked_into_working_directory_is_read_only(home: Path) -> None:
    (home / "project" / "bashrc").write_text("# mine\n")
    (home / ".bashrc").symlink_to("project/bashrc")
    assert "Read-only" in await run(home, "echo evil >> bashrc")
    assert (home / "project" / "bashrc").read_text() == "# mine\n"


async def test_configuration_in_working_directory_is_hidden_and_held(home: Path) -> None:
    config = home / ".config"
    answer = await run(
        home,
        "cat termchat/config.toml; echo x > termchat/x; mv termchat y; mkdir fish; echo x > fish/x; touch free",
        cwd=config,
    )
    assert "the secret" not in answer
    assert tree(config) == ["free", "gh", "gh/hosts.yml", "termchat", "termchat/config.toml"]


async def test_home_and_system_directories_are_read_only_and_said_so(home: Path) -> None:
    assert await facts(home, home) == ("in ~", "sandboxed · no network", "home directory is read-only")
    assert (await facts(home, Path("/")))[-1] == "a directory above home is read-only"
    assert (await facts(home, Path("/usr/share")))[-1] == "system directory is read-only"
    assert await facts(home, home / "project", network=True) == ("in ~/project", "sandboxed · network")
    repository(home / "project")
    assert (await facts(home, home / "project" / ".git"))[-1] == "protected directory is read-only"
    assert "Read-only" in await run(home, "echo x > file", cwd=home)
    assert "Read-only" in await run(home, "echo x > hooks/update", cwd=home / "project" / ".git")
    assert not (home / "file").exists()


ACTS_LATER = [
    ".bashrc", ".ssh/authorized_keys", ".config/git/config", ".config/fish/config.fish", ".config/starship.toml",
    ".config/autostart/x.desktop", ".config/systemd/user/x.service", ".local/bin/ls", ".local/lib/x.pth", ".local/new",
    ".config/new", ".cache/new", "new", "project/new",
]  # fmt: skip


@pytest.mark.parametrize("cwd", ["", "..", "/"])
async def test_nothing_is_written_in_and_above_home(home: Path, cwd: str) -> None:
    for folder in (".config/git", ".config/fish", ".local/bin", ".local/share/termchat"):
        (home / folder).mkdir(parents=True)
    inner = home / "a" / "b"  # one more home, and one more folder above it
    shutil.copytree(home, inner, ignore=shutil.ignore_patterns("a"))
    own = ToolContext(
        Path(os.path.realpath(inner / cwd)),
        (inner / ".config" / "termchat", inner / ".local" / "share" / "termchat"),
        permit=Permit(by_person=True),
        environment={"PATH": os.environ["PATH"], "HOME": str(inner)},
    )
    before = tree(home)
    writes = "; ".join(f"mkdir -p {inner}/{Path(name).parent}; echo x > {inner}/{name}" for name in ACTS_LATER)
    answer = await run_shell.function(own, f"{writes}; echo x > {home}/a/new; mv {inner}/.config {inner}/y; echo end")
    assert isinstance(answer, str) and answer.endswith("end")
    assert tree(home) == before


@pytest.mark.parametrize("saved", [(), (".config",), (".local",), (".local/share",)])
@pytest.mark.parametrize("above", [False, True])
async def test_command_runs_in_home_without_saved_data(home: Path, saved: tuple[str, ...], above: bool) -> None:
    empty = home / "project"
    for name in saved:
        (empty / name).mkdir(parents=True)
    own = ToolContext(
        home if above else empty,
        (empty / ".config" / "termchat", empty / ".local" / "share" / "termchat", empty / ".cache" / "termchat"),
        permit=Permit(by_person=True),
        environment={"PATH": os.environ["PATH"], "HOME": str(empty)},
    )
    before = tree(home)
    answer = await run_shell.function(own, "echo ran; mkdir -p ~/.local/share/termchat; echo x > ~/.bashrc; exit 0")
    assert isinstance(answer, str), answer
    assert answer.startswith("ran\n") and answer.count("Read-only") == 2
    assert tree(home) == before


@pytest.mark.parametrize("name", ["git/config", "fish/config.fish", "Code/User/tasks.json", "autostart/x.desktop"])
async def test_configuration_of_programs_is_not_written_from_its_parent(home: Path, name: str) -> None:
    config = home / ".config"
    for folder in ("git", "Code/User"):
        (config / folder).mkdir(parents=True)
    before = tree(config)
    answer = await run(home, f"mkdir -p {Path(name).parent}; echo x > {name}; touch free; exit 0", cwd=config)
    assert "Read-only" in answer or "exists" in answer
    assert tree(config) == sorted([*before, "free"])


@pytest.mark.parametrize("cwd", ["/", "/var", "/var/spool", "/usr/share", "/etc"])
def test_directories_of_the_system_and_above_are_read_only(tmp_path: Path, cwd: str) -> None:
    mounts = plan_mounts(Path(cwd), tmp_path)
    assert not isinstance(mounts, str)
    assert mounts.read_only
    assert set(mounts.places.values()) <= {MountKind.HIDDEN} and not mounts.placeholders


async def test_nothing_runs_in_secret_or_own_directory(home: Path) -> None:
    for name in (".ssh", ".config/termchat"):
        answer = await run_shell.function(context(home, home / name), "ls")
        assert isinstance(answer, ToolError) and "may hold secrets" in answer.words


@pytest.mark.parametrize("network", [False, True])
async def test_loopback_server_is_reached_only_with_network(home: Path, network: bool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        port = server.getsockname()[1]
        answer = await run(home, f"(echo > /dev/tcp/127.0.0.1/{port}) && echo reached; exit 0", network=network)
        assert answer.endswith("reached") is network
        if not network:
            with pytest.raises(BlockingIOError):
                server.accept()


async def test_sockets_of_session_are_out_of_reach(home: Path) -> None:
    assert await run(home, "ls -A /run; find /run /tmp /var/run/ -type s") == "[no output]"


async def test_abstract_socket_is_out_of_reach(home: Path) -> None:
    name = f"\0termchat-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(name)
        server.listen()
        script = f"import socket; s = socket.socket(socket.AF_UNIX); s.connect({name!r})"
        assert "ConnectionRefusedError" in await run(home, f'python3 -c "{script}"')


async def test_sandbox_sees_no_process_outside_and_has_no_power(home: Path) -> None:
    command = f"kill -0 {os.getpid()}; grep -c . /proc/[0-9]*/stat | wc -l; grep CapEff /proc/self/status"
    answer = await run(home, command)
    assert "No such process" in answer
    assert int(answer.split("\n")[-2]) < 8
    assert answer.endswith("0000000000000000")


async def test_settings_of_kernel_cannot_be_written(home: Path) -> None:
    """Root in a namespace of its own may write /proc/sys: core_pattern there names a program that runs outside."""
    found = "find /proc -maxdepth 3 -type f -writable -not -path '/proc/[0-9]*' -not -path '/proc/*self/*' 2>/dev/null"
    *writable, end = (await run(home, f"{found}; echo end")).split()
    assert end == "end"
    assert not [path for path in writable if not path.startswith("/proc/pressure/")]


async def test_sandbox_ends_what_escapes_its_session(home: Path) -> None:
    await run(
        home, "setsid -f sh -c 'while :; do date > beat; sleep 0.02; done'; while [ ! -s beat ]; do sleep 0.01; done"
    )
    assert not _marked_processes(home)


async def test_program_in_sandbox_may_clean_up_at_its_time_limit(home: Path) -> None:
    command = "trap 'echo bye; touch clean; exit 0' TERM; while :; do sleep 0.02; done"
    answer = await run_shell.function(context(home), command, 1)
    assert isinstance(answer, ToolError) and answer.words.endswith("bye")
    assert tree(home / "project") == ["clean"]


@pytest.mark.parametrize("network", [False, True])
async def test_caches_of_packages_are_writable_with_network_only(home: Path, network: bool) -> None:
    answer = await run(
        home, 'mkdir -p "${npm_config_cache:-$HOME/.npm}" "$GOCACHE" && echo made; exit 0', network=network
    )
    assert answer.endswith("made") is network
    assert not (home / ".npm").exists()


async def test_processes_in_sandbox_are_limited(home: Path) -> None:
    assert await run(home, "ulimit -u; ulimit -c") == "1024\n0"


async def test_cancel_ends_sandbox_and_leaves_no_placeholder(home: Path) -> None:
    task = asyncio.create_task(run(home, "touch started; setsid sleep 600 & sleep 600"))
    async with asyncio.timeout(30):
        while not (home / "project" / "started").exists():
            await asyncio.sleep(0.01)
    assert (home / "project" / ".envrc").is_dir()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not _marked_processes(home)
    assert tree(home / "project") == ["started"]


async def test_runs_side_by_side_keep_each_others_placeholders(home: Path) -> None:
    command = "touch started; while [ ! -e go ]; do sleep 0.01; done; echo x > .mcp.json; mkdir .vscode/x"
    long = asyncio.create_task(run(home, command))
    async with asyncio.timeout(30):
        while not (home / "project" / "started").exists():
            await asyncio.sleep(0.01)
    await run(home, "true")
    assert (home / "project" / ".mcp.json").is_dir()
    await run(home, "touch go")
    assert re.search("Is a directory|Read-only", await long)
    assert tree(home / "project") == ["go", "started"]


async def test_killed_termchat_leaves_no_process_and_next_run_tidies(home: Path) -> None:
    git = repository(home / "project")
    shutil.rmtree(git / "hooks")
    before = tree(home / "project")
    process = subprocess.Popen([sys.executable, "-c", RUNNER, str(home)])
    async with asyncio.timeout(20):
        while not (home / "project" / "started").exists():
            await asyncio.sleep(0.01)
        process.kill()
        process.wait()
        while _marked_processes(home):
            await asyncio.sleep(0.01)
    (home / "project" / "started").unlink()
    assert tree(home / "project") != before
    assert await run(home, "git status --porcelain") == "[no output]"
    assert tree(home / "project") == before


async def test_file_of_user_made_meanwhile_is_kept(home: Path) -> None:
    mounts = plan_mounts(home / "project", home)
    assert not isinstance(mounts, str)
    placed = PlacedFiles(mounts)
    placed.place()
    (home / "project" / ".vscode" / "settings.json").write_text("{}")
    placed.remove()
    assert tree(home / "project") == [".vscode", ".vscode/settings.json"]


def test_mounts_that_lead_to_protected_paths_cannot_be_renamed(home: Path) -> None:
    git = repository(home / "project" / "a" / "b")
    mounts = plan_mounts(home / "project", home)
    assert not isinstance(mounts, str)
    for path in (home / "project" / "a", home / "project" / "a" / "b", git):
        assert mounts.places[path] is MountKind.WRITABLE
    assert mounts.places[git / "config"] is MountKind.READ_ONLY


def _marked_processes(home: Path) -> list[str]:
    """Return the processes that have the home of a test."""
    found: list[str] = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if f"HOME={home}".encode() in path.read_bytes().split(b"\0"):
                found.append(path.parent.name)
        except OSError:
            pass
    return found
