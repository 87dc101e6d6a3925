"""A program in a pseudo-terminal of its own: its end, and errors of the relay between both terminals."""

from __future__ import annotations

import asyncio
import os
import pty
import termios
import threading
from collections.abc import Callable, Generator

import pytest

from termchat.ui.terminal.pty_program import PtyProgram

_DEADLINE = 60  # seconds; the relay once never ended


@pytest.fixture
def slave() -> Generator[int]:
    """The program's end of the real terminal."""
    master, slave = pty.openpty()
    yield slave
    os.close(slave)
    os.close(master)


def relay_threads() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name == "shell"}


async def run(fds: tuple[int, int], output: Callable[[bytes], None]) -> int:
    program = PtyProgram(("/bin/sh", "-c", "echo said; sleep 600"), os.environ, fds, output)
    return await asyncio.wait_for(program.run(), _DEADLINE)


async def test_output_is_kept_and_exit_code_returned(slave: int) -> None:
    said: list[bytes] = []
    program = PtyProgram(("/bin/sh", "-c", "echo said; exit 3"), os.environ, (slave, slave), said.append)
    assert await asyncio.wait_for(program.run(), _DEADLINE) == 3
    assert b"".join(said) == b"said\r\n"


async def test_cancel_hangs_up_on_program(slave: int) -> None:
    said: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    def output(data: bytes) -> None:
        said.get_loop().call_soon_threadsafe(lambda: said.done() or said.set_result(data))

    before = relay_threads()  # one of an earlier test may still be about to end
    program = PtyProgram(("/bin/sh", "-c", "echo $$; exec sleep 600"), os.environ, (slave, slave), output)
    running = asyncio.create_task(program.run())
    pid = int(await asyncio.wait_for(said, _DEADLINE))
    (relay,) = relay_threads() - before
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    await asyncio.to_thread(relay.join, _DEADLINE)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_cancel_after_the_end_of_the_relay_is_a_cancel(slave: int) -> None:
    program = PtyProgram(("/bin/sh", "-c", "exit 3"), os.environ, (slave, slave), lambda _: None)
    running = asyncio.create_task(program.run())
    await asyncio.sleep(0)  # it starts the relay
    for relay in relay_threads():  # none if it has ended
        relay.join(_DEADLINE)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_error_of_output_ends_program_and_is_raised(slave: int) -> None:
    before = termios.tcgetattr(slave)

    def full(_: bytes) -> None:
        raise MemoryError("no room for the output")

    with pytest.raises(MemoryError, match="no room"):
        await run((slave, slave), full)
    assert termios.tcgetattr(slave) == before


async def test_terminal_that_takes_no_output_is_an_error(slave: int) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with pytest.raises(BrokenPipeError):
        await run((slave, writer), lambda _: None)
    os.close(writer)
