"""Streamed Markdown for the scrollback of a terminal.

    pieces of text -> Document -> final rows and a preview -> ui/terminal/row_painter.py -> bytes

Rows become final soon and never change afterwards; a row costs the same however long the text before it is. A stream
and a whole text give the same rows. That holds because all that Markdown may change backwards is bounded:

    heading by underline    the paragraph above has at most 240 characters
    table                   the header line has at most 1000; header and first 16 rows decide the widths
    emphasis, links, code   closed within 2000 characters, fewer in text of over 80 signs, else the opener is literal
    one line                its first 240 characters decide what it begins
    nesting                 64 containers; deeper signs are text
    reference definitions   text; references are not resolved
    HTML                    text

Formulas are shown as Unicode: `\\(..\\)`, `\\[..\\]`, `$..$` and `$$..$$` on one line; as a block, in two dimensions
where they fit, a formula that begins a line with `$$` or `\\[`, up to the line that closes it. A formula that has an
unknown command, is too long or is not closed is shown as written. A blank row separates blocks where the source has
empty lines, above headings, and around code, tables and formulas.

Rejected alternatives: parsing the whole text again with markdown-it for each frame is quadratic, and rows above the
window could change after they have scrolled away; committing whole blocks shows a long paragraph or table only at its
end; rich.Live repaints all rows, flickers, and cannot draw more than a screen.

Importing this package is cheap; markdown-it, pygments, pylatexenc and rich are imported when the first text needs them.
"""

from termchat.core.sanitize import Safe
from termchat.ui.markdown.document import Document, Rows
from termchat.ui.markdown.renderable import Block, Markdown
from termchat.ui.text.row import Roles, Row, Segment

__all__ = ["Block", "Document", "Markdown", "Roles", "Row", "Rows", "Segment", "render"]


def render(
    text: Safe, width: int, *, hyperlinks: bool = True, signs: bool = True, math: bool = True, headers: bool = False
) -> list[Row]:
    """Lay out a whole text at once, exactly as it looks after streaming with the same options.

    width   in columns; the options are the fields of `Markdown`
    """
    return Markdown(text, hyperlinks=hyperlinks, signs=signs, math=math, headers=headers).rows(width)
