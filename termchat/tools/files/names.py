"""File names in results: control characters, bidirectional marks and bytes that are no UTF-8 are escaped."""

from __future__ import annotations

import re

# C0, DEL, C1, line separators, bidirectional and invisible marks; lone surrogates are bytes of undecodable names.
_UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff]")


def escape_name(name: str) -> str:
    """Return a name on one line that any encoding can carry: ESC becomes \\x1b, the byte 255 becomes \\xff."""
    return _UNSAFE.sub(_escape, name)


def show_name(name: str) -> str:
    """Return a name in quotes, escaped and at most 300 characters long."""
    escaped = escape_name(name)
    return "'" + (escaped if len(escaped) <= 300 else escaped[:140] + " … " + escaped[-140:]) + "'"


def _escape(found: re.Match[str]) -> str:
    character = found.group()
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # PEP 383
        return f"\\x{code - 0xDC00:02x}"
    return {"\n": "\\n", "\r": "\\r", "\t": "\\t"}.get(
        character, f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
    )
