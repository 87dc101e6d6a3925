"""Files that are replaced as a whole."""

from __future__ import annotations

from pathlib import Path

import pytest

from termchat.system.atomic_write import replace_text


def test_replaced_file_has_exact_text_and_mode(tmp_path: Path) -> None:
    file = tmp_path / "x.json"
    replace_text(file, "a\r\nä\n")
    assert file.read_bytes() == "a\r\nä\n".encode()
    assert file.stat().st_mode & 0o777 == 0o600
    replace_text(file, "b", mode=0o644, durable=True)
    assert file.read_text() == "b"
    assert file.stat().st_mode & 0o777 == 0o644
    assert list(tmp_path.iterdir()) == [file]


def test_file_with_longest_name_is_replaced(tmp_path: Path) -> None:
    file = tmp_path / ("名" * 85)  # 255 bytes
    replace_text(file, "text")
    assert file.read_text() == "text"


def test_file_that_cannot_be_replaced_is_as_before(tmp_path: Path) -> None:
    file = tmp_path / "x.json"
    file.write_text("old")
    with pytest.raises(UnicodeEncodeError):
        replace_text(file, "a lone surrogate: \ud800")
    assert file.read_text() == "old"
    (folder := tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match="folder"):
        replace_text(folder, "new")
    assert sorted(tmp_path.iterdir()) == [folder, file]
