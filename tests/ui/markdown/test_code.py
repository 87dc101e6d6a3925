"""Test code blocks: highlighting across lines, unchanged text, finality of lines."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pygments.lexers import get_lexer_by_name

import termchat.ui.text.wrap as some_module
from termchat.core.sanitize import safe
from termchat.core.style import TextRole
from termchat.ui.markdown import Document, render
from termchat.ui.markdown.code import LineHighlighter, NoHighlight
from termchat.ui.markdown.highlight import _roles, highlighter
from termchat.ui.text.row import Roles

SOURCES = {
    "python": Path(some_module.__file__).read_text("utf-8"),
    "c": '#include <a.h>\n/* several\n lines */\nint main(void) {\n  return 0; /* one */ // two\n}\nchar *a = "/*";\n',
    "java": "/**\n * Doc\n */\npublic class A {\n  /* c\n  d */ int x = 1;\n}\n",
    "css": "/* a\nb */\na { color: red; }\n",
    "rust": "/* a /* b */ c */\nfn main() { let x = 'a'; }\n",
    "bash": '#!/bin/bash\nfor f in *.txt; do\n  echo "$f ${x}"\ndone\nls /etc/*\n',
    "json": '{\n  "a": 1,\n  "b": [true, null, "x"]\n}\n',
    "toml": "[a]\nb = 1\nc = '''\nx\n'''\n",
    "diff": "--- a\n+++ b\n@@ -1 +1 @@\n-x\n+y\n z\n",
    "ruby": 'class A\n  def f(x)\n    "a #{x}"\n  end\nend\n',
}
LANGUAGES = ["python", "js", "ts", "tsx", "go", "rust", "yaml", "html", "php", "sql", "make", "console", "lua", "sh"]


def roles_of(language: str, source: str) -> list[Roles | None]:
    """Return the roles of every character, lexed line by line; None for each line end."""
    lexer = highlighter(language)
    found: list[Roles | None] = []
    for line in source.split("\n")[:-1]:
        for segment in lexer.line(line):
            found += [segment.roles] * len(segment.text)
        found.append(None)
    return found


@pytest.mark.parametrize("language", SOURCES)
def test_highlighter_line_by_line_equals_whole_file_lexing(language: str) -> None:
    source = SOURCES[language]
    expected: list[Roles] = []
    for _, kind, value in get_lexer_by_name(language).get_tokens_unprocessed(source):
        expected += [_roles(kind)] * len(value)
    found = roles_of(language, source)
    pairs = zip(expected, found, source, strict=True)
    assert [pair for pair in pairs if not pair[2].isspace() and pair[0] != pair[1]] == []


@given(st.sampled_from(LANGUAGES), st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=80))
def test_highlighter_keeps_line_text(language: str, line: str) -> None:
    lexer = highlighter(language)
    for text in (line, "/* " + line, line + '"""', line):
        assert "".join(segment.text for segment in lexer.line(text)) == text


@pytest.mark.parametrize("language", ["", "nosuchlanguage", "text", "{}", "???"])
def test_highlighter_of_unknown_language_is_plain(language: str) -> None:
    assert isinstance(highlighter(language), NoHighlight)


@pytest.mark.parametrize("language", ["Python", "python title=x", "{.python}", "python3"])
def test_highlighter_fence_info_selects_language(language: str) -> None:
    assert not isinstance(highlighter(language), NoHighlight)


def test_highlighter_copy_is_independent() -> None:
    lexer: LineHighlighter = highlighter("python")
    lexer.line('"""open')
    ahead = lexer.copy()
    ahead.line('closed"""')
    assert lexer.line("still text")[0].roles == (TextRole.STRING,)
    assert ahead.line("pass")[0].roles == (TextRole.KEYWORD,)


def test_document_preview_highlights_unfinished_code_line() -> None:
    document = Document(40)
    document.feed(safe("```python\nreturn"))
    (row,) = document.preview()
    assert row.segments[0].roles == (TextRole.KEYWORD,)


def test_document_finished_code_line_is_final() -> None:
    document = Document(40)
    document.feed(safe("- item\n  ```\n  one\n  tw"))
    assert [row.text for row in document.take()] == ["• item", "", "  one"]


def test_document_long_code_line_is_final_while_streaming() -> None:
    document = Document(40)
    document.feed(safe("```python\n" + "x" * 5000))
    assert len(document.take()) >= 120
    assert len(document.preview()) == 1


def test_render_code_in_list_item_starts_below_marker() -> None:
    assert [row.text for row in render(safe("1. ```sh\n   ls\n   ```\n2. b"), 40)] == [" 1.", "    ls", "", " 2. b"]


def test_render_indented_code_drops_trailing_blank_lines() -> None:
    rows = render(safe("    a\n\n\n    b\n\n\ntext"), 40)
    assert [row.text for row in rows] == ["a", "", "", "b", "", "text"]


@pytest.mark.parametrize("headers", [True, False])
def test_code_header_tells_language_and_number_in_its_own_row(headers: bool) -> None:
    text = safe("a\n```python x\n1\n```\n- ~~~ {.bash}\n  ls\n  ~~~\n> ```\n> 键\n> ```\n```sh\n```\n```sh\nps\n")
    rows = [row.text for row in render(text, 40, signs=False, headers=headers)]
    heads = ["python - 1", "  bash - 2", "> code - 3", "sh - 5"]
    assert [row for row in rows if " - " in row] == (heads if headers else [])
    assert [row for row in rows if row not in heads] == ["a", "", "1", "", "-", "  ls", "", "> 键", "", "ps"]


@pytest.mark.parametrize("width", [8, 12, 80])
def test_code_header_fits_width(width: int) -> None:
    rows = render(safe("> > ```a-very-long-name-of-a-language-语言\n> > x\n"), width, headers=True)
    assert all(row.cells <= width for row in rows)
    assert rows[0].text.endswith("1")


@given(st.lists(st.integers(1, 12)))
def test_streamed_code_headers_count_on_from_text_before(sizes: list[int]) -> None:
    rest = "p\n```py\nx = 1\n\ny\n```\n- ```\n  z\n  ```\n```c\nlast"
    document = Document(20, headers=True, fences=3)
    for size in sizes:
        document.feed(safe(rest[:size]))
        document.preview()
        rest = rest[size:]
    document.feed(safe(rest))
    document.close()
    assert [row.text for row in document.take() if " · " in row.text] == ["py · 4", "  code · 5", "c · 6"]
    assert document.buffer.fences == 6
