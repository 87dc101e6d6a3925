"""Test the clipboard that is read through the terminal."""

from __future__ import annotations

import asyncio

from termchat.ui.repl.input.remote_clipboard import RemoteClipboard


async def test_second_read_waits_for_first_of_terminal_without_protocol() -> None:
    sent: list[str] = []
    clipboard = RemoteClipboard(sent.append)
    async with asyncio.timeout(30):
        assert await asyncio.gather(clipboard.read(), clipboard.read()) == [None, None]
    assert len(sent) == 2
