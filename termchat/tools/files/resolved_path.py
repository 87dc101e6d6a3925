"""Resolved paths that a call may touch.

A call without a person's approval stays inside the working directory, unless its rule names a path outside, and
touches no place that may hold secrets. termchat's own directories are touched by no call.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path, PurePath

from termchat.tools.builtin.secret_places import may_hold_secrets
from termchat.tools.files.names import show_name
from termchat.tools.real_paths import is_below, real_paths
from termchat.tools.registry import Plan, ToolContext, ToolError


@dataclass(frozen=True, slots=True)
class ResolvedPath:
    """A path that a call may touch.

    given    the path as the model wrote it
    root     a resolved directory: the working directory, that of long results, or the root of the file system
    inside   the resolved path relative to it
    facts    phrases for the approval
    secret   True for a place that may hold secrets
    """

    given: str
    root: Path
    inside: Path
    facts: tuple[str, ...] = ()
    secret: bool = False

    @property
    def real(self) -> Path:
        """The resolved path."""
        return self.root / self.inside

    @property
    def shown(self) -> str:
        """The path relative to the working directory, absolute if it is outside."""
        return str(self.real if self.root == Path(self.root.anchor) else self.inside)

    def seen(self, content: bytes | None = None) -> str:
        """Return the hash for `Plan.seen`: of the resolved path, and of the content if there is one."""
        made = hashlib.sha256(os.fsencode(self.real))
        if content is not None:
            made.update(b"\0" + content)
        return made.hexdigest()

    def moved(self, context: ToolContext) -> ToolError | None:
        """Return the error for a path that leads elsewhere than the approved one; for reading tools."""
        if context.permit.seen in ("", self.seen()):
            return None
        return ToolError(f"{show_name(self.given)} leads to another file than the one that was approved")


def resolve_path(
    context: ToolContext, path: str, *, planning: bool = False, outputs: bool = False
) -> ResolvedPath | ToolError:
    """Resolve a path, or return the reason why the call may not touch it. Raises OSError and ValueError.

    planning   the call is not approved yet: what needs an approval becomes a fact
    outputs    for a tool that reads: the directory of long results is allowed as well
    """
    root, given, real = real_paths(path, context.cwd)
    permit, shown = context.permit, show_name(path)
    if permit.path not in ("", str(real)):
        return ToolError(f"{shown} leads to another file than the one that was allowed")
    if outputs and context.outputs and real.is_relative_to(results := Path(os.path.realpath(context.outputs))):
        return ResolvedPath(path, results, real.relative_to(results))
    if is_private(context, real):
        return ToolError(f"{shown} belongs to termchat itself and no tool touches it")
    facts: list[str] = []
    if not real.is_relative_to(root):
        if not (planning or permit.outside):
            return ToolError(f"{shown} is outside the working directory; that needs the user's approval")
        facts.append(f"outside the working directory: {show_name(str(real))}")
    elif real != given:
        facts.append(f"leads to {show_name(str(real.relative_to(root)))}")
    secret = any(may_hold_secrets(root, each) for each in (given, real))
    if secret:
        later = not outputs and any(_in_repository(each) for each in (given, real))
        why = "acts later" if later else "may hold secrets"
        if not (planning or permit.by_person):
            return ToolError(f"{shown} {why}; that needs the user's approval")
        facts.append(why)
    base = root if real.is_relative_to(root) else Path(real.anchor)
    return ResolvedPath(path, base, real.relative_to(base), tuple(facts), secret)


def plan_reading(context: ToolContext, path: str) -> Plan | ToolError:
    """Plan a call that reads a path: the resolved path is what is approved."""
    try:
        place = resolve_path(context, path, planning=True, outputs=True)
    except (OSError, ValueError) as error:
        return refuse_os_error(path, error, "read")
    if isinstance(place, ToolError):
        return place
    return Plan(preview=place.given, facts=place.facts, edit_argument="path", seen=place.seen())


def is_private(context: ToolContext, real: PurePath) -> bool:
    """Return True for a resolved path in a directory of termchat itself."""
    return any(is_below(real, place) for place in context.private)


def _in_repository(path: Path) -> bool:
    return ".git" in (name.lower() for name in path.parts)


def refuse_os_error(path: str, error: OSError | ValueError, deed: str) -> ToolError:
    """Return the error of a failed system call: `'notes' cannot be read: No such file or directory`."""
    why = getattr(error, "strerror", None) or str(error)
    return ToolError(f"{show_name(path)} cannot be {deed}: {why}")
