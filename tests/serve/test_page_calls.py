"""Tool calls of the page while they run: their state in events and snapshots, and one that is stopped alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.gateway import Call, Reply, Text
from tests.serve.page_client import PageClient, PageEvents, wait_for
from tests.serve.served import Served, running

pytestmark = pytest.mark.xdist_group("serve")
LONG = Call("run_shell", {"command": "echo begun; sleep 600"})
SHORT = Call("run_shell", {"command": "echo short > /dev/null; echo short"})
ENDED = (404, "not_found")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with running(tmp_path_factory.mktemp("home"), tools="run") as found:
        yield found


@pytest.fixture
def page(served: Served) -> Iterator[PageClient]:
    served.gateway.forget()
    client = PageClient(served.url)
    yield client
    assert served.gateway.unused == 0
    client.http.close()


def allow(page: PageClient, chat: str, place: int = 0) -> None:
    """Allow the call at a place, which asks."""

    def ask(turns: Any) -> Any:
        return next((ask for ask in turns[0]["asks"] if ask["place"] == place), None)

    turns = wait_for(lambda: page.chat(chat)["turns"], ask)
    page.post(f"turns/{turns[0]['id']}/answer", {"request": ask(turns)["id"], "decision": "once"})


def begun(page: PageClient, chat: str, place: int = 0) -> Any:
    """Allow a long call and wait until it has printed; return its turn."""
    allow(page, chat, place)
    printed = {"place": place, "text": "begun\n"}
    return wait_for(
        lambda: page.chat(chat)["turns"],
        lambda turns: any(printed.items() <= call.items() for call in turns[0]["tools"]),
    )[0]


def printed(events: PageEvents, place: int, status: str) -> Any:
    """Wait until a call has printed or ended; return the event."""
    return events.until(lambda name, data: (name, data.get("place"), data.get("status")) == ("turn", place, status))


def test_one_call_is_stopped_and_turn_goes_on_with_its_result(served: Served, page: PageClient) -> None:
    served.gateway.reply(Reply(SHORT, LONG), Reply(Text("I go on.")))
    chat = page.post("chats", {"text": "run both"})["id"]
    with page.events(chat) as events:
        turn = begun(page, chat, 1)
        name, node = turn["id"], turn["parent"]
        path = f"turns/{name}/stop-call"
        assert page.refused(path, {"node": node, "place": 0}) == ENDED  # it waits for its answer
        page.post(path, {"node": node, "place": 1})
        stopped = printed(events, 1, "finished")
        assert (stopped["ok"], stopped["end"], "cancelled" in stopped["text"]) == (False, "cancelled", True)
        assert page.refused(path, {"node": node, "place": 1}) == ENDED
        allow(page, chat)
        assert events.turn("ended")["outcome"] == "complete"
    assert page.refused(path, {"node": node, "place": 1}) == ENDED
    nodes = page.ended(chat)["nodes"]
    assert [(part["status"], part["ok"]) for part in nodes[2]["parts"]] == [("", True), ("cancelled", False)]
    assert nodes[3]["parts"][0]["text"] == "I go on."
    told = [m["content"] for m in served.gateway.asked[-1].body["messages"] if m["role"] == "tool"]
    assert "short" in told[0] and "cancelled" in told[1]


def test_call_of_another_reply_turn_or_caller_is_not_stopped(served: Served, page: PageClient) -> None:
    served.gateway.reply(Reply(LONG), Reply(LONG), Reply(Text("One.")), Reply(Text("Two.")))
    chats = [page.post("chats", {"text": f"chat {n}"})["id"] for n in range(2)]
    first, second = [begun(page, chat) for chat in chats]
    path = f"turns/{first['id']}/stop-call"
    question = page.chat(chats[0])["nodes"][0]["id"]
    for node, place in ((second["parent"], 0), (first["parent"], 1), (question, 0), ("unknown", 0)):
        assert page.refused(path, {"node": node, "place": place}) == ENDED, (node, place)
    for body in ({}, {"node": first["parent"]}, {"place": 0}, {"node": 1, "place": 0}, {"node": "x", "place": -1}):
        assert page.refused(path, body) == (400, ""), body
    body = {"node": first["parent"], "place": 0}
    assert page.http.post(f"/api/{path}", json=body, headers={"authorization": "Bearer other"}).status_code == 401
    assert page.http.get(f"/api/{path}").status_code == 405
    assert page.refused(f"turns/{'0' * 32}/stop-call", body) == ENDED
    for chat, turn in zip(chats, (first, second), strict=True):
        assert page.chat(chat)["turns"][0]["tools"][0]["status"] == "output"
        page.post(f"turns/{turn['id']}/stop-call", {"node": turn["parent"], "place": 0})
        assert page.ended(chat)["nodes"][-1]["outcome"] == "complete"


def test_snapshot_has_state_of_running_calls(served: Served, page: PageClient) -> None:
    served.gateway.reply(Reply(SHORT, LONG), Reply(Text("Done.")))
    chat = page.post("chats", {"text": "run both"})["id"]
    with page.events(chat) as events:
        allow(page, chat)
        printed(events, 0, "finished")
        turn = begun(page, chat, 1)
    with page.events(chat) as events:
        (running,) = events.until(lambda name, _: name == "snapshot")["turns"]
    done, runs = running["tools"]
    assert (done["status"], done["text"].strip(), done["ok"], done["end"]) == ("finished", "short", True, "")
    assert (runs["place"], runs["status"], runs["text"]) == (1, "output", "begun\n")
    page.post(f"turns/{turn['id']}/stop-call", {"node": running["parent"], "place": 1})
    page.ended(chat)
