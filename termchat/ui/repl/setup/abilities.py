"""The abilities of the terminal as checks of a diagnosis, each with the way it was found out."""

from __future__ import annotations

import os
import re
import select
import sys
import time
from collections.abc import Iterator, Mapping

from termchat.core.models import Check, CheckState
from termchat.core.sanitize import EMPTY, Safe, safe, safe_format, safe_line
from termchat.ui.terminal.capabilities import is_append_only, supports_hyperlinks, terminal_name
from termchat.ui.terminal.clipboard import terminal_copies, tools
from termchat.ui.terminal.early_prompt import supports_unicode
from termchat.ui.text.palette import ColorDepth, detect_color_depth

_QUERY = b"\x1b[?u\x1b]11;?\x1b\\\x1b[?2026$p\x1b[?2004$p\x1b[6n\x1b[c"  # the last one is answered by all terminals
_LAST = re.compile(rb"\x1b\[\?[\d;]*c")
_SECONDS = 0.5
_DEPTHS = {
    ColorDepth.PLAIN: safe_format("no styles"),
    ColorDepth.MONO: safe_format("no colours"),
    ColorDepth.ANSI: safe_format("16 colours"),
    ColorDepth.INDEXED: safe_format("256 colours"),
    ColorDepth.TRUE: safe_format("16 million colours"),
}
_REPLIES = (
    ("synchronized output", rb"\x1b\[\?2026;[12]\$y", safe_format("frames may flicker")),
    ("bracketed paste", rb"\x1b\[\?2004;[1-4]\$y", safe_format("pastes are told from keys by their speed")),
    ("kitty keyboard", rb"\x1b\[\?\d+u", safe_format("Shift-Enter may send; /keys lists the keys for a new line")),
    ("cursor position", rb"\x1b\[\d+;\d+R", safe_format("termchat works without it")),
    ("background", rb"\x1b\]11;", safe_format("set the theme with /set theme")),
)


def query_terminal(fd: int = 0, seconds: float = _SECONDS) -> bytes | None:
    """Ask the terminal for its abilities and return its replies, None if it is no terminal that can be asked."""
    if sys.platform == "win32" or not (os.isatty(fd) and sys.stdout.isatty()):
        return None
    import termios
    import tty

    before = termios.tcgetattr(fd)
    try:
        tty.setcbreak(fd, termios.TCSANOW)
        os.write(fd, _QUERY)
        replies, end = b"", time.monotonic() + seconds
        while not _LAST.search(replies) and (left := end - time.monotonic()) > 0:
            if not select.select([fd], [], [], left)[0] or not (piece := os.read(fd, 4096)):
                break
            replies += piece
        return replies
    except OSError:
        return None
    finally:
        termios.tcsetattr(fd, termios.TCSANOW, before)


def terminal_checks(env: Mapping[str, str], size: tuple[int, int] | None, replies: bytes | None) -> Iterator[Check]:
    """Yield the findings about the terminal.

    size      its columns and rows, None without a terminal
    replies   its answers to `query_terminal`, None if it was not asked
    """
    if size is None:
        yield _check("terminal", CheckState.SKIPPED, safe_format("standard output is no terminal"))
        return
    name = safe_line(terminal_name(env) or env.get("TERM_PROGRAM", "") or "unknown")
    inside = safe_format(", in tmux") if env.get("TMUX") else safe_format(", in screen") if env.get("STY") else EMPTY
    term = safe_line(env.get("TERM", "") or "not set")
    yield _check(
        "terminal", CheckState.OK, safe_format("{name}{inside}, TERM={term}", name=name, inside=inside, term=term)
    )
    yield _size(*size)
    yield _depth(env)
    unicode = supports_unicode(env)
    words = safe_format("UTF-8") if unicode else safe_format("not UTF-8: signs are shown in ASCII")
    step = EMPTY if unicode else safe_format("Set LANG to a locale with UTF-8, such as C.UTF-8.")
    yield _check("characters", CheckState.OK if unicode else CheckState.WARNING, words, step)
    linked = supports_hyperlinks(env)
    words = (
        safe_format("OSC 8, by its name") if linked else safe_format("not known to be clickable: URLs are written out")
    )
    yield _check("links", CheckState.OK if linked else CheckState.SKIPPED, words)
    yield _clipboard(env)
    if is_append_only(env):
        yield _check("screen", CheckState.WARNING, safe_format("append-only: TERM=dumb or CI is set"))
    yield from _replied(replies)


def _replied(replies: bytes | None) -> Iterator[Check]:
    """Yield what the terminal says about itself."""
    if replies is None:
        words = safe_format("not asked here; `termchat doctor` asks")
        yield _check("replies", CheckState.SKIPPED, words)
        return
    if not replies:
        yield _check("replies", CheckState.WARNING, safe_format("it answers no query within 0.5 s"))
        return
    for name, pattern, without in _REPLIES:
        if re.search(pattern, replies):
            yield _check(name, CheckState.OK, safe_format("yes, it answered"))
        else:
            yield _check(name, CheckState.SKIPPED, safe_format("no answer: {without}", without=without))


def _size(columns: int, rows: int) -> Check:
    words = safe_format("{columns} columns, {rows} rows", columns=safe(str(columns)), rows=safe(str(rows)))
    if columns >= 20 and rows >= 6:
        return _check("size", CheckState.OK, words)
    return _check("size", CheckState.WARNING, words, safe_format("Below 20 by 6 only the input is shown."))


def _depth(env: Mapping[str, str]) -> Check:
    depth = detect_color_depth(env)
    source = next((name for name in ("NO_COLOR", "FORCE_COLOR", "COLORTERM", "TERM") if env.get(name)), "TERM")
    words = safe_format("{depth}, by {source}", depth=_DEPTHS[depth], source=safe(source))
    return _check("colours", CheckState.OK, words)


def _clipboard(env: Mapping[str, str]) -> Check:
    found = [command[0] for command in tools(env)]
    if found:
        return _check("clipboard", CheckState.OK, safe_format("by {tool}", tool=safe_line(found[0])))
    if terminal_copies(env):
        return _check("clipboard", CheckState.OK, safe_format("by the terminal (OSC 52), if it allows that"))
    words = safe_format("none: /copy writes a file")
    return _check("clipboard", CheckState.WARNING, words, safe_format("Install wl-clipboard, xclip or xsel."))


def _check(name: str, state: CheckState, words: Safe, step: Safe = EMPTY) -> Check:
    return Check("terminal", "", name, state, words, step)
