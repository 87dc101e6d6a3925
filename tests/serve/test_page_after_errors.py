"""Chats of the page after an internal error."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fork_server import run_program
from tests.gateway import Reply, Text
from tests.serve.damaged_budget import damaged_budget
from tests.serve.page_client import PageClient, texts
from tests.serve.served import Served, running

pytestmark = pytest.mark.xdist_group("serve")


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    with running(tmp_path, ['max_cost = "5"']) as found:
        yield found


def test_chat_that_could_not_be_opened_is_free_for_others(served: Served, error_logs: list[str]) -> None:
    served.gateway.reply(Reply(Text("one")), Reply(Text("two")))
    page = PageClient(served.url)
    chat = page.ask("first")["id"]
    with damaged_budget(served.home):
        refused = page.http.post(f"/api/chats/{chat}/turns", json={"text": "second"})
    assert (refused.status_code, len(error_logs)) == (500, 1)
    error_logs.clear()
    command = [sys.executable, "-m", "termchat", "-n", "--no-tools", "--chat", chat, "second"]
    done = run_program(command, env={"HOME": str(served.home), "LANG": "C"}, cwd=served.home)
    assert (done.stdout, done.returncode) == (b"two", 0), done.stderr
    assert [text for _, text in texts(page.chat(chat))] == ["first", "one", "second", "two"]
    page.http.close()
