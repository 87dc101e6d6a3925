"""The words of a line that bash completes, and candidates written in the quotes of that line."""

from __future__ import annotations

_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=:,./@%")
_BREAKS = "=:"  # where bash begins a new word by itself, unless COMP_WORDBREAKS lacks them


class CompletionLine:
    """A line up to the cursor, as bash reads it; an open quote is not closed.

    words   the words before the last one, without the first, which is the program
    last    the last word without its quotes
    quote   the quote that is open at the end, or ""
    """

    def __init__(self, line: str) -> None:
        found: list[str] = []
        word: list[str] | None = None
        self.quote = ""
        self._bare = True  # the last word has no quote
        self._open_at = 0  # characters of the last word before its open quote
        escaped = False
        for c in line:
            if escaped:
                word = [*(word or ()), *(() if c == "\n" else (c,))]
                escaped = False
            elif c == "\\" and self.quote != "'":
                escaped = True
            elif self.quote:
                if c == self.quote:
                    self.quote = ""
                else:
                    assert word is not None
                    word.append(c)
            elif c in "'\"":
                self.quote, self._bare = c, False
                word = word or []
                self._open_at = len(word)
            elif c.isspace():
                found += ["".join(word)] if word is not None else []
                word, self._bare = None, True
            else:
                word = [*(word or ()), c]
        self.words = found[1:]
        self.last = "".join(word or ())

    def written(self, value: str, breaks: str) -> str | None:
        """Return what bash has to insert for a candidate, None if the open quote cannot hold it.

        breaks   COMP_WORDBREAKS: bash replaces only the text after the last of these characters
        """
        if self.quote:
            rest = value[self._open_at :]
            return None if set(rest) & set("'" if self.quote == "'" else '"$`\\!') else rest
        at = max((self.last.rfind(c) + 1 for c in _BREAKS if c in breaks), default=0) if self._bare else 0
        return bash_quoted(value[at:])


def bash_quoted(text: str) -> str:
    """Quote a text for bash with backslashes; letters of other scripts stay as they are."""
    return "".join(c if c in _PLAIN or (c.isalnum() and not c.isascii()) else f"\\{c}" for c in text)
