"""The terminal after `restore`: each step is done although another one fails."""

from __future__ import annotations

import os
import pty
import termios
from collections.abc import Generator

import pytest

from termchat.ui.terminal.tty import Tty


@pytest.fixture
def terminal() -> Generator[tuple[int, int]]:
    """The program's end of a terminal, and that of the emulator."""
    master, slave = pty.openpty()
    yield slave, master
    for fd in (slave, master):
        try:
            os.close(fd)
        except OSError:  # the test has closed it
            pass


def test_restore_sets_modes_although_output_is_gone(terminal: tuple[int, int]) -> None:
    slave, _ = terminal
    reader, writer = os.pipe()
    os.close(reader)
    before = termios.tcgetattr(slave)
    tty = Tty(slave, writer)
    tty.raw()
    tty.touched = True
    assert termios.tcgetattr(slave) != before
    tty.restore()
    assert termios.tcgetattr(slave) == before
    os.close(writer)


def test_restore_switches_modes_of_output_off_although_input_is_gone(terminal: tuple[int, int]) -> None:
    slave, master = terminal
    reader, writer = os.pipe()
    tty = Tty(slave, writer)
    tty.raw()
    tty.touched = True
    tty.undo.append("\x1b[<u")
    os.close(master)
    tty.restore()
    assert os.read(reader, 100).startswith(b"\x1b[<u\x1b[?2004l")
    os.close(reader)
    os.close(writer)
