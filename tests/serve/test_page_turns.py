"""Chats continued in the page: turns, their events, the tree, attachments and tools."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.gateway import Call, Gate, Reasoning, Reply, Text, fault
from tests.serve.page_client import PageClient, PageEvents, texts, wait_for
from tests.serve.served import Served, running

pytestmark = pytest.mark.xdist_group("serve")
MODEL_OF_ANTHROPIC = "xanthropic/claude-opus-5"
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de"
    "0000000c49444154789c63f8cfc0000003010100c9fe92ef0000000049454e44ae426082"
)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with running(tmp_path_factory.mktemp("home"), tools="run") as found:
        yield found


@pytest.fixture
def page(served: Served) -> Iterator[PageClient]:
    client = PageClient(served.url)
    yield client
    assert served.gateway.unused == 0
    client.http.close()


def last_node(chat: Any) -> Any:
    return chat["nodes"][-1]


def test_page_turn_streams_and_is_the_same_after_reload(served: Served, page: PageClient) -> None:
    gate = Gate()
    served.gateway.reply(Reply(Reasoning("hm"), Text("Hel", "lo 你"), gate, Text("好", "!")))
    begun = page.post("chats", {"text": "greet"})
    with page.events(begun["id"]) as events:
        snapshot = events.until(lambda name, _: name == "snapshot")
        gate.reached.wait_blocking()
        late = wait_for(lambda: page.chat(begun["id"]), lambda found: found["turns"][0]["parts"][1:])
        assert late["turns"][0]["parts"][1] == {"kind": "text", "text": "Hello 你"}
        assert late["turns"][0]["id"] == begun["turns"][0]["id"]
        assert (late["running"], late["held"]) == (True, None)
        gate.open()
        message, ended = events.turn("message"), events.turn("ended")
    assert snapshot["title"] == "greet"
    before = "".join(part["text"] for turn in snapshot["turns"] for part in turn["parts"])
    assert before + events.text() == "hmHello 你好!"
    assert (ended["outcome"], ended["failure"], ended["head"]) == ("complete", None, message["node"]["id"])
    chat = page.ended(begun["id"])
    assert texts(chat) == [("user", "greet"), ("assistant", "Hello 你好!")]
    again = last_node(chat)
    assert again["usage"]["output"] == 12
    assert (again["outcome"], again["cost"]) == ("complete", message["node"]["cost"])
    assert float(again["cost"]) == float(ended["cost"]) > 0
    assert again["seconds"] > 0


def test_page_events_are_whole_for_clients_that_join_late(served: Served, page: PageClient) -> None:
    gates = [Gate() for _ in range(3)]
    steps = [step for n, gate in enumerate(gates) for step in (Text(*(f"é{n}.{i} " for i in range(40))), gate)]
    served.gateway.reply(Reply(Reasoning("hm"), *steps, Text("end")))
    begun = page.post("chats", {"text": "tell"})
    with ExitStack() as stack:
        clients: list[PageEvents] = []
        for gate in gates:
            gate.reached.wait_blocking()
            clients.append(stack.enter_context(page.events(begun["id"])))
            gate.open()  # the rest may arrive before the snapshot, or behind it
        whole = [part["text"] for part in page.ended(begun["id"])["nodes"][1]["parts"]]
        for client in clients:
            client.until(lambda name, data: (name == "turn" and data["type"] == "ended") or data.get("turns") == [])
            wait_for(client.rebuilt, lambda parts: parts == whole)  # its node follows a snapshot read before it


def test_page_turn_stopped_keeps_text_and_is_continued(served: Served, page: PageClient) -> None:
    gate = Gate()
    served.gateway.reply(Reply(Text("one two"), gate), Reply(Text(" three four")))
    begun = page.post("chats", {"text": "count"})
    chat, turn = begun["id"], begun["turns"][0]["id"]
    gate.reached.wait_blocking()
    wait_for(lambda: page.chat(chat)["turns"], lambda turns: turns[0]["parts"])
    assert page.refused(f"chats/{chat}/turns", {"text": "more"}) == (409, "busy")
    page.post(f"turns/{turn}/stop")
    stopped = page.ended(chat)
    assert (last_node(stopped)["outcome"], last_node(stopped)["can_continue"]) == ("cancelled", True)
    assert page.refused(f"turns/{turn}/stop") == (404, "not_found")
    page.post(f"chats/{chat}/turns", {"kind": "continue", "node": last_node(stopped)["id"]})
    done = page.ended(chat)
    assert texts(done)[1:] == [("assistant", "one two"), ("assistant", " three four")]
    body = {"kind": "continue", "node": last_node(done)["id"]}
    assert page.refused(f"chats/{chat}/turns", body) == (400, "bad_request")


def test_page_turn_without_reply_gives_question_back(served: Served, page: PageClient) -> None:
    served.gateway.reply(Reply(Text("hi")), fault.status(401, echo_key=True))
    chat = page.ask("hello")
    with page.events(chat["id"]) as events:
        events.until(lambda name, _: name == "snapshot")
        page.post(f"chats/{chat['id']}/turns", {"text": "hello?"})
        ended = events.turn("ended")
    assert (ended["has_content"], ended["head"], ended["failure"]["kind"]) == (False, chat["head"], "auth")
    assert "sk-obviously" not in str(ended)
    late = page.ended(chat["id"])
    assert (late["head"], late["ended"][-1]) == (chat["head"], ended)
    assert ended["parent"] == last_node(late)["id"]


def test_page_retry_and_edit_add_siblings_and_head_moves(served: Served, page: PageClient) -> None:
    served.gateway.reply(Reply(Text("first")), Reply(Text("second")), Reply(Text("third")))
    chat = page.ask("question")
    first, question = chat["nodes"][1], chat["nodes"][0]
    body = {"kind": "retry", "node": first["id"], "model": MODEL_OF_ANTHROPIC}
    turns = page.post(f"chats/{chat['id']}/turns", body)["turns"]
    assert turns[0]["model"] == MODEL_OF_ANTHROPIC
    second = page.ended(chat["id"])
    assert texts(second) == [("user", "question"), ("assistant", "second")]
    assert last_node(second)["parent"] == question["id"]
    assert (last_node(second)["model"], second["model"]) == (MODEL_OF_ANTHROPIC, "xopenai/gpt-5.2")
    page.post(f"chats/{chat['id']}/turns", {"kind": "edit", "node": question["id"], "text": "better question"})
    assert texts(page.ended(chat["id"])) == [("user", "better question"), ("assistant", "third")]
    with page.events(chat["id"]) as events:
        events.until(lambda name, _: name == "snapshot")
        page.post(f"chats/{chat['id']}/head", {"node": first["id"]})
        events.until(lambda name, data: name == "chat" and data["head"] == first["id"])
    assert texts(page.chat(chat["id"])) == [("user", "question"), ("assistant", "first")]


def test_page_comparison_answers_in_siblings_of_which_one_is_taken(served: Served, page: PageClient) -> None:
    served.gateway.reply(Reply(Text("from A")), model="gpt-5.2")
    served.gateway.reply(Reply(Text("from B")), model="claude-opus-5")
    body = {"kind": "compare", "text": "who?", "models": ["xopenai/gpt-5.2", MODEL_OF_ANTHROPIC]}
    begun = page.post("chats", body)
    assert [turn["model"] for turn in begun["turns"]] == body["models"]
    chat = page.ended(begun["id"])
    assert chat["head"] is None
    compared = {"question": chat["nodes"][0]["id"], "models": body["models"]}
    assert chat["compared"] == compared
    replies = {node["model"]: node for node in chat["nodes"] if node["role"] == "assistant"}
    assert {node["parent"] for node in replies.values()} == {chat["nodes"][0]["id"]}
    page.post(f"chats/{chat['id']}/head", {"node": replies[MODEL_OF_ANTHROPIC]["id"]})
    assert texts(page.chat(chat["id"])) == [("user", "who?"), ("assistant", "from B")]
    page.post(f"chats/{chat['id']}/settings", {"system": "Be brief."})
    assert page.chat(chat["id"])["compared"] == compared  # also after the chat was opened again


def test_page_upload_is_sent_and_served_as_safe_type(served: Served, page: PageClient) -> None:
    served.gateway.reply(Reply(Text("a dot")), Reply(Text("still a dot")))
    given = [("dot.png", PNG, "image"), ("../x.pdf", b"%PDF-1.4 x", "file"), ("a.html", b"<script>1</script>", "text")]
    uploads = []
    for name, data, kind in given:
        found = page.http.post("/api/uploads", params={"name": name}, content=data).json()
        assert (found["kind"], found["size"]) == (kind, len(data))
        uploads.append(found["id"])
    chat = page.ask("what is it?", attachments=uploads)
    image, document, text, _ = chat["nodes"][0]["parts"]
    assert (image["kind"], image["name"], image["size"]) == ("image", "dot.png", len(PNG))
    assert (document["name"], document["type"]) == ("x.pdf", "application/pdf")
    assert (text["kind"], text["name"], text["text"]) == ("file", "a.html", "<script>1</script>")
    shown = page.http.get(f"/api/blobs/{image['blob']}")
    assert (shown.content, shown.headers["content-type"]) == (PNG, "image/png")
    loaded = page.http.get(f"/api/blobs/{document['blob']}")
    assert loaded.headers["content-type"] == "application/octet-stream"
    assert loaded.headers["content-disposition"] == "attachment"
    assert "sandbox" in shown.headers["content-security-policy"]
    assert page.refused(f"chats/{chat['id']}/turns", {"text": "again", "attachments": uploads}) == (404, "not_found")
    edited = {"kind": "edit", "node": chat["nodes"][0]["id"], "text": "sure?"}
    page.post(f"chats/{chat['id']}/turns", edited)
    asked = page.ended(chat["id"])["nodes"][2]
    assert [part["kind"] for part in asked["parts"]] == ["image", "file", "file", "text"]


@pytest.mark.parametrize(("decision", "ok", "says"), [("once", True, "run-by-page"), ("deny", False, "not here")])
def test_page_answers_question_about_tool_call(
    served: Served, page: PageClient, decision: str, ok: bool, says: str
) -> None:
    call = Call("run_shell", {"command": "echo run-by-page > /dev/null; echo run-by-page"})
    served.gateway.reply(Reply(call), Reply(Text("done")))
    begun = page.post("chats", {"text": "run it"})
    with page.events(begun["id"]) as events:
        turn = begun["turns"][0]["id"]
        asked = wait_for(lambda: page.chat(begun["id"])["turns"], lambda turns: turns[0]["asks"])[0]["asks"][0]
        assert (asked["tool"], asked["choices"][0]["decision"]) == ("run_shell", "once")
        assert "echo run-by-page" in asked["preview"]
        assert page.refused(f"turns/{turn}/answer", {"request": "x", "decision": "once"}) == (404, "not_found")
        page.post(f"turns/{turn}/answer", {"request": asked["id"], "decision": decision, "why": "not here"})
        finished = events.until(lambda name, data: name == "turn" and data.get("status") == "finished")
        assert (finished["ok"], says in finished["text"]) == (ok, True)
    chat = page.ended(begun["id"])
    assert [node["role"] for node in chat["nodes"]] == ["user", "assistant", "tool", "assistant"]
    assert chat["nodes"][2]["parts"][0]["ok"] is ok


def test_page_asks_before_it_sends_a_key(served: Served, page: PageClient) -> None:
    served.gateway.reply(Reply(Text("careful")))
    body = {"text": "my key is sk-proj-abcdefghijk1234567890"}
    assert page.refused("chats", body) == (409, "secret")
    assert texts(page.ask(body["text"], confirmed=True))[1] == ("assistant", "careful")


def test_page_lists_finds_renames_copies_and_deletes_chats(served: Served, page: PageClient) -> None:
    served.gateway.reply(Reply(Text("a walrus")), Reply(Text("another")))
    chat = page.ask("name an animal", system="be brief")
    assert (chat["system"], served.gateway.asked[-1].body["messages"][0]["content"]) == ("be brief",) * 2
    name = chat["id"]
    (hit,) = page.get("search", q="walrus")["hits"]
    assert (hit["chat"], hit["node"], ["walrus", True] in hit["snippet"]) == (name, chat["nodes"][1]["id"], True)
    with page.events() as events:
        events.until(lambda event, data: event == "chats" and data["chats"][0]["id"] == name)
        page.post(f"chats/{name}/title", {"title": " Big   animals "})
        events.until(lambda event, data: event == "chats" and data["chats"][0]["title"] == "Big animals")
        copy = page.post(f"chats/{name}/fork", {"node": chat["nodes"][0]["id"]})["id"]
        events.until(lambda event, data: event == "chats" and data["chats"][0]["id"] == copy)
    assert texts(page.chat(copy)) == [("user", "name an animal")]
    assert page.get("chats", q="Big animals")["chats"][0]["messages"] == 1
    everything = page.get("chats")["chats"]
    assert [page.get("chats", after=cursor)["chats"] for cursor in ("x", "1:" + "9" * 40)] == [everything] * 2
    with page.events(name) as events:
        events.until(lambda event, _: event == "snapshot")
        page.post(f"chats/{name}/delete")
        events.until(lambda event, data: event == "chat" and data.get("deleted"))
    assert page.http.get(f"/api/chats/{name}").status_code == 404
    assert name in [row["id"] for row in page.get("chats", deleted=1)["chats"]]
    page.post(f"chats/{name}/restore")
    assert page.chat(name)["title"] == "Big animals"
    retried = page.post(f"chats/{copy}/turns", {"kind": "retry", "node": chat["nodes"][0]["id"]})
    assert retried["id"] == copy
    assert texts(page.ended(copy))[1] == ("assistant", "another")


def test_page_chat_has_role_and_settings_of_its_own(served: Served, page: PageClient) -> None:
    role = served.home / ".config" / "termchat" / "prompts" / "pirate.md"
    role.parent.mkdir(exist_ok=True)
    role.write_text(
        "---\ndescription: talks\nmodel: xanthropic/claude-opus-5\ntools: none\n---\nTalk like a {{who}}.\n"
    )
    assert page.get("page")["roles"] == [{"name": "pirate", "description": "talks", "needs": ["who"]}]
    assert page.refused("chats", {"text": "hi", "role": "pirate"})[0] == 400
    served.gateway.reply(Reply(Text("arr")), Reply(Text("hm")))
    chat = page.ask("hi", role="pirate who=pirate")
    assert (chat["role"], chat["system"].strip(), chat["model"]) == (
        "pirate",
        "Talk like a pirate.",
        MODEL_OF_ANTHROPIC,
    )
    asked = served.gateway.asked[-1].body
    assert "Talk like a pirate." in str(asked["system"])
    assert "tools" not in asked
    with page.events(chat["id"]) as events:
        events.until(lambda name, _: name == "snapshot")
        page.post(f"chats/{chat['id']}/settings", {"system": "Be plain.", "model": "xopenai/gpt-5.2:low"})
        told = events.until(lambda name, data: name == "chat" and data.get("system") == "Be plain.")
    assert (told["model"], told["think"]) == ("xopenai/gpt-5.2", "low")
    page.ask("and now?", chat["id"])
    assert served.gateway.asked[-1].body["messages"][0]["content"] == "Be plain."
    assert page.refused(f"chats/{chat['id']}/settings", {"role": "nobody"})[0] in (400, 404)


def test_page_describes_models_and_tools(served: Served, page: PageClient) -> None:
    found = page.get("page")
    assert (found["default_model"], "run_shell" in found["tools"]) == ("xopenai/gpt-5.2", True)
    listed = {model["id"]: model for model in page.get("models")["models"]}
    assert listed[MODEL_OF_ANTHROPIC]["vision"]


def test_page_turn_over_budget_is_not_sent(tmp_path: Path) -> None:
    with running(tmp_path, ['max_cost_day = "0.0001"']) as served:
        page = PageClient(served.url)
        chat = page.ask("hi")
        page.http.close()
        ended = chat["ended"][-1]
        assert (ended["outcome"], ended["failure"]["kind"], ended["has_content"]) == ("budget", "budget", False)
        assert ended["failure"]["hint"].startswith("Raise it: start termchat with --set max_cost_day=")
        assert served.gateway.asked == []


def test_chats_that_are_released_leave_no_locks(served: Served, page: PageClient) -> None:
    def locks() -> int:
        gc.collect()
        return sum(isinstance(found, asyncio.Lock) for found in gc.get_objects())

    served.gateway.reply(*(Reply(Text("ok")) for _ in range(5)))
    page.ask("first")
    before = locks()
    for n in range(4):
        page.ask(f"chat {n}")
    wait_for(locks, lambda found: found <= before)
