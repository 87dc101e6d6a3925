"""Parse lines into blocks with the algorithm of CommonMark, which keeps the open blocks on a stack.

A line is matched against the open containers (quotes, list items) from the outermost to the innermost. The rest may
open new blocks, and the text goes to the open leaf (paragraph, code, table). Only the leaf can still change, so the
cost of a line depends on its length and the depth of the stack alone.

The algorithm: https://spec.commonmark.org/0.31.2/#appendix-a-parsing-strategy
"""

from __future__ import annotations

from dataclasses import replace

from termchat.core.sanitize import Safe
from termchat.core.style import TextRole
from termchat.ui.markdown import line_syntax
from termchat.ui.markdown.code import Indented
from termchat.ui.markdown.fences import Fence, Formula
from termchat.ui.markdown.latex import display_closer, is_display_line
from termchat.ui.markdown.layout import NARROWEST, BlockKind, Container, Item, LayoutBuffer, Quote
from termchat.ui.markdown.leaf import Leaf
from termchat.ui.markdown.paragraph import Paragraph
from termchat.ui.markdown.table import Table
from termchat.ui.text.row import Segment
from termchat.ui.text.wrap import OpenLine

DEEPEST = 64  # containers within each other; the markers of deeper ones are text
_NEVER = 1 << 30  # the offset of an item that no line can belong to


