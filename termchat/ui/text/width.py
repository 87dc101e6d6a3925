"""Measure text in cells and find the places to break it: grapheme clusters, East Asian widths, kinsoku.

Widths and clusters are those of wcwidth, which follows UAX #11 and UAX #29. Kinsoku are the rules for characters that
may not begin or end a line (JIS X 4051; for Chinese, https://www.w3.org/TR/clreq/).
"""

from __future__ import annotations

import re
from typing import NamedTuple

import wcwidth

# The characters that join or modify others or come in pairs, as a regex class.
# In text without any of them every cluster is one code point.
JOINING = (
    "\u0300-\u036f\u0483-\u0489\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06ed\u0700-\u1cff\u1dc0-\u1dff"
    "\u200b-\u200f\u2060-\u2064\u20d0-\u20f0\u302a-\u302f\u3099\u309a\ua66f-\ua6f1\ua800-\uabff\ud7b0-\ud7ff"
    "\ufe00-\ufe0f\ufe20-\ufe2f\ufeff\U00010a00-\U00011fff\U0001cf00-\U0001ffff\U000e0000-\U000e0fff"
)
_JOINING = re.compile(f"[{JOINING}]")
_IDEOGRAPHIC = re.compile(
    "[\u2e80-\u303f\u3040-\u30ff\u3100-\u312f\u3190-\u31ff\u3200-\u9fff\uf900-\ufaff\ufe30-\ufe4f\uff01-\uff9f\uffe0-\uffe6"
    "\U0001b000-\U0001b2ff\U00020000-\U0003fffd]"
)
# Kinsoku: a line does not begin with one of these.
_NOT_FIRST = frozenset(
    "，。、．：；！？）］｝〕〉》」』】〗〙〛｠»›”’…‥—～ー・ゝゞヽヾ々〻ぁぃぅぇぉっゃゅょゎゕゖァィゥェォッャュョヮヵヶㇰㇱㇲㇳㇴㇵㇶㇷㇸㇹㇺㇻㇼㇽㇾㇿ"
    ",.:;!?)]}%‰°′″℃·"
)
# Kinsoku: a line does not end with one of these.
_NOT_LAST = frozenset("（［｛〔〈《「『【〖〘〚｟«‹“‘([{￥＄￡$£€¥#＃")
_EMOJI = "\ufe0f"  # variation selector 16: draws the character before it as an emoji, two cells wide
_LONGEST_CLUSTER = 64  # characters; a longer cluster is neither held for its end nor cached


class Cluster(NamedTuple):
    """A grapheme cluster of at most two cells.

    text     its code points
    cells    its width
    widest   its width on a terminal that draws the code points one by one
    """

    text: str
    cells: int
    widest: int


class WidthTable:
    """Measure text in cells and split it into grapheme clusters, with a cache of measured clusters."""

    def __init__(self) -> None:
        self._one: dict[str, Cluster] = {}

    def width(self, text: str) -> int:
        """Return the width of the text in cells."""
        if text.isascii():
            return len(text)
        if _JOINING.search(text):
            return sum(cluster.cells for cluster in self.clusters(text))
        return wcwidth.wcswidth(text)

    def clusters(self, text: str) -> list[Cluster]:
        """Split the text into grapheme clusters; one wider than two cells becomes several."""
        if not _JOINING.search(text):
            return [self._cluster(char) for char in text]
        clusters: list[Cluster] = []
        for grapheme in wcwidth.iter_graphemes(text):
            cluster = self._cluster(grapheme)
            clusters += [cluster] if cluster.cells <= 2 else self._apart(grapheme)
        return clusters

    def is_unambiguous(self, text: str) -> bool:
        """Return True if every cluster of the text is a single code point."""
        return text.isascii() or not _JOINING.search(text)

    def is_disputed(self, text: str) -> bool:
        """Return True if terminals disagree on the width of a cluster of the text."""
        if not _JOINING.search(text):
            return False
        return any(cluster.cells != cluster.widest for cluster in self.clusters(text))

    def _apart(self, grapheme: str) -> list[Cluster]:
        """Split a grapheme that no terminal draws as one character, such as a letter with a skin tone."""
        parts: list[str] = []
        for char in grapheme:
            part = parts[-1] if parts else ""
            mark = wcwidth.wcwidth(char) <= 0 and (char != _EMOJI or len(part) > _LONGEST_CLUSTER)
            if part and (mark or self._measure(part + char).cells <= 2):
                parts[-1] += char
            else:
                parts.append(char)
        return [self._cluster(part) for part in parts]

    def _cluster(self, text: str) -> Cluster:
        found = self._one.get(text)
        if found is None:
            found = self._measure(text)
            if len(text) <= _LONGEST_CLUSTER and len(self._one) < 8192:  # bounds the memory for text in many scripts
                self._one[text] = found
        return found

    def _measure(self, text: str) -> Cluster:
        cells = max(0, wcwidth.wcswidth(text))
        if len(text) == 1:
            return Cluster(text, cells, cells)
        apart = sum(max(0, wcwidth.wcwidth(char)) for char in text)
        return Cluster(text, cells, max(cells, apart, 2 if _EMOJI in text else 0))


WIDTHS = WidthTable()  # shared, so that each cluster is measured once


def ideographic(char: str) -> bool:
    """Return True for an ideograph, kana, or East Asian punctuation: a line may break beside it if kinsoku allows."""
    return _IDEOGRAPHIC.match(char) is not None


def breakable(before: str, after: str) -> bool:
    """Return True if a line may end between two neighbouring clusters without a blank between them."""
    if not (ideographic(before[0]) or ideographic(after[0])):
        return False
    return after[0] not in _NOT_FIRST and before[-1] not in _NOT_LAST


def grapheme_overlap(before: str, text: str) -> int:
    """Return the number of characters of a text that belong to the last grapheme cluster of `before`."""
    if not _JOINING.search(before[-1:] + text[:1]):
        return 0
    last = before[wcwidth.grapheme_boundary_before(before, len(before)) :]
    return max(0, len(next(wcwidth.iter_graphemes(last + text), "")) - len(last))


def grapheme_boundary(text: str, at: int) -> int:
    """Return the last index up to `at` that does not split a grapheme cluster, or 0."""
    if at >= len(text) or text.isascii():
        return min(at, len(text))
    return wcwidth.grapheme_boundary_before(text, at + 1)


def stable_prefix(text: str) -> int:
    """Return the number of characters of an unfinished line that come before the blanks and the cluster at its end."""
    end = len(text.rstrip(" "))
    if end < len(text) or not end:
        return end
    last = grapheme_boundary(text, end - 1)
    return last if end - last <= _LONGEST_CLUSTER else end
