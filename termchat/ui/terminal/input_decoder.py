"""Decoder of terminal input: keys, pastes, and replies of the terminal, which must never reach the input.

`InputDecoder` is pure: it takes text with the time of its arrival and returns pieces. It

- separates late replies of the terminal (keyboard flags, colours, modes, device attributes, focus), even if one
  arrives in two halves;
- collects a bracketed paste as one piece, and ends it after a timeout if its end mark is lost;
- turns the sequences of the keyboard protocols (kitty `CSI u`, modifyOtherKeys) into keys, so that Shift-Enter is a
  new line everywhere;
- detects a paste without marks by its speed, so that its line ends submit nothing, unless the terminal is known to
  mark its pastes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TypeAlias

from termchat.core.numbers import whole_number

PASTE_BEGIN = "\x1b[200~"
PASTE_END = "\x1b[201~"
PASTE_TIMEOUT = 1.0  # seconds without input after which a paste ends
REPLY_TIMEOUT = 1.0  # seconds until the second half of a terminal reply is given up

_REPLY = re.compile(
    r"\x1b\[\?[\d;]*[uc]"  # keyboard flags, device attributes
    r"|\x1b\[>[\d;]*c"
    r"|\x1b\[\??[\d;]*\$y"  # modes
    r"|\x1b\[\d+;\d+R"  # cursor position
    r"|\x1b\[[IO]"  # focus
    r"|\x1b\]\d+;[^\x07\x1b]*(?:\x07|\x1b\\)"  # colours, clipboard
    r"|\x1bP[^\x1b]*\x1b\\"
    r"|\x1b_[^\x1b]*\x1b\\"
)
_BRACKETS = re.compile(r"\x1b\[\?2004;[123]\$y")  # DECRPM: bracketed paste is set, reset or permanently set
_SURE_HALF = re.compile(
    r"\x1b(?:\[\?[\d;]*\$?|\[>[\d;]*|\]\d+;[^\x07\x1b]*\x1b?|P[>\d!+$][^\x1b]*\x1b?|_G[^\x1b]*\x1b?)$"
)
_HALF = re.compile(r"\x1b(?:\[[\d;:]*\$?|O|P|_|\]\d*)?$")
_KITTY = re.compile(r"\x1b\[(\d+)(?::[\d:]*)?(?:;(\d+)(?::\d+)?)?u", re.ASCII)
_FUNCTION = re.compile(r"\x1b\[([PQS])")  # F1, F2, F4 of the kitty protocol
_OTHER = re.compile(r"\x1b\[27;(\d+);(\d+)~")


@dataclass(frozen=True, slots=True)
class TypedText:
    """Typed text, for the key parser."""

    text: str


@dataclass(frozen=True, slots=True)
class PastedText:
    """A whole pasted text, unchanged."""

    text: str


@dataclass(frozen=True, slots=True)
class TerminalReply:
    """A reply of the terminal, or its report of a focus change."""

    text: str


Piece: TypeAlias = TypedText | PastedText | TerminalReply


class InputDecoder:
    """Decodes the input in the order it was read. `flush` it after the escape timeout without input.

    `brackets` is True after the terminal has marked a paste or reported that it can: from then on fast text is fast
    typing, or input that waited for a stalled program or line.
    """

    def __init__(self) -> None:
        self.brackets = False
        self._held = ""
        self._held_at = 0.0
        self._paste: list[str] | None = None
        self._paste_at = 0.0
        self._burst = UnmarkedPasteDetector()

    @property
    def pasting(self) -> bool:
        return self._paste is not None

    def feed(self, text: str, now: float) -> list[Piece]:
        """Decode the text of one read, which arrived at `now`; return its pieces."""
        if self._held and now - self._held_at > REPLY_TIMEOUT and _SURE_HALF.search(self._held):
            self._held = ""
        text, self._held = self._held + text, ""
        pieces: list[Piece] = []
        while text:
            text = self._pasted(text, now, pieces) if self._paste is not None else self._typed(text, now, pieces)
        return pieces

    def flush(self, now: float) -> list[Piece]:
        """Return the incomplete sequence that was held back; the first half of a terminal reply stays held."""
        if not self._held or _SURE_HALF.search(self._held):
            return []
        held, self._held = self._held, ""
        return [TypedText(held)]

    def expire_paste(self, now: float) -> list[Piece]:
        """Return the paste whose end mark did not come in time, if any."""
        if self._paste is None or now - self._paste_at < PASTE_TIMEOUT:
            return []
        text, self._paste = "".join(self._paste), None
        return [PastedText(text)]

    def _pasted(self, text: str, now: float, pieces: list[Piece]) -> str:
        """Add text to the paste; return the text after its end mark."""
        assert self._paste is not None
        self._paste_at = now
        overlap = len(PASTE_END) - 1
        last = self._paste.pop() if self._paste else ""
        seam = last[-overlap:] + text
        at = seam.find(PASTE_END)
        if at < 0:
            self._paste += [last[: len(last) - len(last[-overlap:])], seam]
            return ""
        whole = "".join((*self._paste, last[: len(last) - len(last[-overlap:])], seam[:at]))
        self._paste = None
        pieces.append(PastedText(whole))
        return seam[at + len(PASTE_END) :]

    def _typed(self, text: str, now: float, pieces: list[Piece]) -> str:
        begin = text.find(PASTE_BEGIN)
        typed, rest = (text, "") if begin < 0 else (text[:begin], text[begin + len(PASTE_BEGIN) :])
        if begin >= 0:
            self._paste, self._paste_at, self.brackets = [], now, True
        elif held := self._unfinished(typed):
            typed, self._held, self._held_at = typed[: -len(held)], held, now
        self._split(typed, now, pieces)
        return rest

    def _unfinished(self, text: str) -> str:
        found = _SURE_HALF.search(text) or _HALF.search(text)
        if found:
            return found.group()
        return next((text[-n:] for n in range(len(PASTE_BEGIN) - 1, 2, -1) if text.endswith(PASTE_BEGIN[:n])), "")

    def _split(self, text: str, now: float, pieces: list[Piece]) -> None:
        """Separate keys from replies of the terminal."""
        at = 0
        for reply in _REPLY.finditer(text):
            self._keys(text[at : reply.start()], now, pieces)
            self.brackets = self.brackets or bool(_BRACKETS.match(reply.group()))
            pieces.append(TerminalReply(reply.group()))
            at = reply.end()
        self._keys(text[at:], now, pieces)

    def _keys(self, text: str, now: float, pieces: list[Piece]) -> None:
        if not text:
            return
        if not self.brackets:
            text = self._burst.filter(text, now)
        if "\x1b[" in text:
            text = _FUNCTION.sub("\x1bO\\1", text)
            text = _OTHER.sub(lambda m: _key(m[2], m[1]), _KITTY.sub(_kitty, text))
        if text:
            pieces.append(TypedText(text))


class UnmarkedPasteDetector:
    """Detects a paste without marks by its speed.

    Nobody types `\\r\\n`, or six and more characters with line ends among them between two reads. Such line ends
    become `\\n`, which is a new line and submits nothing. An Enter that ends a read and is the only one of its burst
    submits: a script or a dictation that types one line and Enter intends it.
    """

    FAST = 0.008  # seconds between the keys of a burst
    SOON = 0.020  # seconds between the last key of a burst and its Enter
    MANY = 6  # characters, the least of a burst

    def __init__(self) -> None:
        self._last = 0.0
        self._run = 0  # printable characters of the burst
        self._lines = False  # the burst has a line end
        self._after_return = False

    def filter(self, text: str, now: float) -> str:
        """Return the text of one read, with the line ends of a paste turned into new lines."""
        gap = now - self._last
        self._last = now
        if gap > (self.FAST if "\r" not in text[:1] else self.SOON):
            self._run, self._lines, self._after_return = 0, False, False
        if "\x1b" in text:
            self._run = 0
            return text
        text = self._join(text)
        returns = text.count("\r")
        printable = len(text) - returns - text.count("\n")
        self._run += printable
        inner = text.rstrip("\r\n") != text.rstrip("\r\n").replace("\r", "")
        pasted = self._run >= self.MANY and self._run >= 3 * returns and (inner or self._lines)
        if pasted or self._lines:
            self._lines = True
            return text.replace("\r", "\n")
        if returns:
            self._run = 0
        return text

    def _join(self, text: str) -> str:
        """Turn `\\r\\n` into one new line, also if it is split between two reads."""
        if self._after_return and text.startswith("\n"):
            text = text[1:]
        self._after_return = text.endswith("\r")
        if "\r\n" in text:
            self._lines = True
            text = text.replace("\r\n", "\n")
        return text


def _kitty(found: re.Match[str]) -> str:
    return _key(found[1], found[2] or "1")


def _key(number: str, modifiers: str) -> str:
    """Return the bytes that older terminals send for a key of the keyboard protocols; "" if there are none."""
    code, bits = whole_number(number) or 0, (whole_number(modifiers) or 1) - 1
    shift, alt, ctrl = bool(bits & 1), bool(bits & 2), bool(bits & 4)
    if code == 13:
        return "\n" if shift or ctrl else "\x1b\r" if alt else "\r"
    if code == 9 and shift:
        return "\x1b[Z"
    if code in (9, 27, 127):
        return ("\x1b" if alt else "") + ("\x17" if ctrl and code == 127 else chr(code))
    if not 32 <= code < 0xD800:  # above are surrogates, and keys without a character
        return ""
    character = chr(code)
    if ctrl and (control := _control(character)):
        character = control
    elif shift:
        character = character.upper()
    return ("\x1b" if alt else "") + character


def _control(character: str) -> str:
    if character in " @2":
        return "\x00"
    lower = character.lower()
    if "a" <= lower <= "z" or character in "[\\]^_":
        return chr(ord(lower) & 0x1F)
    return "\x1f" if character in "/-" else ""