class BlockParser:
    """Parse lines, each in one piece or several, and add rows to the buffer as soon as they are final.

    buffer   the buffer for the rows; its stack holds the open containers
    leaf     the open leaf
    """

    def __init__(self, buffer: LayoutBuffer) -> None:
        self.buffer = buffer
        self.leaf: Leaf | None = None
        self._whole = True  # True if all of the current line is known
        self._preview = False

    def copy(self) -> BlockParser:
        """Return an independent parser in the same state, with an empty buffer, for a preview."""
        copied = BlockParser(self.buffer.copy())
        copied.leaf = self.leaf.copy() if self.leaf else None
        return copied

    def begin(self, text: str, *, whole: bool, preview: bool = False) -> None:
        """Begin a line with all or the first part of its text, without tabs and line end.

        `whole` is True if `text` is all of the line: only then it can be a fence, a rule, an underline or a part of a
        table. `preview` is True for an unfinished line, whose text is hidden if it may turn out to be a marker.
        """
        self._whole, self._preview = whole, preview
        depth, rest = self._match_containers(text)
        matched = depth == len(self.buffer.stack)
        if matched and isinstance(self.leaf, (Fence, Formula)) and self._verbatim(self.leaf, rest):
            return
        self._open(depth, rest)

    def more(self, text: str) -> None:
        """Append text to the line."""
        if self.leaf:
            self.leaf.more(self.buffer, text)
            return
        body = text.lstrip(" ")
        if body:
            self.leaf = Paragraph()
            self.leaf.line(self.buffer, body)

    def end(self) -> None:
        """End the line."""
        if self.leaf is None:
            return
        self.leaf.end(self.buffer)
        if (isinstance(self.leaf, Paragraph) and self.leaf.level) or (
            isinstance(self.leaf, Formula) and self.leaf.done
        ):
            self._close_leaf()

    def resize(self, width: int) -> None:
        """Change the width in columns; rows that are not final yet are laid out again."""
        width = max(NARROWEST, width)
        if width == self.buffer.options.width:
            return
        self.buffer.options = replace(self.buffer.options, width=width)
        if self.leaf:
            self.leaf.resize(self.buffer)

    def close(self, *, preview: bool = False) -> None:
        """End the text: close all blocks and add their last rows; a preview keeps the containers open."""
        if self.leaf:
            self.leaf.close(self.buffer, preview=preview)
            self.leaf = None
        if not preview:
            self.buffer.pop_to(0)

    def _match_containers(self, text: str) -> tuple[int, str]:
        """Return the number of open containers the line is in, and the line without their markers."""
        for depth, container in enumerate(self.buffer.stack):
            body = text.lstrip(" ")
            indent = len(text) - len(body)
            if isinstance(container, Quote):
                if indent > 3 or not body.startswith(">"):
                    return depth, text
                text = body[2:] if body.startswith("> ") else body[1:]
            elif not body:
                if self._empty(depth):
                    return depth, ""
                text = ""
            elif indent >= container.offset:
                text = text[container.offset :]
            else:
                return depth, text
        return len(self.buffer.stack), text

    def _empty(self, depth: int) -> bool:
        """Return True if the container has no content yet."""
        return self.leaf is None and self.buffer.pending_markers > 0 and depth == len(self.buffer.stack) - 1

    def _verbatim(self, leaf: Fence | Formula, rest: str) -> bool:
        """Pass a line to a fence or formula; return False if it is not a part of that block."""
        if self._preview and leaf.hidden_in_preview(rest):
            return True
        taken = leaf.accepts(rest, whole=self._whole)
        if taken:
            leaf.line(self.buffer, rest)
        if leaf.done:
            self._close_leaf()
        return taken or leaf.done

    def _open(self, depth: int, rest: str) -> None:
        """Open the blocks that the rest of the line begins, and pass its text to the leaf."""
        first = True
        while True:
            body = rest.lstrip(" ")
            indent = len(rest) - len(body)
            if not body:
                self._blank(depth, first)
                return
            if self._preview and self._whole and line_syntax.may_become_marker(body):
                return
            if indent >= 4:
                self._indented(depth, rest, first)
                return
            inside = first and depth == len(self.buffer.stack)
            opened = self._container(depth, indent, body, inside) if len(self.buffer.stack) < DEEPEST else None
            if opened is None:
                break
            rest, first = opened, False
            depth = len(self.buffer.stack)
        self._block(depth, indent, body, first)

    def _container(self, depth: int, indent: int, body: str, inside: bool) -> str | None:
        """Open the container the line begins with; return the rest of the line, or None if it begins no container."""
        if body[0] == ">":
            self._push(depth, Quote())
            return body[2:] if body.startswith("> ") else body[1:]
        if self._whole and line_syntax.is_thematic_break(body):
            return None
        marker = line_syntax.marker(body)
        if marker is None or (self._whole and inside and self._underlines(body)):
            return None
        if inside and isinstance(self.leaf, Paragraph) and not self._interrupts(marker, body):
            return None
        rest = body[marker.size :]
        text = rest.lstrip(" ")
        space = len(rest) - len(text)
        padding = space if text and 1 <= space <= 4 else 1
        number = marker.number
        before = self.buffer.stack[depth] if depth < len(self.buffer.stack) else None
        if isinstance(before, Item) and before.kind == marker.kind and before.number is not None:
            number = before.number + 1
        self._push(depth, Item(indent + marker.size + padding, marker.kind, number))
        return rest[padding:]

    def _interrupts(self, marker: line_syntax.Marker, body: str) -> bool:
        """Return True if the item may interrupt a paragraph: it is not empty, and its number, if any, is 1."""
        return body[marker.size :].strip() != "" and marker.number in (None, 1)

    def _underlines(self, body: str) -> bool:
        return isinstance(self.leaf, Paragraph) and self.leaf.can_be_heading and line_syntax.setext_level(body) > 0

    def _push(self, depth: int, container: Container) -> None:
        self._close_unmatched(depth)
        self.buffer.push(container)

    def _close_unmatched(self, depth: int) -> None:
        """Close the leaf and the containers deeper than `depth`."""
        self._close_leaf()
        self.buffer.pop_to(depth)

    def _close_leaf(self) -> None:
        if self.leaf:
            self.leaf.close(self.buffer)
            self.leaf = None

    def _blank(self, depth: int, first: bool) -> None:
        """Handle an empty line; nothing after the marker of a container is not one."""
        if not first:
            return
        if depth < len(self.buffer.stack):
            self._leave(depth)
        elif isinstance(self.leaf, Indented):
            self.leaf.blank()
        elif depth and self._left(self.buffer.stack[-1]):
            self._close_unmatched(depth - 1)
        else:
            self._close_leaf()
        self.buffer.blank = True

    def _left(self, container: Container) -> bool:
        """Return True for an item that stayed empty and is open only to continue its list."""
        return isinstance(container, Item) and container.offset == _NEVER

    def _leave(self, depth: int) -> None:
        """Close the blocks an empty line is not in.

        An item that stayed empty is replaced by one no line can belong to, so that its list can continue. A second
        empty line ends that list, as in markdown-it.
        """
        container = self.buffer.stack[depth]
        self._close_unmatched(depth)
        if isinstance(container, Item):
            self.buffer.stack = (*self.buffer.stack, Item(_NEVER, container.kind, container.number))

    def _indented(self, depth: int, rest: str, first: bool) -> None:
        """Handle a line indented by at least four columns: text of the open paragraph, or code."""
        if first and isinstance(self.leaf, Paragraph):
            self._continue(rest.lstrip(" "), header=False)
            return
        if not (first and depth == len(self.buffer.stack) and isinstance(self.leaf, Indented)):
            self._close_unmatched(depth)
            self.leaf = Indented()
        assert self.leaf is not None
        self.leaf.line(self.buffer, rest[4:])

    def _continue(self, body: str, *, header: bool) -> None:
        assert isinstance(self.leaf, Paragraph)
        self.leaf.line(self.buffer, body, header=header)

    def _block(self, depth: int, indent: int, body: str, first: bool) -> None:
        """Begin a block with the line, or continue the paragraph or table above it."""
        inside = first and depth == len(self.buffer.stack)
        if self._whole and inside and (self._start_table(body) or self._setext_heading(body)):
            return
        if self._begins(depth, indent, body):
            return
        if inside and isinstance(self.leaf, Table):
            self._cells(self.leaf, body)
            return
        header = self._whole and "|" in body
        footnote = line_syntax.footnote(body)
        if first and isinstance(self.leaf, Paragraph) and not footnote:
            self._continue(body, header=header and inside)
            return
        self._close_unmatched(depth)
        lead, size = self._task(body)
        if footnote:
            lead, size = line_syntax.footnote_number(footnote[0], signs=self.buffer.options.signs), footnote[1]
        self.leaf = Paragraph(lead=lead)
        self.leaf.line(self.buffer, body[size:].lstrip(" "), header=header)

    def _task(self, body: str) -> tuple[str, int]:
        """Return the checkbox to show before the text of a new list item, and the size of its source.

        The checkbox of an item with a bullet is shown instead of the bullet.
        """
        item = self.buffer.stack[-1] if self.buffer.pending_markers else None
        box = line_syntax.task(body) if isinstance(item, Item) else ""
        if not box or not isinstance(item, Item):
            return "", 0
        shown = self.buffer.options.sign("☐" if box == "[ ]" else "☑", box)
        if item.number is not None:
            return shown, len(box)
        self.buffer.stack = (*self.buffer.stack[:-1], replace(item, task=shown))
        return "", len(box)

    def _cells(self, table: Table, body: str) -> None:
        """Add a row to the table; a preview hides an unfinished row."""
        if not self._preview:
            table.line(self.buffer, body)

    def _start_table(self, body: str) -> bool:
        """Begin a table if the line is a delimiter row with as many columns as the line above it."""
        if not isinstance(self.leaf, Paragraph) or not self.leaf.header:
            return False
        alignments = line_syntax.alignments(body)
        header = self.leaf.header
        if not alignments or len(line_syntax.split_row(header)) != len(alignments):
            return False
        if self.leaf.take_header():
            self._close_leaf()
        self.leaf = Table(self.buffer, header, alignments)
        return True

    def _setext_heading(self, body: str) -> bool:
        """Turn the paragraph above into a heading if the line underlines it."""
        level = line_syntax.setext_level(body)
        if not level or not isinstance(self.leaf, Paragraph) or not self.leaf.can_be_heading:
            return False
        self.leaf.level = level
        self._close_leaf()
        return True

    def _begins(self, depth: int, indent: int, body: str) -> bool:
        """Open the heading, fence or formula the line begins, or add a rule; return False for any other line."""
        heading = line_syntax.heading(body, whole=self._whole)
        if heading:
            level, text = heading
            self._close_unmatched(depth)
            self.leaf = Paragraph(level)
            self.leaf.line(self.buffer, text)
            return True
        if not self._whole:
            return False
        fencing = line_syntax.fence(body)
        closer = display_closer(body)
        if closer and self.buffer.pending_markers and is_display_line(body):
            closer = ""  # one formula as an item of a list stays beside its marker
        if fencing:
            self._close_unmatched(depth)
            self.buffer.fences += 1
            self.leaf = Fence(fencing, indent, self.buffer.fences)
        elif closer:
            self._close_unmatched(depth)
            self.leaf = Formula(closer, math=self.buffer.options.math)
            self.leaf.line(self.buffer, body)
            self.leaf.done = is_display_line(body)
        elif line_syntax.is_thematic_break(body):
            self._close_unmatched(depth)
            self._rule()
        else:
            return False
        return True

    def _rule(self) -> None:
        sign = self.buffer.options.sign("─", "-")
        self.buffer.begin(BlockKind.TEXT)
        size = min(24, self.buffer.line_space.limit(soft=False))
        self.buffer.put([OpenLine([Segment(Safe(sign * size), (TextRole.MARKER,))], size, False)])
