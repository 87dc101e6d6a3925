"""Replace the typographic signs of the interface by ASCII; each sign and its substitute take one column."""

from __future__ import annotations

from dataclasses import replace

from termchat.core.sanitize import Safe
from termchat.ui.text.line import Line

_ASCII = str.maketrans(
    {
        "❯": ">", "·": "-", "…": "~", "■": "#", "✻": "*", "↻": "*", "↶": "<", "↷": ">", "⧗": "-", "●": "*", "✗": "x",
        "○": "o", "◌": "o", "→": ">", "←": "<", "↑": "^", "↓": "v", "—": "-", "–": "-", "×": "x", "⎿": "|", "•": "*",
        "▸": ">", "“": '"', "”": '"', "‘": "'", "’": "'",
    }
)  # fmt: skip


def to_ascii(text: Safe, *, signs: bool) -> Safe:
    """Return a text of the interface unchanged if `signs` is True, else with its signs in ASCII."""
    return text if signs or text.isascii() else Safe(text.translate(_ASCII))


def line_to_ascii(line: Line, *, signs: bool) -> Line:
    """Return a line of the interface unchanged if `signs` is True, else with its signs in ASCII."""
    if signs or all(segment.text.isascii() for segment in line):
        return line
    return tuple(replace(segment, text=to_ascii(segment.text, signs=False)) for segment in line)
