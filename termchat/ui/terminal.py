"""What is known of a terminal from its environment alone."""

from __future__ import annotations

import re
from collections.abc import Mapping

# Terminals that are known to make OSC 8 links clickable; for others the address is written out.
_LINKING = frozenset(("iTerm.app", "WezTerm", "vscode", "ghostty", "Hyper", "rio", "tabby"))
_VTE = 5000  # 0.50, the first without bugs in OSC 8


def links_work(env: Mapping[str, str]) -> bool:
    """Whether the terminal is known to understand OSC 8 links."""
    if env.get("TERM", "") in ("", "dumb", "linux") or env.get("TERM", "").startswith("screen"):
        return False
    if env.get("TERM_PROGRAM", "") == "tmux":
        return _version(env.get("TERM_PROGRAM_VERSION", "")) >= (3, 4)
    known = env.get("TERM_PROGRAM", "") in _LINKING or "KITTY_WINDOW_ID" in env or "WT_SESSION" in env
    vte = env.get("VTE_VERSION", "")
    return known or (vte.isdigit() and int(vte) >= _VTE) or env.get("TERM", "") in ("xterm-kitty", "foot", "alacritty")


def background(env: Mapping[str, str]) -> str:
    """`light` or `dark` where COLORFGBG tells, else `any`."""
    number = env.get("COLORFGBG", "").rpartition(";")[2]
    if not number.isdigit():
        return "any"
    return "light" if int(number) in (7, *range(9, 16)) else "dark"


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", text)[:2])
