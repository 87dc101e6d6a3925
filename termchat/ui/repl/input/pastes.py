"""Large pastes and attachments, folded into labels that name their size.

In the input a folded paste or an attached file is one character of a private plane, so that the cursor, Backspace,
kills and undo treat it as a unit and never leave half of it. The input shows its label instead. An attachment that the
text mentions stands where it is mentioned, and its mention stays in the words of the message.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from termchat.core.messages import Part, attachment_name
from termchat.core.sanitize import Safe, safe, safe_format
from termchat.ui.phrases import attachment_label, size

FOLD_CHARS = 1000
FOLD_LINES = 15
_FIRST = 0x100001  # in the last private use plane, whose characters never occur in text
_MARK = re.compile("[\U00100001-\U0010fffd]")


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file of a message, or several of one mention; `words` is that mention, "" for a file without one."""

    parts: tuple[Part, ...]
    words: str = ""


@dataclass(slots=True)
class Pastes:
    """The pastes and attachments of a session by number; a number is never reused."""

    _kept: list[str | Attachment] = field(default_factory=list["str | Attachment"])

    def fold(self, text: str) -> str:
        """Return the text, or a mark if the text is large."""
        text = cleaned(text)
        if len(text) < FOLD_CHARS and text.count("\n") + 1 < FOLD_LINES:
            return text
        return self.keep(text)

    def keep(self, text: str) -> str:
        """Store a text and return its mark."""
        return self._mark(text)

    def attach(self, *parts: Part, words: str = "") -> str:
        """Store an attachment, with its mention if the text has one, and return its mark."""
        return self._mark(Attachment(parts, words))

    def expand(self, text: str) -> str:
        """Replace every mark by its pasted text or its mention; the marks of other attachments are left out."""
        return _MARK.sub(lambda m: self._text(m.group()), text)

    def attachments(self, text: str) -> tuple[Part, ...]:
        """Return the attachments whose marks are in the text, in order."""
        found = (self._at(mark) for mark in _MARK.findall(text))
        return tuple(part for kept in found if isinstance(kept, Attachment) for part in kept.parts)

    def attachment_marks(self, text: str) -> str:
        """Return the marks of the attachments in the text that have no words in it."""
        found = ((mark, self._at(mark)) for mark in _MARK.findall(text))
        return "".join(mark for mark, kept in found if isinstance(kept, Attachment) and not kept.words)

    def without_attachment(self, text: str, name: str) -> str:
        """Return the text without the mark of an attachment, by its name or its number from 1."""
        marks = [mark for mark in _MARK.findall(text) if isinstance(self._at(mark), Attachment)]
        for number, mark in enumerate(marks, 1):
            kept = self._at(mark)
            names = [attachment_name(part) for part in kept.parts] if isinstance(kept, Attachment) else []
            if name == str(number) or name in names:
                return text.replace(mark, "", 1)
        return text

    def shown(self, text: str) -> str:
        """Replace every mark by its label."""
        return _MARK.sub(lambda m: self.label(m.group()) or m.group(), text)

    def label(self, mark: str) -> Safe | None:
        """Return `[Pasted #1 · 132 lines · 4.8 kB]`, or None if the character is not a mark of this session.

        The label of an attachment without words ends with a blank, which sets it apart from the words after it.
        """
        text = self._at(mark)
        if text is None:
            return None
        if isinstance(text, Attachment):
            labels = Safe(" ".join(map(attachment_label, text.parts)))
            return labels if text.words else Safe(f"{labels} ")
        lines = text.removesuffix("\n").count("\n") + 1
        return safe_format(
            "[Pasted #{n} · {lines} · {size}]",
            n=safe(str(ord(mark) - _FIRST + 1)),
            lines=safe(f"{lines} lines" if lines > 1 else "1 line"),
            size=size(len(text.encode("utf-8", "replace"))),
        )

    def refold(self, text: str, marked: str) -> str:
        """Fold the pastes and mentions of `marked` that an edited text still has, and keep its attachments."""
        for mark in _MARK.findall(marked):
            kept = self._at(mark)
            words = kept if isinstance(kept, str) else kept.words if kept else ""
            if words:
                text = text.replace(words, mark, 1)
        return self.attachment_marks(marked) + text

    def nearest(self, text: str, cursor: int) -> int | None:
        """Return the offset of the paste nearest to the cursor, the one under it first; None without a paste."""
        found = (hit.start() for hit in _MARK.finditer(text) if isinstance(self._at(hit.group()), str))
        return min(found, key=lambda at: abs(at + 0.4 - cursor), default=None)

    def _text(self, mark: str) -> str:
        kept = self._at(mark)
        return mark if kept is None else kept if isinstance(kept, str) else kept.words

    def _at(self, mark: str) -> str | Attachment | None:
        number = ord(mark) - _FIRST
        return self._kept[number] if 0 <= number < len(self._kept) else None

    def _mark(self, kept: str | Attachment) -> str:
        self._kept.append(kept)
        return chr(_FIRST + len(self._kept) - 1)


def cleaned(text: str) -> str:
    """Return a pasted text with LF line ends, without NUL and lone surrogates."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")
    return re.sub("[\ud800-\udfff]", "", text)
