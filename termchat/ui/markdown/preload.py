"""Load what the first reply needs while waiting for it."""

from __future__ import annotations

from threading import Thread


def warm_up() -> Thread:
    """Import markdown-it, pygments and its most frequent lexer on a thread of their own, and return it."""
    thread = Thread(target=_load, name="warm-up", daemon=True)
    thread.start()
    return thread


def _load() -> None:
    from termchat.ui.markdown.highlight import highlighter
    from termchat.ui.markdown.inline import parse

    parse("**warm**")
    highlighter("python").line("pass")
