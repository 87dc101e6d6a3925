"""Run the agent until its client has gone or a signal comes."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING, BinaryIO, cast

from termchat.serve.acp.editor_chats import EditorChats
from termchat.serve.acp.handshake import initialize_result
from termchat.serve.acp.message_stream import MessageStream

if TYPE_CHECKING:
    from acp.agent.connection import AgentSideConnection
    from acp.interfaces import Agent

    from termchat.serve.acp.acp_agent import AcpAgent

_PATIENCE = 8.0  # seconds for the replies that are stopped and for the chats to be saved
_SOON = 1.0  # seconds for the last replies to be read


async def run_agent(chats: EditorChats, source: BinaryIO, target: int, stop: asyncio.Event) -> None:
    """Answer the client that writes to `source` and reads from the file descriptor `target`.

    At the end of `source`, or when `stop` is set, replies are stopped as cancelled, and all chats are saved.
    """
    logging.getLogger().addHandler(logging.NullHandler())  # the package logs what a client did wrong, with tracebacks
    run = _Run(chats, MessageStream(source, target, lambda: initialize_result(chats)))
    listening = asyncio.create_task(run.listen())
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({listening, stopping}, return_when=asyncio.FIRST_COMPLETED)
        await run.stop()
    finally:
        stopping.cancel()
        listening.cancel()
        with suppress(asyncio.CancelledError, ConnectionError):
            await listening
        await run.close()
        await chats.close()


class _Run:
    """The agent and its connection; neither is there before the first request is answered."""

    def __init__(self, chats: EditorChats, lines: MessageStream) -> None:
        self._chats = chats
        self._lines = lines
        self._agent: AcpAgent | None = None
        self._connection: AgentSideConnection | None = None

    async def listen(self) -> None:
        """Answer requests until the end of the stream."""
        await self._lines.greeted()
        await asyncio.to_thread(import_module, "termchat.serve.acp.acp_agent")
        from acp.agent.connection import AgentSideConnection

        from termchat.serve.acp.acp_agent import AcpAgent

        self._agent = AcpAgent(self._chats, self._lines)
        routed = cast("Agent", self._agent)  # without the methods of extensions, which are optional
        self._connection = AgentSideConnection(routed, self._lines, listening=False, use_unstable_protocol=True)
        await self._connection.listen()

    async def stop(self) -> None:
        """Stop all replies, save all chats, and wait until the client has read the ends."""
        if self._agent:
            await self._agent.stop(_PATIENCE)
            await self._lines.all_answered(_SOON)

    async def close(self) -> None:
        """End the connection."""
        with suppress(ConnectionError):
            await (self._connection.close() if self._connection else self._lines.close())
