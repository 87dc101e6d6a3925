"""Capabilities of the terminal, as far as the environment shows them."""

from __future__ import annotations

import re
from collections.abc import Mapping

from termchat.core.numbers import whole_number

# Terminals that are known to make OSC 8 links clickable; for others the URL is written out.
_LINKING = frozenset(("iTerm.app", "WezTerm", "vscode", "ghostty", "Hyper", "rio", "tabby"))
_VTE = 5000  # VTE 0.50, the first without bugs in OSC 8


def supports_hyperlinks(env: Mapping[str, str]) -> bool:
    """Return True if the terminal is known to support OSC 8 links."""
    if env.get("TERM", "") in ("", "dumb", "linux") or env.get("TERM", "").startswith("screen"):
        return False
    if env.get("TERM_PROGRAM", "") == "tmux":
        return _version(env.get("TERM_PROGRAM_VERSION", "")) >= (3, 4)
    known = env.get("TERM_PROGRAM", "") in _LINKING or "KITTY_WINDOW_ID" in env or "WT_SESSION" in env
    vte = env.get("VTE_VERSION", "")
    return known or (whole_number(vte) or 0) >= _VTE or env.get("TERM", "") in ("xterm-kitty", "foot", "alacritty")


def is_append_only(env: Mapping[str, str]) -> bool:
    """Return True if output cannot be changed afterwards: on a dumb terminal, and in the log of a CI job."""
    return env.get("TERM", "") == "dumb" or env.get("CI", "").lower() not in ("", "0", "false")


def terminal_name(env: Mapping[str, str]) -> str:
    """Return the name of the terminal, also inside a multiplexer; "" if unknown."""
    name, term = env.get("TERM_PROGRAM", ""), env.get("TERM", "")
    if env.get("KITTY_WINDOW_ID"):
        return "kitty"
    if name == "iTerm.app" or env.get("LC_TERMINAL") == "iTerm2":
        return "iterm"
    if name == "WezTerm" or env.get("WEZTERM_PANE"):
        return "wezterm"
    if name == "ghostty" or env.get("GHOSTTY_RESOURCES_DIR"):
        return "ghostty"
    if env.get("WT_SESSION"):
        return "windows"
    if term.startswith("foot"):
        return "foot"
    if env.get("VTE_VERSION"):
        return "vte"
    return "rxvt" if "rxvt" in term else ""


def supports_progress(env: Mapping[str, str]) -> bool:
    """Return True if the terminal shows progress (OSC 9;4) in its tab or in the taskbar.

    Other terminals may show the sequence as a notification.
    """
    if env.get("TMUX") or env.get("STY"):
        return False
    version = _version(env.get("TERM_PROGRAM_VERSION", ""))
    match terminal_name(env):
        case "windows" | "ghostty":
            return True
        case "iterm":
            return version >= (3, 6)
        case "wezterm":
            return version >= (20250209,)
        case "vte":
            return (whole_number(env["VTE_VERSION"]) or 0) >= 7900
        case _:
            return env.get("ConEmuANSI") == "ON"


def tmux_passthrough(sequence: str, env: Mapping[str, str]) -> str:
    """Return a control sequence wrapped so that tmux passes it on to the terminal; unchanged outside of tmux."""
    return "\x1bPtmux;" + sequence.replace("\x1b", "\x1b\x1b") + "\x1b\\" if env.get("TMUX") else sequence


def background(env: Mapping[str, str]) -> str:
    """Return `light` or `dark` as given by COLORFGBG, else `any`."""
    number = whole_number(env.get("COLORFGBG", "").rpartition(";")[2])
    if number is None:
        return "any"
    return "light" if number in (7, *range(9, 16)) else "dark"


def _version(text: str) -> tuple[int, ...]:
    return tuple(whole_number(part) or 0 for part in re.findall(r"\d+", text)[:2])
