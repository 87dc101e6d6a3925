"""Break one function of termchat in a process that a test starts with this folder in PYTHONPATH.

TESTFAULT is `module:name` of the function or method; TESTSKIP calls of it pass before one raises.
"""

from __future__ import annotations

import os
from functools import reduce
from importlib import import_module
from typing import Any

KEY = "sk-planted-7f3c9a1e5b"  # in the text of the error, and in the environment
TEXT = "a private sentence"


def _break(name: str, passing: int) -> None:
    module, _, path = name.partition(":")
    *owners, last = path.split(".")
    owner: Any = reduce(getattr, owners, import_module(module))
    works, calls = getattr(owner, last), 0

    def broken(*arguments: Any, **options: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls <= passing:
            return works(*arguments, **options)
        raise ValueError(f"{TEXT}: {KEY}")

    setattr(owner, last, broken)


if fault := os.environ.pop("TESTFAULT", ""):
    _break(fault, int(os.environ.pop("TESTSKIP", "0")))
