"""A short run of the load: files and threads of the server stay flat over turns of every kind."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from tests.gateway import GatewayThread
from tests.serve.served_load import AT_ONCE, server_process, take_turns

pytestmark = pytest.mark.xdist_group("serve")


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_server_keeps_no_files_threads_or_memory_of_its_turns(tmp_path: Path) -> None:
    with GatewayThread() as gateway, server_process(tmp_path, gateway) as server:
        asyncio.run(take_turns(server, 60, 1))
        before = server.figures()
        asyncio.run(take_turns(server, 120, 2))
        after = server.figures()
    assert after.files <= before.files + AT_ONCE  # connections to vendors that are kept for the next request
    assert after.threads <= before.threads + 2
    assert after.memory < before.memory + 8
