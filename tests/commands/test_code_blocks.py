"""Code blocks of any text, compared with a CommonMark parser."""

from __future__ import annotations

import random

import pytest
from markdown_it import MarkdownIt

from termchat.commands.answers.code_blocks import code_blocks


@pytest.mark.parametrize(
    ("text", "blocks"),
    [
        ("none `here` at all", ()),
        ("a\n\n```python\nx = 1\n\ny = 2\n```\nb\n~~~\nz\n~~~", ("x = 1\n\ny = 2", "z")),
        ("````md\n```sh\nls\n```\n````", ("```sh\nls\n```",)),
        ("1. first\n\n   ```sh\n   ls\n     -l\n   ```\n2. second\n", ("ls\n  -l",)),
        ("- ```\n  a\n  ```\n", ("a",)),
        ("> ```\n> a\n>\n> b\n> ```\n", ("a\n\nb",)),
        ("> ```\n> a\nafter\n", ("a",)),
        ("- ```\n  a\nafter the item\n", ("a",)),
        ("```\nnever closed\n", ("never closed",)),
        ("```\r\na\r\n```\r\n", ("a",)),
        ("    ```\n    indented code\n    ```\n", ()),
        ("``` not `a` fence\n", ()),
        ("```\n```\n", ("",)),
        ("```\n\tkept\n```", ("\tkept",)),
        ("***\n```\na\n```", ("a",)),
    ],
)
def test_code_blocks_of_text_match_commonmark(text: str, blocks: tuple[str, ...]) -> None:
    assert code_blocks(text) == blocks


_LINES = ("```", "```py", "~~~", "````", "- a", "  ```", "- ```js", "1. x", "   ```", "> ```", "", "  code", "- - ```")


def test_code_blocks_match_reference_parser() -> None:
    parser, rng = MarkdownIt("commonmark"), random.Random(7)
    for _ in range(2000):
        lines: list[str] = []
        for _ in range(rng.randint(1, 9)):
            lines += [rng.choice(_LINES), ""]  # blank lines between prevent lazy continuation
        text = "\n".join(lines)
        expected = [token.content.strip("\n") for token in parser.parse(text) if token.type == "fence"]
        assert [block.strip("\n") for block in code_blocks(text)] == expected, text
