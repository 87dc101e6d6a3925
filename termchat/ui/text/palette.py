"""Looks to escape sequences: the only place that knows how a colour is spelled for a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import NamedTuple

from termchat.core.style import Style, Theme
from termchat.ui.text.row import Roles

ANSI_NAMES = ("black", "red", "green", "yellow", "blue", "magenta", "cyan", "white")
# The sixteen as xterm shows them; users' own colours differ, but this is what a nearest match can go by.
_ANSI_RGB = (
    (0, 0, 0), (205, 0, 0), (0, 205, 0), (205, 205, 0), (0, 0, 238), (205, 0, 205), (0, 205, 205), (229, 229, 229),
    (127, 127, 127), (255, 0, 0), (0, 255, 0), (255, 255, 0), (92, 92, 255), (255, 0, 255), (0, 255, 255),
    (255, 255, 255),
)  # fmt: skip
_CUBE = (0, 95, 135, 175, 215, 255)
_ON = {"bold": "1", "dim": "2", "italic": "3", "underline": "4", "strike": "9"}
_OFF = {"bold": "22", "dim": "22", "italic": "23", "underline": "24", "strike": "29"}

Rgb = tuple[int, int, int]


class ColorDepth(IntEnum):
    """How much colour a terminal has."""

    PLAIN = 0  # no escape sequence at all
    MONO = 1  # bold, underline and the like, no colour (NO_COLOR)
    ANSI = 4
    INDEXED = 8
    TRUE = 24


class _Look(NamedTuple):
    color: str  # the SGR parameters of the foreground, "" for the terminal's own
    flags: tuple[str, ...]


_PLAIN_LOOK = _Look("", ())


_FORCED = {
    "1": ColorDepth.ANSI,
    "2": ColorDepth.INDEXED,
    "3": ColorDepth.TRUE,
}  # what FORCE_COLOR may say, as others read it


class Palette:
    """A theme as one terminal can show it.

    `turn(before, after)` is the shortest sequence that changes the look of what is written next; `()` is the
    terminal's own look.
    """

    def __init__(self, theme: Theme, depth: ColorDepth) -> None:
        self.theme = theme
        self.depth = depth
        self._looks: dict[Roles, _Look] = {(): _PLAIN_LOOK}
        self._turns: dict[tuple[Roles, Roles], str] = {}

    def transition(self, before: Roles, after: Roles) -> str:
        """The SGR sequence from one look to another, `""` where both look alike."""
        key = (before, after)
        found = self._turns.get(key)
        if found is None:
            found = self._turns[key] = _turn(self._look(before), self._look(after))
        return found

    def is_invisible_blank(self, roles: Roles, other: Roles) -> bool:
        """Whether a blank looks the same in both looks, so that no sequence is needed to write one."""
        return not _marks(self._look(roles)) and not _marks(self._look(other))

    def _look(self, roles: Roles) -> _Look:
        found = self._looks.get(roles)
        if found is None:
            found = self._looks[roles] = self._overlay(roles)
        return found

    def _overlay(self, roles: Roles) -> _Look:
        if self.depth is ColorDepth.PLAIN:
            return _PLAIN_LOOK
        color, flags = "", set[str]()
        for style in (self.theme.styles.get(role, Style()) for role in roles):
            color = _foreground(style.color, self.depth) or color
            flags |= {flag for flag in _ON if getattr(style, flag)}
        return _Look(color, tuple(flag for flag in _ON if flag in flags))


def detect_color_depth(environ: Mapping[str, str]) -> ColorDepth:
    """How much colour the terminal described by the environment has; that it is a terminal is the caller's word."""
    term = environ.get("TERM", "")
    if term == "dumb":
        return ColorDepth.PLAIN
    if environ.get("NO_COLOR"):
        return ColorDepth.MONO
    if forced := _FORCED.get(environ.get("FORCE_COLOR", "")):
        return forced
    if environ.get("COLORTERM", "").lower() in ("truecolor", "24bit") or term.endswith("-direct"):
        return ColorDepth.TRUE
    return ColorDepth.INDEXED if "256" in term else ColorDepth.ANSI


def _marks(look: _Look) -> bool:
    return "underline" in look.flags or "strike" in look.flags


def _turn(before: _Look, after: _Look) -> str:
    if before == after:
        return ""
    if after == _PLAIN_LOOK:
        return "\x1b[m"
    return min(_change(before, after), _renew(after), key=len)


def _renew(after: _Look) -> str:
    """Everything off, then the new look."""
    return f"\x1b[{';'.join(['', *_parameters(after.color, after.flags)])}m"


def _change(before: _Look, after: _Look) -> str:
    """Only what differs. Bold and dim go off together, so what stays of the two is set again."""
    off = dict.fromkeys(_OFF[flag] for flag in before.flags if flag not in after.flags)
    on = [flag for flag in after.flags if flag not in before.flags or _OFF[flag] in off]
    color = [] if after.color == before.color else [after.color or "39"]
    return f"\x1b[{';'.join([*off, *_parameters('', on), *color])}m"


def _parameters(color: str, flags: list[str] | tuple[str, ...]) -> list[str]:
    return [*(_ON[flag] for flag in flags), *([color] if color else [])]


def _foreground(color: str, depth: ColorDepth) -> str:
    if not color or depth <= ColorDepth.MONO:
        return ""
    if not color.startswith("#"):
        return _ansi(_ansi_index(color))
    rgb = int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16)
    if depth is ColorDepth.ANSI:
        return _ansi(_nearest(rgb))
    index, near = _indexed(rgb)
    exact = depth is ColorDepth.INDEXED or near == rgb  # the shorter spelling wherever it says the same
    return f"38;5;{index}" if exact else "38;2;{};{};{}".format(*rgb)


def _ansi_index(name: str) -> int:
    return ANSI_NAMES.index(name.removeprefix("bright-")) + (8 if name.startswith("bright-") else 0)


def _ansi(index: int) -> str:
    return str(30 + index if index < 8 else 82 + index)


def _nearest(rgb: Rgb) -> int:
    return min(range(16), key=lambda index: _distance(rgb, _ANSI_RGB[index]))


def _indexed(rgb: Rgb) -> tuple[int, Rgb]:
    """The nearest of the colour cube and the grey ramp; the sixteen are left out, users change those."""
    steps = [min(range(6), key=lambda step: abs(_CUBE[step] - part)) for part in rgb]
    red, green, blue = steps
    cube = (_CUBE[red], _CUBE[green], _CUBE[blue])
    ramp = min(23, max(0, round((sum(rgb) / 3 - 8) / 10)))
    level = 8 + 10 * ramp
    grey = (level, level, level)
    if _distance(rgb, grey) < _distance(rgb, cube):
        return 232 + ramp, grey
    return 16 + 36 * red + 6 * green + blue, cube


def _distance(one: Rgb, other: Rgb) -> int:
    return sum((a - b) ** 2 for a, b in zip(one, other, strict=True))
