"""The sandbox of programs: bubblewrap on Linux.

Read-only except for the working directory and a private /tmp; secrets, termchat's own files and the sockets of the
session are hidden; no network unless it is allowed; all processes end with the first one.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from termchat.late_dataclass import dataclass
from termchat.tools.process.mounts import MountKind, Mounts
from termchat.tools.process.process_limits import limited_argv

_PROGRAMS = ("/usr/bin/bwrap", "/bin/bwrap", "/usr/local/bin/bwrap", "/run/current-system/sw/bin/bwrap")
_PROBE_SECONDS = 5.0
_BASE = ("--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL", "--hostname", "sandbox")
_KERNEL = ("/proc/fs", "/proc/mtrr", "/proc/sys", "/proc/sysrq-trigger")  # that root may write, whatever its namespace
_RUN = ("/run/current-system", "/run/opengl-driver", "/run/wrappers")  # NixOS has its programs there

# Programs that stop when they cannot write their cache.
_BUILD_CACHES = {"GOCACHE": "/tmp/cache/go-build"}  # noqa: S108 - the sandbox's own
_PACKAGE_CACHES = {
    "XDG_CACHE_HOME": "/tmp/cache",  # noqa: S108
    "PIP_CACHE_DIR": "/tmp/cache/pip",  # noqa: S108
    "UV_CACHE_DIR": "/tmp/cache/uv",  # noqa: S108
    "GOMODCACHE": "/tmp/cache/go-mod",  # noqa: S108
    "npm_config_cache": "/tmp/cache/npm",  # noqa: S108
    "CARGO_HOME": "/tmp/cache/cargo",  # noqa: S108
}


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A sandbox that was seen to work.

    program   the path of bubblewrap
    """

    program: str

    def argv(self, argv: tuple[str, ...], mounts: Mounts, *, network: bool = False) -> tuple[str, ...]:
        """Return the argv that runs another argv in the sandbox.

        The program's placeholders must exist, else bubblewrap makes them itself.
        """
        share = ("--share-net",) if network else ()
        return (self.program, *_BASE, *share, *_file_system(network), *_places(mounts), "--", *limited_argv(argv))


def sandbox_words(sandbox: Sandbox | None, *, network: bool) -> str:
    """Return the state for an approval: `sandboxed · no network`, `sandboxed · network` or `not sandboxed`."""
    if sandbox is None:
        return "not sandboxed"
    return f"sandboxed · {'network' if network else 'no network'}"


async def detect_sandbox() -> Sandbox | None:
    """Return the sandbox of this system, None if there is none or it cannot start; found once."""
    return await asyncio.to_thread(_detect)


@cache
def _detect() -> Sandbox | None:
    if sys.platform != "linux":
        return None
    return next((Sandbox(name) for name in _PROGRAMS if os.access(name, os.X_OK) and _works(name)), None)


def _works(program: str) -> bool:
    import subprocess  # slow to import

    true = next((path for path in ("/usr/bin/true", "/bin/true") if os.path.exists(path)), "true")
    command = Sandbox(program).argv((true,), Mounts(Path("/"), "a trial"))
    try:
        return subprocess.run(  # noqa: S603 - a fixed command
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=_PROBE_SECONDS, check=False, env={}, cwd="/"
        ).returncode == 0  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return False


def sandbox_environment(environment: Mapping[str, str], *, network: bool) -> dict[str, str]:
    """Return an environment whose temporary files are in the sandbox's own /tmp; with a network also the caches.

    Without a network, packages come from the caches in the home, which are readable.
    """
    kept = {name: value for name, value in environment.items() if name not in ("TMPDIR", "TMP", "TEMP")}
    return {**kept, **_BUILD_CACHES, **(_PACKAGE_CACHES if network else {})}


def _file_system(network: bool) -> tuple[str, ...]:
    """The options of the whole file system. /run holds the sockets of the session, which can start programs outside."""
    options = ["--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc", "--tmpfs", "/tmp"]  # noqa: S108
    for place in ("/var/tmp", "/run", "/var/run"):  # noqa: S108
        if os.path.isdir(place) and not os.path.islink(place):
            options += ["--tmpfs", place]
    for place in (*(_KERNEL if os.geteuid() == 0 else ()), *_RUN):
        options += ["--ro-bind-try", place, place]
    names = os.path.realpath("/etc/resolv.conf")
    if network and names.startswith("/run/"):
        options += ["--ro-bind-try", names, names]
    return tuple(options)


def _places(mounts: Mounts) -> tuple[str, ...]:
    """The options of the places: outside the working directory, itself, and inside, parents first."""
    root = mounts.root
    ordered = sorted(mounts.places.items(), key=lambda place: len(place[0].parts))
    options: list[str] = []
    for path, kind in ordered:
        if not path.is_relative_to(root):
            options += _place(path, kind)
    if root != Path("/"):
        options += ["--ro-bind" if mounts.read_only else "--bind", str(root), str(root)]
    covered = [(root, MountKind.READ_ONLY)] if mounts.read_only else []
    for path, kind in ordered:
        if path.is_relative_to(root) and not any(path.is_relative_to(p) and _covers(k, kind) for p, k in covered):
            options += _place(path, kind)
            covered.append((path, kind))
    return (*options, "--chdir", str(root))


def _covers(outer: MountKind, inner: MountKind) -> bool:
    return outer is MountKind.HIDDEN or (outer is MountKind.READ_ONLY and inner is not MountKind.HIDDEN)


def _place(path: Path, kind: MountKind) -> tuple[str, ...]:
    name = str(path)
    match kind:
        case MountKind.WRITABLE:
            return ("--bind", name, name)
        case MountKind.READ_ONLY:
            return ("--ro-bind", name, name)
        case MountKind.HIDDEN:
            if path.is_dir():
                return ("--tmpfs", name, "--remount-ro", name)
            return ("--ro-bind", "/dev/null", name)
