"""The sanitizer: chunks do not matter, and of control characters only TAB and LF are left, of surrogates none."""

from __future__ import annotations

import unicodedata

from termchat.core.sanitize import Sanitizer, safe, safe_line
from tests.fuzz.targets import FuzzTarget, pieces, split_head

_BIDI = ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")


def _run(data: bytes) -> None:
    sizes, body = split_head(data, 3)
    even = body[: len(body) & ~1]
    text = even.decode("utf-16-le", "surrogatepass") if sizes[0] & 1 else body.decode("utf-8", "surrogateescape")
    sanitizer, whole = Sanitizer(), safe(text)
    assert "".join([*(sanitizer.feed(piece) for piece in pieces(text, sizes)), sanitizer.close()]) == whole
    assert safe(whole) == whole
    whole.encode("utf-8")
    for character in whole + safe_line(text):
        assert unicodedata.category(character) not in ("Cc", "Cs", "Zl", "Zp") or character in "\t\n", ascii(character)
        assert unicodedata.bidirectional(character) not in _BIDI, ascii(character)
    assert "\n" not in safe_line(text)


_SEEDS = ("\x1b]52;c;aGk=\x07", "a\r\nb\rc\x7f\x9b", "a\u202eb\u2066\u2069", "🙂\u200d\ufe0f", "\u2028\u2029\u0085\t\n")
sanitizer = FuzzTarget(
    _run,
    (
        *(b"\2\1\0" + text.encode() for text in _SEEDS),
        *(b"\1\1\1" + text.encode("utf-16-le") for text in _SEEDS),
        b"\1\1\1" + "\ud83d\ude42\ude42\ud83dx".encode("utf-16-le", "surrogatepass"),
    ),
)
