"""Files that are no regular ones, read within bounds."""

from __future__ import annotations

import os
import pty
from pathlib import Path

import pytest

from termchat.config.bounded_read import read_bounded


def test_terminal_is_refused_and_keeps_its_keys() -> None:
    ours, theirs = pty.openpty()
    try:
        os.write(ours, b"typed\n")
        with pytest.raises(OSError, match="it is a terminal"):
            read_bounded(Path(os.ttyname(theirs)), 1000)
        assert os.read(theirs, 100) == b"typed\n"
    finally:
        os.close(ours)
        os.close(theirs)
