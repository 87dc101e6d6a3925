"""Run the application under uvicorn until its stop."""

from __future__ import annotations

import asyncio
import gc
import socket
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress

import uvicorn
from starlette.types import ASGIApp

from termchat.late_dataclass import dataclass

_GRACE = 5  # seconds for streams to end after the stop
_KEEP_ALIVE = 65  # seconds for an idle connection, longer than clients keep theirs
_COLLECT = (20_000, 50, 50)  # thresholds of the collector: at Python's, it halts a burst of streams for 20 to 45 ms
_MOST_FILES = 8192  # open files; a stream has two, the connections of its client and to its provider


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """The files of a certificate and its key."""

    certificate: str
    key: str


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Leave the signals to the program."""
        yield


async def run_server(
    app: ASGIApp, listener: socket.socket, stop: asyncio.Event, on_stop: Callable[[], None], tls: TlsFiles | None = None
) -> None:
    """Serve on a listening socket until `stop` is set; then call `on_stop`, and let the open streams end."""
    _allow_files()
    gc.set_threshold(*_COLLECT)
    config = uvicorn.Config(
        app, http="h11", ws="none", lifespan="off", log_config=None, log_level="critical", access_log=False,
        server_header=False, proxy_headers=False, timeout_keep_alive=_KEEP_ALIVE, timeout_graceful_shutdown=_GRACE,
        ssl_certfile=tls.certificate if tls else None, ssl_keyfile=tls.key if tls else None,
    )  # fmt: skip
    server = _Server(config)
    serving = asyncio.create_task(server.serve([listener]))
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
        on_stop()
        server.should_exit = True
        await serving
    finally:
        stopping.cancel()
        serving.cancel()
        await asyncio.gather(serving, stopping, return_exceptions=True)


def _allow_files() -> None:
    """Raise the limit of open files, which is often 256 on macOS and 1024 on Linux, as far as the system allows."""
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = _MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, _MOST_FILES)
    if soft != resource.RLIM_INFINITY and soft < most:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
