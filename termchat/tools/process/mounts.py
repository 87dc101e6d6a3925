"""The mounts of a sandbox: the places that are writable, protected or hidden around a working directory."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import field
from enum import Enum
from pathlib import Path

from termchat.late_dataclass import dataclass
from termchat.tools.builtin.secret_places import is_secret_place, secret_globs, secret_names
from termchat.tools.protected_paths import ProtectedPath, home_links, is_protected, protected_paths

_SYSTEM = ("/bin", "/boot", "/dev", "/etc", "/lib", "/lib32", "/lib64", "/proc", "/run", "/sbin", "/sys", "/usr",
           "/var/spool")  # fmt: skip
_SCAN_DEPTH = 4  # folders below the working directory in which repositories are looked for
_SCAN_FOLDERS = 2_000
_SCAN_FILES = 20_000
_SKIPPED = frozenset({"node_modules", "__pycache__", ".venv", "venv", "target", "site-packages"})
_MARK = 1_111_111_111_000_000_007  # ns; the modification time of placeholders
_SOCKETS = (".1password", ".docker", ".gnupg", ".local/share/containers", ".colima", ".lima", ".orbstack")


class MountKind(Enum):
    """The access to a place; a later kind wins."""

    WRITABLE = 0
    READ_ONLY = 1
    HIDDEN = 2


@dataclass(frozen=True, slots=True)
class Placeholder:
    """An empty file or folder that holds the place of an absent one while a program runs.

    Its modification time is one that no other file has.
    """

    path: Path
    folder: bool
    text: str = ""

    def make(self) -> None:
        """Make it. Raises OSError, FileExistsError for one that exists."""
        if self.folder:
            self.path.mkdir(mode=0o755)
        else:
            with self.path.open("x", encoding="ascii") as file:
                file.write(self.text)
        os.utime(self.path, ns=(_MARK, _MARK))

    def remove(self) -> None:
        """Remove it, unless it has changed."""
        if is_placeholder(self.path):
            with suppress(OSError):
                self.path.rmdir() if self.folder else self.path.unlink()


def is_placeholder(path: Path) -> bool:
    """Return True for an unchanged placeholder."""
    with suppress(OSError):
        return path.lstat().st_mtime_ns == _MARK
    return False


@dataclass(frozen=True, slots=True)
class Mounts:
    """The places of a sandbox.

    root           the working directory, resolved
    read_only      the reason why the working directory and all below it are not writable, "" if they are
    places         resolved paths below or outside the root
    placeholders   absent paths that must not be made
    links          protected symlinks and their targets: no mount can keep a program from replacing them
    """

    root: Path
    read_only: str = ""
    places: dict[Path, MountKind] = field(default_factory=dict[Path, MountKind])
    placeholders: tuple[Placeholder, ...] = ()
    links: tuple[tuple[Path, str], ...] = ()


def plan_mounts(cwd: Path, home: Path, private: Iterable[Path] = (), secrets: bool = True) -> Mounts | str:
    """Return the mounts for a working directory, or the reason why nothing may run in it. Reads the file system.

    home      the user's home, resolved
    private   termchat's own files and directories, which are hidden
    secrets   False to hide the secrets in the working directory, too
    """
    root = Path(os.path.realpath(cwd))
    if not root.is_dir():
        return "the working directory is gone"
    hidden = {Path(os.path.realpath(path)) for path in private} | set(_secrets(home))
    if any(root.is_relative_to(path) for path in hidden):
        return "the working directory may hold secrets"
    planner = _Planner(root)
    for path in hidden if secrets else {*hidden, *_secrets_inside(root)}:
        planner.hide(path)
    reason = _read_only(root, home)
    if reason:  # nothing can be made or renamed there, so nothing is held
        places = {path: kind for path, kind in planner.places.items() if kind is MountKind.HIDDEN}
        return Mounts(root, reason, places)
    for path, row in _protected(root, home):
        planner.protect(path, row)
    return Mounts(root, "", planner.places, tuple(planner.placeholders.values()), tuple(planner.links.items()))


def _read_only(root: Path, home: Path) -> str:
    if home.is_relative_to(root):
        return "home directory is read-only" if root == home else "a directory above home is read-only"
    if any(root.is_relative_to(place) or Path(place).is_relative_to(root) for place in _SYSTEM):
        return "system directory is read-only"
    return "protected directory is read-only" if is_protected(root, home) else ""


def _protected(root: Path, home: Path) -> Iterator[tuple[Path, ProtectedPath]]:
    """Yield the protected paths below a root; in the root itself also the absent ones."""
    yield from ((path, row) for path, row in home_links(home) if path != root and path.is_relative_to(root))
    for folder in (root, *_folders(root)):
        rows = protected_paths().inside
        for row in rows:
            path = folder / row.path
            if row.path.name == ".git" and path.is_dir() and not is_placeholder(path):
                yield from ((path / inner.path, inner) for inner in protected_paths().repository)
            if folder == root or os.path.lexists(path):
                yield path, row
        if (folder / "HEAD").is_file() and (folder / "objects").is_dir():
            yield from ((folder / row.path, row) for row in protected_paths().repository)


def _folders(root: Path) -> Iterator[Path]:
    """Yield folders below a root, nearest first."""
    level, count = [root], 0
    for _ in range(_SCAN_DEPTH):
        following: list[Path] = []
        for folder in level:
            for entry in _subfolders(folder):
                count += 1
                if count > _SCAN_FOLDERS:
                    return
                yield entry
                following.append(entry)
        level = following


def _subfolders(folder: Path) -> list[Path]:
    skipped = _SKIPPED | {row.path.name for row in protected_paths().inside}
    try:
        with os.scandir(folder) as entries:
            return [Path(e.path) for e in entries if e.name not in skipped and e.is_dir(follow_symlinks=False)]
    except OSError:
        return []


def _secrets(home: Path) -> Iterator[Path]:
    """Yield the places in a home that exist and hold secrets or sockets of programs with keys, resolved."""
    names = [pattern.removeprefix("**/") for pattern in secret_globs()]
    names = [name for name in names if name not in (".git", ".env", ".envrc", ".env.*", ".envrc.*", "*.env")]
    for name in (*names, *_SOCKETS):
        for base in (home, home / ".config", home / ".local" / "share"):
            yield from (Path(os.path.realpath(path)) for path in glob.glob(str(base / name), include_hidden=True))


def _secrets_inside(root: Path) -> Iterator[Path]:
    """Yield the places below a root that may hold secrets, resolved; git needs its own."""
    count = 0
    for folder in (root, *_folders(root)):
        with suppress(OSError):
            for name in os.listdir(folder):
                count += 1
                if count > _SCAN_FILES:
                    return
                path = folder / name
                if name != ".git" and secret_names().match(name) and is_secret_place(root, path.relative_to(root)):
                    yield Path(os.path.realpath(path))


class _Planner:
    def __init__(self, root: Path) -> None:
        self._root = root
        self.places: dict[Path, MountKind] = {}
        self.placeholders: dict[Path, Placeholder] = {}
        self.links: dict[Path, str] = {}

    def hide(self, path: Path) -> None:
        """Hide a resolved path; below the root, also hold its place."""
        if path.exists() and not is_placeholder(path):
            self._set(path, MountKind.HIDDEN)
        elif path.is_relative_to(self._root):
            self._hold(path, ProtectedPath(path, True))

    def protect(self, path: Path, row: ProtectedPath) -> None:
        """Make a path below the root read-only."""
        parent = Path(os.path.realpath(path.parent))
        if not parent.is_relative_to(self._root):
            return
        if path.parent.is_symlink():
            self._link(path.parent)
        path = parent / path.name
        if path.is_symlink():
            self._link(path)
            path = Path(os.path.realpath(path))
            if path.exists() and path != self._root and path.is_relative_to(self._root):
                self._set(path, MountKind.READ_ONLY)
        elif path.name == ".git" and path.is_dir() and not is_placeholder(path):
            self._set(path, MountKind.WRITABLE)
        elif path.exists() and not is_placeholder(path):
            self._set(path, MountKind.READ_ONLY)
        else:
            self._hold(path, row)

    def _hold(self, path: Path, row: ProtectedPath) -> None:
        """Hold the place of an absent path: of its first absent part."""
        inner = False
        while not path.parent.exists() or is_placeholder(path.parent):
            path, inner = path.parent, True
        in_work_tree = ".git" not in path.parts and not (path.parent / "objects").is_dir()
        # git neither shows nor adds an empty folder
        made = Placeholder(path, inner or row.folder or in_work_tree, row.text)
        self.placeholders[path] = made
        self._set(path, MountKind.READ_ONLY)

    def _link(self, path: Path) -> None:
        with suppress(OSError):
            self.links[path] = os.readlink(path)

    def _set(self, path: Path, kind: MountKind) -> None:
        """Set the kind of a place. What leads to it must be a mount, too: a mount itself cannot be renamed."""
        if path == self._root:
            return
        self.places[path] = max(kind, self.places.get(path, kind), key=lambda each: each.value)
        if path.is_relative_to(self._root):
            for parent in path.relative_to(self._root).parents:
                if parent.parts:
                    self.places.setdefault(self._root / parent, MountKind.WRITABLE)
