"""Foreign text in questions. Clients draw titles and contents as Markdown: none of it may act, or not be seen."""

from __future__ import annotations

import re

from termchat.core.sanitize import Safe, code_fence, repair_surrogates, safe_line

# C0, DEL, C1, bidirectional and invisible characters, line separators, blanks that are letters, and
# tags and selectors that can carry a text. Joiners stay in Persian, Indian scripts and emoji.
_HIDDEN = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f"
    r"\u2028-\u202e\u2060-\u206f\u2800\u3164\ufeff\uffa0\ufff0-\ufffb\U0001d173-\U0001d17a"
    r"\U000e0000-\U000e0fff]|\r(?!\n)|(?<![^\x00-\x7f])[\u200c\u200d]|[\u200c\u200d](?![^\x00-\x7f])"
)
_NUMBER = re.compile(r"^[0-9]+(?=[.)])")  # of a list
_PLAIN_NAME = re.compile(r"[A-Za-z0-9]+(?:[_-]+[A-Za-z0-9]+)*")
_MARKS = re.compile(r"[\\`*\[\]<>&~|#$]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])|^[-+=]")


def reveal(text: str) -> Safe:
    """Return text with control, bidirectional and invisible characters as `\\u202e`; tabs and line ends stay."""
    return Safe(_HIDDEN.sub(_escaped, repair_surrogates(text)))


def code_span(text: str) -> Safe:
    """Return text as code in a line of Markdown, "" for none."""
    line = safe_line(reveal(text)).strip()
    if not line:
        return Safe("")
    fence = "`" * (max(map(len, re.findall("`+", line)), default=0) + 1)
    space = " " if line[0] == "`" or line[-1] == "`" else ""
    return Safe(f"{fence}{space}{line}{space}{fence}")


def code_name(name: str) -> Safe:
    """Return the name of a tool for Markdown: as it is, or as code if it is no plain name."""
    return Safe(name) if _PLAIN_NAME.fullmatch(name) else code_span(name)


def safe_code_block(text: str, language: str = "") -> Safe:
    """Return safe text as a code block, with a fence that no line of it can close."""
    fence = code_fence(text)
    return Safe(f"{fence}{language}\n{text}\n{fence}")


def escape_markdown(text: str) -> Safe:
    """Return a sentence on one line, with backslashes before what Markdown would take for marks."""
    marked = _MARKS.sub(r"\\\g<0>", safe_line(reveal(text)).strip())
    return Safe(_NUMBER.sub(r"\g<0>\\", marked))


def _escaped(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
