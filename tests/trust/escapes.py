"""Escape payloads as a table, and the rules for what may reach a terminal."""

from __future__ import annotations

import re

PAYLOADS: dict[str, str] = {
    "csi erase": "\x1b[2J\x1b[3J",
    "csi move": "\x1b[17;23H",
    "csi colour": "\x1b[38;5;199;7m",
    "csi report": "\x1b[6n",
    "csi attributes": "\x1b[>0c\x1b[c",
    "csi scroll region": "\x1b[5;9r",
    "csi alternate screen": "\x1b[?1049h",
    "csi mouse": "\x1b[?1003h\x1b[?1006h",
    "csi bracketed paste off": "\x1b[?2004l\x1b[201~",
    "csi window": "\x1b[21t\x1b[8;1;1t",
    "csi synchronized": "\x1b[?2026h",
    "csi kitty keyboard": "\x1b[>31u",
    "csi soft reset": "\x1b[!p",
    "csi cut off": "\x1b[31",
    "csi with colons": "\x1b[4:3;58:2::255:0:0m",
    "csi with newline inside": "\x1b[\n31m",
    "esc reset": "\x1bc",
    "esc restore": "\x1b8owned\x1b7",
    "esc keypad": "\x1b=\x1b>",
    "esc charset": "\x1b(0lqqk\x1b(B",
    "esc reverse line": "\x1bM\x1bD",
    "esc alone": "\x1b",
    "esc twice": "\x1b\x1b[5i",
    "osc title": "\x1b]0;owned-title\x07",
    "osc title with st": "\x1b]2;owned-title\x1b\\",
    "osc directory": "\x1b]7;file:///owned\x07",
    "osc link": "\x1b]8;;file:///etc/passwd\x1b\\click\x1b]8;;\x1b\\",
    "osc notification": "\x1b]9;owned-note\x07",
    "osc progress": "\x1b]9;4;2;66\x07",
    "osc colour query": "\x1b]11;?\x07\x1b]4;1;?\x07",
    "osc clipboard": "\x1b]52;c;b3duZWQ=\x07",
    "osc clipboard query": "\x1b]52;c;?\x1b\\",
    "osc kitty notification": "\x1b]99;i=1;owned\x1b\\",
    "osc prompt mark": "\x1b]133;A\x07\x1b]133;C\x07",
    "osc iterm file": "\x1b]1337;File=name=eA==;inline=1:eA==\x07",
    "osc urxvt": "\x1b]777;notify;owned;owned\x07",
    "osc unterminated": "\x1b]0;owned-forever",
    "dcs sixel": "\x1bPq#0;2;0;0;0~-\x1b\\",
    "dcs status": "\x1bP$q\"p\x1b\\",
    "dcs tmux": "\x1bPtmux;\x1b\x1b]52;c;b3duZWQ=\x07\x1b\\",
    "apc kitty graphics": "\x1b_Ga=T,f=24;AAAA\x1b\\",
    "pm": "\x1b^owned\x1b\\",
    "sos": "\x1bXowned\x1b\\",
    "c1 csi": "\x9b31;7m",
    "c1 osc": "\x9d52;c;b3duZWQ=\x9c",
    "c1 dcs apc pm sos": "\x90q\x9c\x9fG\x9c\x9eo\x9c\x98o\x9c",
    "c1 next line": "\x85\x84\x8d",
    "c1 as bytes": "\udc9b31m\udc9d0;owned\udc9c",
    "bell and enquiry": "\x07\x05",
    "backspaces": "harmless\b\b\b\b\b\b\b\bowned!!!",
    "carriage return overwrite": "rm -rf /\rls      ",
    "shift out, delete, null": "\x0e\x0fx\x7f\x00\x0b\x0c",
    "bidi override": "\u202eexe.txt\u202c",
    "bidi isolate": "\u2066owned\u2069\u2067x\u2069",
    "line separators": "a\u2028b\u2029c",
    "lone surrogates": "\ud83d x \udc00",
    "crossing sequences": "\x1b\x1b]0;owned\x1b[0m\x07",
}  # fmt: skip

# Invisible, but harmless to a terminal: shown as they are in a text, escaped in a question about a call.
INVISIBLE: dict[str, str] = {
    "zero width": "a\u200bb\u200dc\u2060d",
    "soft hyphen and fillers": "a\u00adb\u115fc\u3164d",
    "tags": "a\U000e0061\U000e0062\U000e007fb",
    "variation selectors": "a\ufe01b\U000e0101c",
}

_ALL = "|".join(f"{number:02}{payload}" for number, payload in enumerate(PAYLOADS.values()))

_NOTE = (
    r"\x1b\]99;;[^\x00-\x1f\x7f-\x9f]*\x1b\\"
    r"|\x1b\](?:9;(?!4;)|777;notify;termchat;)[^\x00-\x1f\x7f-\x9f]*\x07"
)

# What termchat writes itself. A sequence that no row names came from outside.
_OWN = re.compile(
    r"\x1b\[[0-9;]*m"  # style
    r"|\x1b\[[0-9]*[ABCDGJKLMPX@]|\x1b\[[0-9]*(?:;[0-9]*)?H"  # moves, erases, insertions
    r"|\x1b\[\?(?:1|7|12|25|1000|1002|1003|1004|1006|1015|2004|2026|2031)[hl]|\x1b\[\?(?:2004|2026)\$p"
    r"|\x1b7|\x1b8"  # the cursor
    r"|\x1b\[2[23];0t|\x1b\[0? q|\x1b\[[<>=][0-9;]*u|\x1b\[\?u|\x1b\[>4;[0-9]m|\x1b\[>4m|\x1b\[c|\x1b\[>0?q"
    r"|\x1b\]2;[^\x00-\x1f\x7f-\x9f]*\x07"  # title
    r"|\x1b\]8;(?:id=[\w.-]+)?;(?:(?:https?://|mailto:)[!-~]*)?\x1b\\"
    r"|\x1b\]1[01];\?(?:\x07|\x1b\\)|\x1b\]9;4;[0-4];[0-9]*\x1b\\"
    rf"|{_NOTE}"
)
# Payloads that termchat writes, too, or that begin what it writes: "ESC [ 31" is the start of "31 columns to the left".
# One that came from outside is no whole sequence of ours, and its control character is found in the rest.
_WRITTEN = ("esc alone", "csi synchronized", "csi cut off")
_FORBIDDEN = re.compile(r"[\x00-\x07\x0b-\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def notes(output: bytes) -> list[str]:
    """Return the notifications in an output, as sequences of the terminal."""
    return re.findall(_NOTE, output.decode("utf-8", "surrogateescape"))


def all_payloads(*left_out: str) -> str:
    """Return all payloads in one text, each after its number, without the characters `left_out`."""
    text = _ALL
    for character in left_out:
        text = text.replace(character, "")
    return text


def foreign(output: bytes) -> list[str]:
    """Return what an output must not have: payloads, sequences that termchat does not write, control characters."""
    text = output.decode("utf-8", "surrogateescape")
    payloads = [
        f"payload {name}: {text[at - 60 : at + 20]!r}"
        for name, payload in PAYLOADS.items()
        if name not in _WRITTEN and (at := text.find(payload)) >= 0
    ]
    rest = _OWN.sub("", text)
    found = [repr(rest[max(0, at.start() - 60) : at.end() + 20]) for at in _FORBIDDEN.finditer(rest)]
    return [*payloads, *found[:3]]
