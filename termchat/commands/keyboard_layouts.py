"""Map a command typed with an active input method back to the Latin letters of the pressed keys.

Covers Hangul of the two-set keyboard and kana of the JIS keyboard, where a character maps to fixed keys.
"""

from __future__ import annotations

from collections.abc import Mapping


def _apart(keys: str) -> list[str]:
    return keys.split(" ")


_FIRST_SYLLABLE, _LAST_SYLLABLE = 0xAC00, 0xD7A3
_LEADS = _apart("r R s e E f a q Q t T d w W c z x v g")
_VOWELS = _apart("k o i O j p u P h hk ho hl y n nj np nl b m ml l")
_TAILS = ["", *_apart("r R rt s sw sg e f fr fa fq ft fx fv fg a q qt t T d w c z x v g")]
_LETTERS = _apart("r R rt s sw sg e E f fr fa fq ft fx fv fg a q Q qt t T d w W c z x v g")  # U+3131 and following
_KANA = "ちこそしいはきくにまのりもみらせたすとかなひてさんつ"  # on the keys a to z


def _table() -> Mapping[str, str]:
    hangul = {chr(0x3131 + n): keys for n, keys in enumerate((*_LETTERS, *_VOWELS))}
    return {**hangul, **dict(zip(_KANA, "abcdefghijklmnopqrstuvwxyz", strict=True))}


_KEYS = _table()


def latin_keys(text: str) -> str:
    """Return the Latin letters of the keys that type this text, in lower case; ASCII text is returned unchanged."""
    return text if text.isascii() else "".join(map(_pressed, text)).lower()


def _pressed(character: str) -> str:
    code = ord(character) - _FIRST_SYLLABLE
    if not 0 <= code <= _LAST_SYLLABLE - _FIRST_SYLLABLE:
        return _KEYS.get(character, character)
    return _LEADS[code // 588] + _VOWELS[code % 588 // 28] + _TAILS[code % 28]
