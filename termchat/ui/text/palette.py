"""A theme as one terminal shows it: roles as rich styles, and the shortest SGR sequence from one style to another.

rich merges the styles of combined roles and fits their colours to the terminal. It is imported with the first style
that is needed: neither the first paint of the REPL nor a script waits for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from functools import cached_property
from typing import TYPE_CHECKING, Literal, NamedTuple

from termchat.core.style import Style, Theme
from termchat.ui.text.row import Roles

if TYPE_CHECKING:
    from rich.color import Color
    from rich.style import Style as RichStyle

_ON = {"bold": "1", "dim": "2", "italic": "3", "underline": "4", "strike": "9"}  # SGR parameters, ECMA-48 8.3.117
_OFF = {"bold": "22", "dim": "22", "italic": "23", "underline": "24", "strike": "29"}
_RESET = "\x1b[m"


class ColorDepth(IntEnum):
    """The colours of a terminal."""

    PLAIN = 0  # no escape sequence at all
    MONO = 1  # bold, underline and the like, no colour (NO_COLOR)
    ANSI = 4
    INDEXED = 8
    TRUE = 24

    @property
    def color_system(self) -> Literal["standard", "256", "truecolor"] | None:
        """The name of the colour system for a rich Console; MONO needs `no_color=True` as well."""
        match self:
            case ColorDepth.PLAIN:
                return None
            case ColorDepth.MONO | ColorDepth.ANSI:
                return "standard"
            case ColorDepth.INDEXED:
                return "256"
            case ColorDepth.TRUE:
                return "truecolor"


_FORCED = {"1": ColorDepth.ANSI, "2": ColorDepth.INDEXED, "3": ColorDepth.TRUE}  # levels of FORCE_COLOR, as in Node.js
_SUFFIXES = {"256color": ColorDepth.INDEXED, "kitty": ColorDepth.INDEXED, "direct": ColorDepth.TRUE}  # of TERM


class _Sgr(NamedTuple):
    """A style as SGR parameters."""

    color: str  # of the foreground, "" for the terminal's default
    flags: tuple[str, ...]  # keys of _ON


_PLAIN = _Sgr("", ())


class Palette:
    """A theme for a terminal of one colour depth.

    Attributes:
        theme: the styles of all roles.
        depth: the colours the terminal has.
    """

    def __init__(self, theme: Theme, depth: ColorDepth) -> None:
        self.theme = theme
        self.depth = depth
        self._styles: dict[Roles, _Sgr] = {(): _PLAIN}
        self._transitions: dict[tuple[Roles, Roles], str] = {}

    @cached_property
    def rich_styles(self) -> dict[str, RichStyle]:
        """The rich style of every role by the role's name: the styles of a rich Theme."""
        return {role.value: rich_style(style) for role, style in self.theme.styles.items()}

    def transition(self, before: Roles, after: Roles) -> str:
        """Return the shortest SGR sequence from one style to another, "" if both look alike.

        `()` is the terminal's own style.
        """
        key = (before, after)
        found = self._transitions.get(key)
        if found is None:
            found = self._transitions[key] = _transition(self._sgr(before), self._sgr(after))
        return found

    def is_invisible_blank(self, roles: Roles, other: Roles) -> bool:
        """Return True if a blank looks the same in both styles, so that neither of the two sequences is needed."""
        return not _marks_blanks(self._sgr(roles)) and not _marks_blanks(self._sgr(other))

    def _sgr(self, roles: Roles) -> _Sgr:
        found = self._styles.get(roles)
        if found is None:
            found = self._styles[roles] = _PLAIN if self.depth is ColorDepth.PLAIN else self._combine(roles)
        return found

    def _combine(self, roles: Roles) -> _Sgr:
        from rich.style import Style as RichStyle

        known = [self.rich_styles[role] for role in roles if role in self.rich_styles]
        style = RichStyle.combine([RichStyle.null(), *known])
        color = _parameters(style.color, self.depth) if style.color and self.depth > ColorDepth.MONO else ""
        return _Sgr(color, tuple(flag for flag in _ON if getattr(style, flag)))


def rich_style(style: Style) -> RichStyle:
    """Return the rich style of a theme's style; what is off stays unset, so that it can be combined."""
    from rich.style import Style as RichStyle

    return RichStyle(
        color=style.color.replace("-", "_") or None,  # bright-blue is rich's bright_blue
        bold=style.bold or None,
        dim=style.dim or None,
        italic=style.italic or None,
        underline=style.underline or None,
        strike=style.strike or None,
    )


def detect_color_depth(environ: Mapping[str, str]) -> ColorDepth:
    """Return the colour depth of the terminal that the environment describes; the caller knows that it is a terminal.

    The answer is that of a rich Console, which knows neither the levels of FORCE_COLOR nor `TERM=*-direct`
    (https://force-color.org, terminfo(5)), nor a suffix after `256color`.
    """
    term = environ.get("TERM", "").strip().lower()
    if term in ("dumb", "unknown"):
        return ColorDepth.PLAIN
    if environ.get("NO_COLOR") or environ.get("FORCE_COLOR") in ("0", "false"):
        return ColorDepth.MONO
    if forced := _FORCED.get(environ.get("FORCE_COLOR", "")):
        return forced
    if environ.get("COLORTERM", "").strip().lower() in ("truecolor", "24bit"):
        return ColorDepth.TRUE
    return next((depth for suffix, depth in _SUFFIXES.items() if suffix in term.split("-")), ColorDepth.ANSI)


def _parameters(color: Color, depth: ColorDepth) -> str:
    """Return the SGR parameters of a colour: in true colour the indexed form, which is shorter, where it is exact."""
    from rich.color import ColorSystem

    indexed = color.downgrade(ColorSystem.EIGHT_BIT)
    if depth is ColorDepth.ANSI:
        color = color.downgrade(ColorSystem.STANDARD)
    elif depth is ColorDepth.INDEXED or indexed.get_truecolor() == color.get_truecolor():
        color = indexed
    return ";".join(color.get_ansi_codes())


def _marks_blanks(style: _Sgr) -> bool:
    return "underline" in style.flags or "strike" in style.flags


def _transition(before: _Sgr, after: _Sgr) -> str:
    if before == after:
        return ""
    if after == _PLAIN:
        return _RESET
    return min(_change(before, after), _restart(after), key=len)


def _restart(after: _Sgr) -> str:
    """Return the sequence that resets, then sets the new style."""
    return f"\x1b[{';'.join(['', *_set(after.color, after.flags)])}m"


def _change(before: _Sgr, after: _Sgr) -> str:
    """Return the sequence for the difference. Bold and dim share their off code, so the one that stays is set again."""
    off = dict.fromkeys(_OFF[flag] for flag in before.flags if flag not in after.flags)
    on = [flag for flag in after.flags if flag not in before.flags or _OFF[flag] in off]
    color = [] if after.color == before.color else [after.color or "39"]
    return f"\x1b[{';'.join([*off, *_set('', on), *color])}m"


def _set(color: str, flags: list[str] | tuple[str, ...]) -> list[str]:
    return [*(_ON[flag] for flag in flags), *([color] if color else [])]
