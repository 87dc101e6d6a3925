"""Load what the first reply needs while waiting for it."""

from __future__ import annotations

from importlib import import_module
from threading import Thread

from termchat.core.sanitize import safe_format
from termchat.ui.markdown.document import Document


def warm_up() -> Thread:
    """Start a thread that imports markdown-it, pygments with its most frequent lexer and rich's styles; return it."""
    thread = Thread(target=_load, name="warm-up", daemon=True)
    thread.start()
    return thread


def _load() -> None:
    import_module("rich.style")  # the palette needs it for the first styled row
    from termchat.ui.markdown.highlight import highlighter
    from termchat.ui.markdown.inline import parse

    parse("**warm**")
    highlighter("python").line("pass")


def warm_renderer() -> None:
    """Import all modules that rendering needs, so that the first word of the first reply does not wait for them."""
    import_module("rich.style")
    document = Document(80)
    document.feed(safe_format("**a** `b` [c](https://d.e)\n\n```python\nf = 1\n```\n"))
    document.close()
