"""The folders of long results: private, locked by their process, removed once that was killed."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from termchat.tools.output_files import OutputFiles

DAY = 86_400


@pytest.fixture(autouse=True)
def temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def _aged(folder: Path) -> Path:
    os.utime(folder, (1, folder.stat().st_mtime - 2 * DAY))
    return folder


def test_folder_of_killed_process_is_removed_by_the_next(temporary_folder: Path) -> None:
    killed = temporary_folder / "termchat-results-killed"
    killed.mkdir()
    (killed / "1.txt").write_text("a long result")
    young = temporary_folder / "termchat-results-young"
    young.mkdir()
    kept = temporary_folder / "notes"
    kept.mkdir()
    running = OutputFiles()
    locked = running.folder()
    assert locked
    link = temporary_folder / "termchat-results-link"
    link.symlink_to(kept)
    os.utime(link, (1, 1), follow_symlinks=False)
    for folder in (killed, kept, locked):
        _aged(folder)

    files = OutputFiles()
    own = files.folder()
    assert own
    assert own.stat().st_mode & 0o777 == 0o700
    files.close()
    assert {*temporary_folder.iterdir()} == {young, kept, link, locked}
    running.close()
    assert {*temporary_folder.iterdir()} == {young, kept, link}
