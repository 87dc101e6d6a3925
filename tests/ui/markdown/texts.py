"""Provide texts to render: known traps of a streaming renderer, CommonMark examples, and hypothesis strategies."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

from hypothesis import strategies as st

from termchat.core.sanitize import Safe, safe

# Number and text of every example of the CommonMark specification 0.31.2 (CC BY-SA 4.0).
SPEC: list[tuple[int, str]] = [
    (number, text) for number, text in json.loads(Path(__file__).with_name("commonmark.json").read_text("utf-8"))
]

# Texts that a streaming renderer once drew wrongly, by a description.
TRAPS = {
    "second item while it is only a digit": "1. a\n\n2. b\n",
    "ten ordered items": "".join(f"{number}. item\n" for number in range(1, 13)),
    "setext under a paragraph": "Title\nof two lines\n====\ntext",
    "setext under too long a paragraph": "word " * 90 + "\n===\n",
    "emphasis beside chinese": "这是**“重点”**内容，**注意：**请看。",
    "reference before its definition": "[a][1]\n\n[1]: http://x.y\n",
    "html": "<div>\nSECRET\n</div>\n\ninline <b>tag</b>",
    "latex": "inline \\(a_b * c_d\\) and $x_1 * y_2$\n\n\\[\na &= b \\\\\n- c\n\\]\n\n$$\nx\n$$\n",
    "display formulas": "Text:\n\\[\n\\frac{a}{b} = \\sum_{i=1}^{n} x_i^2\n\\]\n\\[ e^{x^2} \\].\n"
    "$$\\begin{pmatrix}\na & b \\\\\nc & d\n\\end{pmatrix}$$\n- $$\\frac12$$\n- \\[\n  x\n  \\]\n\n$$\n"
    + "a+" * 200
    + "b $$\nafter\n",
    "formula never closed": "$$\n" + "x + y \\\\\n" * 300,
    "formula too wide": "$$\n" + "\\frac{a}{b} + " * 30 + "c\n$$\n> \\[\n> " + "长" * 60 + "\n> \\]\n",
    "footnotes and tasks": "See[^1], [^note] and https://a.b/c_(d).\n\n[^1]: One\n[^note]: two\n\n"
    "1. [x] done\n- [ ] open\n",
    "shell and money": "`a` $HOME/bin:$PATH and $5, `$VAR` $10 or 20$ `b`",
    "prices": "It costs $5 or $10, *really*.",
    "table in a list": "- item\n\n  | a | b |\n  |---|---|\n  | 1 | 2 |\n",
    "table without space around": "text\n| a | b |\n|---|:-:|\n| 1 | 2 |\ntext",
    "wide table": "| name | description |\n|---|---|\n| x | "
    + "long words here " * 20
    + "|\n| https://example.com/"
    + "a" * 90
    + " | y |\n",
    "many columns": "|" + "column|" * 14 + "\n|" + "---|" * 14 + "\n|" + "value|" * 14 + "\n",
    "many rows": "| a | b |\n|---|---|\n" + "".join(f"| {row} | {'x' * row} |\n" for row in range(40)),
    "fence in fence": "````md\n```python\nx = 1\n```\n````\n",
    "fence in list in quote": "> - item\n>\n>   ```sh\n>   ls -la   \n>\n>   cd\n>   ```\n> after\n",
    "open fence": "```python\ndef f():\n    '''doc\n    more",
    "long code line": "```\n" + "x = 1; " * 60 + "\n```\n",
    "very long code line": "```python\n" + "abc " * 400 + "   \nshort\n```\n",
    "long word": "see " + "https://example.com/" + "path/" * 40 + " there",
    "long chinese word in a list": "- " + "长" * 300,
    "never closed strong": "**" + "open words " * 300,
    "never closed chinese": "**“" + "一直没有结束" * 200,
    "never closed link": "[text " * 100 + "(http://a.b",
    "emoji at the edge": "x" * 18 + "👍🏽" + "y" * 17 + "👨‍👩‍👧" + "⚠️ 🇨🇳 " * 30,
    "combining": "e\u0301" * 100 + " \u0301start",
    "right to left": "שלום עולם and مرحبا بالعالم",
    "entities": "&#27;[31m &#x202e; &amp; &#9; &#10; &nbsp;|",
    "tabs": "\tcode\tcode\n\n-\titem\n\n>\tquote\n\na\tb\t\nc",
    "hard breaks": "one  \ntwo\\\nthree   \n",
    "long heading": "# " + "word " * 47 + "ab # cd ef" + " end" * 20 + " ##\ntext",
    "long blank lines": "    code\n" + " " * 300 + "x\n    more\n\n" + " " * 300 + "\n> " + " " * 250 + "y\n",
    "blank lines": "a" + "\n" * 50 + "b",
    "empty things": "-\n\n- a\n-\n\n>\n\n#\n\n```\n```\n1.\n",
    "deep quotes": ">" * 80 + " deep",
    "deep lists": "".join("  " * depth + "- x\n" for depth in range(70)),
    "task list": "- [ ] open\n- [x] done\n- [z] none\n",
    "nested markup": "***a** b* ~~c **d**~~ `e ``f`` g` [**h**](http://x.y) ![i *j*](k.png)",
    "kinsoku": "「括号」，句号。" * 30,
    "chinese with soft line ends": "中文\n中文\nEnglish\n中文",
    "nested images": "![" * 90 + "a" + "](x)" * 90,
    "nested links": "[" * 150 + "a" + "](x)" * 150,
    "many openers": "[`*_" * 200,
    "half open formulas": "\\(a $b " * 100,
    "many blanks": "a" + " " * 3000 + "b\n" + " " * 3000 + "c",
    "many combining": "e" + "\u0301" * 1200,
    "a skin tone on a letter": "x" * 18 + "a🏽 " + "x" * 17 + "🏽🏽 " + "**👍**🏽 `👨`\u200d👩",
    "ideographic blanks at the edge": "x" * 18
    + "[\u3000"
    + "e\u0301" * 19
    + "长" * 9
    + "\u3000"
    + "x" * 20
    + "\u3000\u3000",
    "clusters in a long code line": "```\n" + "x" * 998 + "👍🏽👨‍👩‍👧*\ufe0f" * 20 + "  \n" + "👨‍👩‍👧" * 4 + "> ]\n",
    "a vowel sign on a sign": "(" + "ि" * 3 + "a" + "नि🏽" * 12 + "か" * 300 + "\u3099",
    "only markers": "*\n**\n_\n`\n``\n[\n!\n![\n\\\n<\n&\n",
    "control pictures": "a\x1b[31mb\x07\x9b2J\x7f\ud800",
}

_PIECES = [
    *("\n", "\n\n", " ", "    ", "a", "b c", "foo ", "> ", "- ", "* ", "1. ", "2) ", "# ", "===\n", "---\n", "***"),
    *("```", "```python\n", "~~~", "`", "[x](http://u.v)", "[", "](", "]", " | ", "| a | b |\n", "|-|-|\n", "\t"),
    *("**", "_", "~~", "\\", "<b>", "<http://a.b>", "&amp;", "&#x202e;", "!", "[ ] ", "中文，", "“重点”", "👍🏽"),
    *("👨‍👩‍👧", "⚠️", "\\(x_1\\)", "$$\n", "\\[\n", "$a$", "word " * 90, "x" * 450, "| c | d |\n" * 18, "长" * 300),
    *("$$ x^2 $$\n", "\\frac{a}{b}", "\\]\n", "$$", "\\sum_i", "https://a.b/", "[^1]", "[^1]: ", "$5 ", "- [x] "),
    *("def f(): pass\n", "\u0301", "\u200d", "  \n", "**bold " * 60, "\x1b", "\r\n", "\u3000"),
    *("🏽", "\ufe0f", "🇨", "นำ", "नि", "각", "x" * 18, "x" * 37, "长" * 19, "👨‍👩‍👧" * 12, "⚠️ " * 12, "e\u0301" * 30),
]
pieces = st.lists(st.sampled_from(_PIECES), max_size=16).map("".join)
documents = st.one_of(pieces, st.sampled_from([text for _, text in SPEC]), st.sampled_from(list(TRAPS.values())))
safe_documents = documents.map(safe)
widths = st.sampled_from([20, 33, 40, 80, 250])


def cut(text: Safe, places: list[int]) -> list[Safe]:
    """Cut a text at the given places (modulo its length) and return the pieces."""
    edges = sorted({place % (len(text) + 1) for place in places} | {0, len(text)})
    return [Safe(text[start:end]) for start, end in pairwise(edges)]


def small_pieces(text: Safe, size: int) -> list[Safe]:
    """Cut a text in pieces of `size` letters, and the middle of a long text in pieces of 31 to save time."""
    edges, end = [0], len(text)
    while edges[-1] < end:
        edges.append(min(edges[-1] + (size if edges[-1] < 240 or end - edges[-1] < 120 else 31), end))
    return [Safe(text[start:end]) for start, end in pairwise(edges)]
