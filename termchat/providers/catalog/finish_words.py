"""The finish words of servers. They are data: `finish_words.toml`."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from termchat.core.outcomes import FinishReason

_FILE = Path(__file__).with_name("finish_words.toml")


@cache
def finish_words() -> Mapping[str, FinishReason]:
    """Return the finish reason of each known word, in lower case."""
    rows = tomllib.loads(_FILE.read_text("utf-8"))
    return {word: FinishReason(reason) for reason, words in rows.items() for word in words}


def finish_reason(word: str) -> FinishReason:
    """Return the reason of a finish word, `OTHER` for an unknown one."""
    return finish_words().get(word.strip().lower(), FinishReason.OTHER)
