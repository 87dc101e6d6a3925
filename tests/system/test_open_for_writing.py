"""Devices and pipes that are opened for writing."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from termchat.commands.answers.new_file import save_text
from termchat.system import open_for_writing as module
from termchat.system.open_for_writing import open_for_writing


def test_pipe_without_reader_fails_after_its_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "READER_SECONDS", 0.1)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(TimeoutError, match=r"nothing has read from it for 0\.1 s"):
        open_for_writing(tmp_path / "pipe")
    with pytest.raises(TimeoutError):
        save_text(str(tmp_path / "pipe"), "an answer", overwrite=True)


def test_pipe_gets_text_that_is_larger_than_its_buffer(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with ThreadPoolExecutor() as pool:
        writing = pool.submit(save_text, str(tmp_path / "pipe"), "x" * 1_000_000, overwrite=True)
        assert (tmp_path / "pipe").read_text() == "x" * 1_000_000
        writing.result(30)
