"""Test that the cost of a reply is linear: bounded preview and memory, no text parsed many times, lazy imports."""

from __future__ import annotations

import subprocess
import sys

import pytest

import termchat.ui.markdown.inline as inline_module
from termchat.core.sanitize import Safe, safe
from termchat.ui.markdown import Document
from tests.bench.corpus import corpus, shapes
from tests.bench.render import weight

SHAPES = shapes()


@pytest.mark.parametrize("name", SHAPES)
def test_document_open_block_memory_and_preview_are_bounded(name: str) -> None:
    text, document = safe(SHAPES[name]), Document(80)
    for at in range(0, len(text), 997):
        document.feed(Safe(text[at : at + 997]))
        document.take()
        assert weight(document) <= 64 * 1024
        assert len(document.preview()) <= 60


@pytest.mark.parametrize("name", SHAPES)
def test_inline_parser_input_is_linear_in_text_length(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    text, parsed = safe(SHAPES[name]), [0]
    original = inline_module.parse

    def counting(source: str, *args: object, **options: object) -> inline_module.Inline:
        parsed[0] += len(source)
        return original(source, *args, **options)  # pyright: ignore[reportArgumentType]

    monkeypatch.setattr(inline_module, "parse", counting)
    document = Document(80)
    for at in range(0, len(text), 1000):
        document.feed(Safe(text[at : at + 1000]))
        document.take()
    document.close()
    assert parsed[0] <= 4 * len(text) + 4000


@pytest.mark.parametrize("name", ["fence in list", "quote", "open strong chinese", "word", "deep items"])
def test_document_call_count_per_chunk_does_not_grow(name: str) -> None:
    """Count function calls, not seconds, so that the load of the machine does not matter."""
    calls = [0]

    def count(frame: object, event: str, argument: object) -> None:
        calls[0] += 1

    text, document = safe(SHAPES[name][:24_000]), Document(80)
    quarters: list[int] = []
    step = 60
    document.feed(Safe(text[:step]))
    for at in range(step, len(text), step):
        calls[0] = 0
        sys.setprofile(count)
        document.feed(Safe(text[at : at + step]))
        document.take()
        document.preview()
        sys.setprofile(None)
        quarters.append(calls[0])
    quarter = len(quarters) // 4
    assert sum(quarters[-quarter:]) <= 1.5 * sum(quarters[:quarter])


def test_document_mixed_reply_memory_is_bounded() -> None:
    document = Document(80)
    for piece in corpus(3000):
        document.feed(safe(piece))
        document.take()
        assert weight(document) <= 64 * 1024


def test_renderer_import_loads_no_heavy_library() -> None:
    script = (
        "import sys, termchat.ui.markdown, termchat.ui.terminal.row_painter, termchat.ui.text.palette;"
        "print([name for name in ('markdown_it', 'pygments', 'rich', 'prompt_toolkit') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_warm_up_imports_markdown_it_and_python_lexer() -> None:
    script = (
        "import sys; from termchat.ui.markdown.preload import warm_up; warm_up().join();"
        "print([name in sys.modules for name in ('markdown_it', 'pygments.lexers.python')])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "[True, True]\n"
