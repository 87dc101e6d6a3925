"""Streamed Markdown for a terminal's own scrollback.

    chunks -> Document -> (final rows, live rows) -> Painter or Screen -> bytes

Everything that Markdown may change backwards is bounded, by the same rules in a stream and in one shot: rows
become final soon, never change afterwards, and cost the same however long the text before them is. The bounds:

    heading by underline    the paragraph above has at most 240 characters
    table                   the header line has at most 1000; header and first 16 rows decide the widths
    emphasis, links, code   closed within 2000 characters, less where over 80 signs crowd, else the opener is literal
    one line                what it begins is decided by its first 240 characters
    nesting                 64 containers, deeper signs are text
    reference definitions   text; a reference is not resolved
    HTML                    text

LaTeX is kept as it was written: `\\(..\\)`, `\\[..\\]`, `$..$`, `$$..$$`, and as a block of its own where a line is
nothing but `$$` or `\\[`, up to the line that closes it or an empty one. Blank rows stand where the source has
empty lines, above headings, and around code, tables and formulas.

Importing this package is cheap; markdown-it and pygments are imported when the first text needs them.
"""

from termchat.core.sanitize import Safe
from termchat.ui.markdown.document import Document, Rows
from termchat.ui.text.row import Roles, Row, Segment

__all__ = ["Document", "Roles", "Row", "Rows", "Segment", "render"]


def render(text: Safe, width: int, *, hyperlinks: bool = True, signs: bool = True) -> list[Row]:
    """Lay out a whole text at once, exactly as it looks after streaming with the same options."""
    document = Document(width, hyperlinks=hyperlinks, signs=signs)
    document.feed(text)
    document.close()
    return document.take()
