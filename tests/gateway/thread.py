"""The gateway on a thread, for tests that run the program as another process."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

from tests.gateway.server import Gateway
from tests.gateway.signals import PATIENCE


class GatewayThread:
    """A running `Gateway` as a context manager; wait with its `_blocking` methods."""

    def __init__(self, **options: Any) -> None:
        self.gateway = Gateway(**options)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="gateway", daemon=True)

    def __enter__(self) -> Gateway:
        self._thread.start()
        try:
            asyncio.run_coroutine_threadsafe(self.gateway.up(), self._loop).result(PATIENCE)
        except BaseException:
            self._stop()
            raise
        return self.gateway

    def __exit__(self, *exc: object) -> None:
        try:
            asyncio.run_coroutine_threadsafe(self.gateway.__aexit__(), self._loop).result(PATIENCE)
        finally:
            self._stop()

    def _stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE)
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.close()
