"""Find the fenced code blocks of a Markdown text, in lists and quotes too, by the rules of CommonMark."""

from __future__ import annotations


def code_blocks(text: str) -> tuple[str, ...]:
    """Return the code of each fenced block in order, without its last line end.

    A block that is never closed, as in a truncated reply, ends with its list item, its quote or the text.
    """
    from markdown_it import MarkdownIt  # a slow import, needed by /copy alone

    tokens = MarkdownIt("commonmark").disable("inline").parse(text)  # blocks are enough, and five times as fast
    return tuple(token.content.removesuffix("\n") for token in tokens if token.type == "fence")
