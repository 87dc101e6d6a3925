"""Marks for a user's own functions; a file with functions may import them.

from termchat.functions import reads

@reads
def stock(item: str) -> int:
    "The number of pieces in stock."
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

EFFECT = "__termchat_effect__"  # the attribute that holds the name of an effect

_F = TypeVar("_F", bound=Callable[..., Any])


def reads(function: _F) -> _F:
    """Mark a function that only reads: a call of it runs without a question, unless a rule asks or denies."""
    setattr(function, EFFECT, "read")
    return function
