"""Locks among processes."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

import pytest

from termchat.system import file_lock
from termchat.system.file_lock import exclusive_lock, exclusive_lock_async

fcntl: Any = pytest.importorskip("fcntl")


def is_free(path: Path) -> bool:
    """Return True if a program that comes now can lock the path."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(handle)
    return True


def test_lock_is_held_during_block_only(tmp_path: Path) -> None:
    path = tmp_path / "x.lock"
    with exclusive_lock(path, 0) as held:
        assert held
        assert not is_free(path)
    assert is_free(path)
    assert path.stat().st_mode & 0o777 == 0o600


def test_lock_of_another_holder_is_waited_for_in_vain(tmp_path: Path) -> None:
    path = tmp_path / "x.lock"
    with exclusive_lock(path, 0), exclusive_lock(path, 0.05) as held:
        assert not held
    with exclusive_lock(tmp_path, 0), exclusive_lock(tmp_path, 0.05) as held:
        assert not held


async def test_async_lock_is_that_of_the_blocking_one(tmp_path: Path) -> None:
    path = tmp_path / "x.lock"
    async with exclusive_lock_async(path, 0) as held:
        assert held
        assert not is_free(path)
        async with exclusive_lock_async(path, 0.05) as second:
            assert not second
    assert is_free(path)


def test_lock_file_removed_between_open_and_lock_is_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.lock"
    take = fcntl.flock

    def take_after_removal(handle: int, operation: int) -> None:
        monkeypatch.undo()
        path.unlink()  # as by a holder that has just ended
        take(handle, operation)

    monkeypatch.setattr(fcntl, "flock", take_after_removal)
    with exclusive_lock(path, math.inf) as held:
        assert held
        assert not is_free(path)


def test_lock_that_cannot_be_had_is_missing_or_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = tmp_path / "gone" / "x.lock"
    with exclusive_lock(gone, math.inf) as held:
        assert not held
    with pytest.raises(FileNotFoundError), exclusive_lock(gone, math.inf, required=True):
        pass
    monkeypatch.setattr(file_lock, "fcntl", None)  # Windows
    with exclusive_lock(tmp_path / "x.lock", math.inf, required=True) as held:
        assert not held
