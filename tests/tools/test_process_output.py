"""Output that is kept within bounds."""

from __future__ import annotations

import resource
import tempfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from termchat.tools.process.captured_output import HEAD_BYTES, TAIL_BYTES, CapturedOutput

UNITS = st.sampled_from(["é".encode(), b"x", b"\xf0\x9f\x98", b"\0", b"\xff", "😀".encode(), b"a\r\n"])
PIECES = st.lists(st.tuples(UNITS, st.one_of(st.integers(1, 9), st.integers(5_000, 20_000))), max_size=8)


@given(PIECES)
def test_output_is_whole_or_cut_and_in_file(pieces: list[tuple[bytes, int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        output = CapturedOutput(Path(folder), 10_000_000)
        live = "".join(output.add(unit * count) for unit, count in pieces) + output.add(b"", last=True)
        output.close()
        whole = b"".join(unit * count for unit, count in pieces).decode("utf-8", "replace").replace("\0", "\ufffd")
        assert live == whole
        assert output.bytes == len(whole.encode())
        if output.path is None:
            assert output.text() == whole
        else:
            assert output.path.read_bytes().decode() == whole
            head, _, rest = output.text().partition("\n[output cut: ")
            tail = rest.partition("]\n")[2]
            assert whole.startswith(head) and whole.endswith(tail)
            assert HEAD_BYTES - 4 < len(head.encode()) <= HEAD_BYTES
            assert TAIL_BYTES - 4 < len(tail.encode()) <= TAIL_BYTES


@given(PIECES, st.integers(1, 60_000))
def test_output_beyond_limit_is_not_kept(pieces: list[tuple[bytes, int]], limit: int) -> None:
    output = CapturedOutput(None, limit)
    for unit, count in pieces:
        output.add(unit * count)
    assert output.bytes <= limit
    assert len(output.text().encode()) <= limit + 100


def test_output_without_room_for_file_keeps_head_and_tail(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    output = CapturedOutput(tmp_path / "file", 1_000_000)
    for _ in range(10):
        output.add(b"x" * 10_000)
    assert output.path is None
    assert f"[output cut: {HEAD_BYTES + TAIL_BYTES} of 100000 bytes]" in output.text()


def test_output_that_fills_disk_loses_only_the_file(tmp_path: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, before[1]))
    try:
        output = CapturedOutput(tmp_path, 1_000_000)
        for _ in range(10):
            output.add(b"x" * 10_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert output.path is None and not list(tmp_path.iterdir())
    assert f"[output cut: {HEAD_BYTES + TAIL_BYTES} of 100000 bytes]" in output.text()
