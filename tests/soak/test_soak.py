"""A short soak: three rounds of the course, with two protocols; `python -m tests.soak` is the long one."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from termchat.core.models import ApiProtocol
from tests.gateway import Gateway
from tests.soak.course import check_database, soaking

ROUND = 12  # turns, one of each kind
MB = 1_000_000


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_turns_of_all_kinds_leave_no_resources_behind(gateway_thread: Gateway, tmp_path: Path) -> None:
    with soaking(gateway_thread, tmp_path, (ApiProtocol.CHAT, ApiProtocol.ANTHROPIC)) as soak:
        for _ in range(ROUND):
            soak.turn()
        before = soak.look()
        for _ in range(2 * ROUND):
            soak.turn()
        after = soak.look()
    assert after.children == 0
    assert after.tasks <= before.tasks
    assert after.threads <= before.threads
    assert after.files <= before.files
    assert after.sockets <= before.sockets + 1  # idle connections, of which a server may have closed one
    assert after.rss - before.rss < 4 * MB
    assert check_database(tmp_path) > 3 * ROUND
