"""Lines of results: whole with a slow reader, in order within a window, a file replaced at once."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path

import pytest

from termchat.ui.oneshot.batch.line_output import FileLines, LineOrder, LineOutput


class Lines(LineOutput):
    """Keeps the lines."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []

    async def write(self, line: bytes) -> None:
        self.lines.append(line)


async def test_lines_of_many_writers_are_whole_for_slow_reader() -> None:
    ours, theirs = os.pipe()
    os.set_blocking(ours, False)
    output = LineOutput(theirs)
    writers = [asyncio.create_task(output.write(b'{"n":%d,"x":"%s"}\n' % (n, b"y" * 150_000))) for n in range(6)]
    received = b""
    while not all(writer.done() for writer in writers):
        await asyncio.sleep(0)
        try:
            received += os.read(ours, 3000)
        except BlockingIOError:
            continue
    os.close(theirs)
    while piece := os.read(ours, 1 << 20):
        received += piece
    os.close(ours)
    assert sorted(json.loads(line)["n"] for line in received.splitlines()) == list(range(6))


async def test_order_writes_lines_in_turn_and_bounds_what_waits() -> None:
    lines = Lines()
    order = LineOrder(lines, 3)
    for place in (1, 2, 3):
        await order.room(place)
    waiting = asyncio.create_task(order.room(4))
    await order.put(3, b"3")
    await order.put(2, None)
    await asyncio.sleep(0)
    assert not waiting.done()
    assert lines.lines == []
    await order.put(1, b"1")
    await waiting
    assert lines.lines == [b"1", b"3"]
    await order.put(6, b"6")
    await order.put(5, b"5")
    await order.close()
    assert lines.lines == [b"1", b"3", b"5", b"6"]


async def test_file_is_as_before_until_results_are_published(tmp_path: Path) -> None:
    path = tmp_path / "out"
    path.write_text("old\n")
    output = FileLines(path)
    await output.write(b"new\n")
    assert path.read_text() == "old\n"
    await output.publish()
    await output.write(b"newer\n")
    assert path.read_text() == "new\nnewer\n"
    output.close()
    assert [found.name for found in tmp_path.iterdir()] == ["out"]
    FileLines(path).close()
    assert [found.name for found in tmp_path.iterdir()] == ["out"]


async def test_file_with_longest_name_is_written_beside_target_of_its_link(tmp_path: Path) -> None:
    (folder := tmp_path / "folder").mkdir()
    (link := tmp_path / "link").symlink_to(target := folder / ("n" * 255))
    output = FileLines(link)
    await output.write(b"new\n")
    assert {found.name for found in tmp_path.iterdir()} == {"folder", "link"}
    await output.publish()
    output.close()
    assert target.read_text() == "new\n"


async def test_full_disk_is_an_error() -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full")
    with Path("/dev/full").open("wb") as full, pytest.raises(OSError, match="No space"):
        await LineOutput(full.fileno()).write(b"x\n")
