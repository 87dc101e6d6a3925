"""Import of exports of other programs, with samples written after their format descriptions."""

from __future__ import annotations

import json
import sqlite3
import zipfile
from contextlib import closing
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from termchat.core.chat_store import ChatStore, Resumed
from termchat.core.chats import ImportReport, SkippedRecord
from termchat.core.errors import Failure
from termchat.core.messages import (
    File,
    Image,
    Message,
    Origin,
    Reasoning,
    Role,
    Text,
    ToolCall,
    ToolResult,
    user_message,
)
from termchat.core.models import ApiProtocol, ModelRef
from termchat.core.outcomes import Outcome
from termchat.core.usage import Usage
from termchat.core.wire.history import prepare_history
from termchat.store.importers import chatgpt, claude, termchat
from tests.store.conftest import StoreFixture
from tests.store.helpers import HERE

SAMPLES = Path(__file__).parent / "samples"


async def resume_by_title(store: ChatStore, title: str) -> Resumed:
    page = await store.chats(limit=100)
    (chat,) = [chat.id for chat in page.chats if chat.title == title]
    found = await store.resume(chat, HERE)
    assert isinstance(found, Resumed)
    return found


async def path(store: ChatStore, title: str) -> list[Message]:
    return [node.message for node in (await resume_by_title(store, title)).conversation.path()]


async def assert_import(store: ChatStore, file: Path, counts: tuple[int, int], skipped: list[str]) -> None:
    """Import twice and check the counts; the second import adds nothing."""
    report = await store.import_file(file)
    assert isinstance(report, ImportReport)
    assert (report.chats, report.messages) == counts
    assert [item.name for item in report.skipped] == skipped
    again = await store.import_file(file)
    assert isinstance(again, ImportReport)
    assert (again.chats, again.messages, again.known) == (0, 0, counts[0])


async def test_import_chatgpt_keeps_branches_tools_and_model(stores: StoreFixture) -> None:
    store = stores.open()
    await assert_import(store, SAMPLES / "chatgpt.json", (2, 9), ["Broken chat", "chat 4"])

    gpt = Origin("openai", ApiProtocol.RESPONSES, "gpt-5")
    assert await path(store, "Plotting primes") == [
        user_message("Plot the primes"),
        Message(Role.ASSISTANT, (Reasoning("Plan\nUse a sieve."),), gpt, Outcome.COMPLETE),
        Message(Role.ASSISTANT, (ToolCall("m-code", "python", "print([2, 3, 5])"),), gpt, Outcome.COMPLETE),
        Message(Role.TOOL, (ToolResult("m-code", "python", (Text("[2, 3, 5]"),)),)),
        Message(Role.ASSISTANT, (Text("[image, not in the export]"), Text("Here.")), gpt, Outcome.COMPLETE),
    ]
    found = await resume_by_title(store, "Plotting primes")
    assert len(found.conversation.nodes) == 7  # includes the edited question and its answer
    assert found.state.model == ModelRef("openai", "gpt-5")
    assert await path(store, "Hello there") == [
        user_message("Hello there"),
        Message(Role.ASSISTANT, (Text("Hi"),), None, Outcome.CUT),
    ]
    assert prepare_history(found.conversation.history(), gpt, lambda _: True)


async def test_import_claude_keeps_branches_tools_and_files(stores: StoreFixture) -> None:
    store = stores.open()
    await assert_import(store, SAMPLES / "claude.json", (2, 7), ["Broken"])

    assert await path(store, "Weather talk") == [
        user_message("What is it like?", File("notes.txt", "text/plain", b"It may rain.")),
        Message(
            Role.ASSISTANT,
            (Reasoning("Ask the tool."), Text("Let me see."), ToolCall("call_2", "weather", '{"city": "Rome"}')),
            outcome=Outcome.COMPLETE,
        ),
        Message(Role.TOOL, (ToolResult("call_2", "weather", (Text("18 degrees"),)),)),
        Message(Role.ASSISTANT, (Text("It is 18 degrees."),), outcome=Outcome.COMPLETE),
    ]
    branches = await resume_by_title(store, "Two answers")
    assert [n.message.text for n in branches.conversation.path()] == ["Say a word", "second"]
    assert len(branches.conversation.nodes) == 3
    assert branches.info.created == 1_735_700_400.0


def llm_log(file: Path, *, old: bool = False) -> None:
    """Create a logs.db with the tables of llm; `old` leaves out attachments and tools."""
    script = (SAMPLES / "llm.sql").read_text()
    with closing(sqlite3.connect(file)) as connection:
        connection.executescript(script.partition("-- later tables")[0] if old else script)


async def test_import_llm_log_keeps_attachments_tools_and_usage(stores: StoreFixture, tmp_path: Path) -> None:
    llm_log(tmp_path / "logs.db")
    store = stores.open()
    await assert_import(store, tmp_path / "logs.db", (2, 8), [])

    origin = Origin("openai", ApiProtocol.CHAT, "gpt-4o-mini-2024")
    assert await path(store, "Rome weather") == [
        user_message("Weather?", Text("some context\n"), Image("image/png", b"\x89PNG")),
        Message(
            Role.ASSISTANT,
            (Text("Let me look."), ToolCall("call_9", "weather", '{"city": "Rome"}')),
            origin,
            Outcome.COMPLETE,
            Usage(input=12, output=7),
        ),
        Message(Role.TOOL, (ToolResult("call_9", "weather", (Text("18 degrees"),)),)),
        Message(Role.ASSISTANT, (Text("It is 18 degrees."),), origin, Outcome.COMPLETE),
        user_message("Thanks", Image("image/png", b"", "https://example.org/x.png")),
        Message(Role.ASSISTANT, (Text("Welcome."),), origin, Outcome.COMPLETE),
    ]
    found = await resume_by_title(store, "Rome weather")
    assert found.state.system == "Be brief."
    assert (await resume_by_title(store, "alone")).state.model == ModelRef("anthropic", "claude")


async def test_import_llm_log_without_later_tables(stores: StoreFixture, tmp_path: Path) -> None:
    llm_log(tmp_path / "logs.db", old=True)
    store = stores.open()
    await assert_import(store, tmp_path / "logs.db", (2, 7), [])


async def test_import_llm_threads_keeps_branches_fragments_tools_and_usage(
    stores: StoreFixture, tmp_path: Path
) -> None:
    with closing(sqlite3.connect(tmp_path / "logs.db")) as connection:
        connection.executescript((SAMPLES / "llm-threads.sql").read_text())
    store = stores.open()
    report = await store.import_file(tmp_path / "logs.db")
    assert isinstance(report, ImportReport)
    assert (report.chats, report.messages) == (3, 9)
    assert [(item.name, item.parts) for item in report.skipped] == [("Forked", 1)]
    again = await store.import_file(tmp_path / "logs.db")
    assert isinstance(again, ImportReport)
    assert (again.chats, again.messages, again.known) == (0, 0, 3)

    origin = Origin("openai", ApiProtocol.CHAT, "gpt-5.5-2026")
    result = ToolResult(
        "call_a", "look", (Text("a hill"), Image("image/png", b"\x89PNG", "", "hill.png")), is_error=True
    )
    assert await path(store, "Of tea") == [
        user_message("Of tea and kettles.\nSummarise"),
        Message(
            Role.ASSISTANT,
            (Reasoning("Short."), Text("Kettles whistle."), ToolCall("call_a", "look", '{"b": 1, "a": 2}')),
            origin,
            Outcome.COMPLETE,
            Usage(input=5, output=3),
        ),
        Message(Role.TOOL, (result,)),
        Message(Role.ASSISTANT, (Text("A hill."),), origin, Outcome.COMPLETE, Usage(input=9, output=2)),
    ]
    found = await resume_by_title(store, "Of tea")
    assert found.state.system == "Be brief"
    assert found.state.model == ModelRef("openai", "gpt-5.5")
    assert len(found.conversation.nodes) == 5  # includes the answer of a turn off the path to the tip
    assert await path(store, "Forked") == [
        user_message("Of tea and kettles.\nSummarise"),
        Message(Role.ASSISTANT, (Text("Tea."),), origin, Outcome.COMPLETE),
    ]
    assert [message.text for message in await path(store, "Alone")] == ["Alone", "Yes."]


async def test_import_of_other_database_fails(stores: StoreFixture, tmp_path: Path) -> None:
    store = stores.open()
    file = tmp_path / "logs.db"
    for script in ("CREATE TABLE bookmarks (a)", (SAMPLES / "llm.sql").read_text().partition("INSERT")[0]):
        with closing(sqlite3.connect(file)) as connection:
            connection.executescript(script)
        assert isinstance(await store.import_file(file), Failure), script
        file.unlink()
    llm_log(file)
    data = bytearray(file.read_bytes())
    data[100:4096] = b"\xff" * 3996
    file.write_bytes(data)
    assert isinstance(await store.import_file(file), Failure)


async def test_import_chatgpt_without_end_takes_newest_leaf(stores: StoreFixture, tmp_path: Path) -> None:
    def node(name: str, parent: str | None, role: str, at: float, content: Any) -> Any:
        message = {"id": name, "author": {"role": role}, "create_time": at, "content": content}
        return {"id": name, "parent": parent, "message": message}

    def text(*parts: Any) -> Any:
        return {"content_type": "text", "parts": parts}

    mapping = {
        "q": node("q", None, "user", 1.0, text("question", None, {"content_type": 7})),
        "new": node("new", "q", "assistant", 3.0, text("newest")),
        "old": node("old", "q", "assistant", 2.0, text("older")),
        "none": node("none", "q", "assistant", 9.0, None),
        "odd": 7,
    }
    ends: tuple[Any, ...] = ("gone", None, 7)
    chats = [{"id": str(end), "title": str(end), "current_node": end, "mapping": mapping} for end in ends]
    file = tmp_path / "conversations-000.json"
    file.write_text(json.dumps(chats))
    store = stores.open()
    report = await store.import_file(file)

    assert isinstance(report, ImportReport)
    assert (report.chats, report.messages) == (3, 9)
    assert [(item.name, item.parts) for item in report.skipped] == [(str(end), 4) for end in ends]
    for end in ends:
        assert [message.text for message in await path(store, str(end))] == ["question", "newest"]


async def test_import_llm_response_that_cannot_be_read_costs_only_itself(stores: StoreFixture, tmp_path: Path) -> None:
    llm_log(tmp_path / "logs.db")
    with closing(sqlite3.connect(tmp_path / "logs.db")) as connection:
        connection.execute("UPDATE responses SET response = x'00ff' WHERE id = 'r3'")
        connection.commit()
    store = stores.open()
    report = await store.import_file(tmp_path / "logs.db")

    assert isinstance(report, ImportReport)
    assert [(item.name, item.parts) for item in report.skipped] == [("Rome weather", 1)]
    assert [m.text for m in await path(store, "Rome weather")][-1] == "It is 18 degrees."


async def test_import_reads_folder_and_zip(stores: StoreFixture, tmp_path: Path) -> None:
    chats: list[Any] = json.loads((SAMPLES / "chatgpt.json").read_text())
    folder = tmp_path / "export"
    folder.mkdir()
    (folder / "conversations-000.json").write_text(json.dumps(chats[:1]))
    (folder / "conversations-001.json").write_text(json.dumps(chats[1:]))
    with zipfile.ZipFile(tmp_path / "export.zip", "w") as archive:
        archive.writestr("inner/conversations.json", json.dumps(chats))
        archive.writestr("user.json", "{}")
    store = stores.open()

    first, second = await store.import_file(folder), await store.import_file(tmp_path / "export.zip")
    assert isinstance(first, ImportReport)
    assert isinstance(second, ImportReport)
    assert (first.chats, first.messages) == (2, 9)
    assert (second.chats, second.messages, second.known) == (0, 0, 2)


async def test_import_newer_export_adds_new_messages(stores: StoreFixture, tmp_path: Path) -> None:
    chats: list[Any] = json.loads((SAMPLES / "claude.json").read_text())
    file = tmp_path / "conversations.json"
    file.write_text(json.dumps(chats[1:2]))
    store = stores.open()
    await store.import_file(file)
    more = {"uuid": "new", "sender": "human", "text": "And now?", "parent_message_uuid": "b-3"}
    chats[1]["chat_messages"].append(more)
    file.write_text(json.dumps(chats[1:2]))

    assert await store.import_file(file) == ImportReport("Claude", messages=1)


NAMES = (
    "id title mapping message author role content content_type parts parent current_node create_time metadata",
    "thoughts uuid name chat_messages sender text type input created_at attachments file_name conversation_id",
)
FIELDS = st.sampled_from(" ".join(NAMES).split())
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | FIELDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(FIELDS, inner, max_size=4),
    max_leaves=12,
)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(VALUES, st.sampled_from(["mapping", "chat_messages"]), VALUES, st.randoms())
def test_import_any_values_are_read_or_skipped(odd: Any, key: str, inside: Any, chance: Any) -> None:
    read = chatgpt.read_chatgpt if key == "mapping" else claude.read_claude
    wrapped = {"a": {"message": inside, "parent": None}} if key == "mapping" else [inside]
    found = list(read([odd, {"id": "1", "uuid": "1", key: odd}, {"id": "2", "uuid": "2", key: wrapped}]))
    whole = [item for item in found if not isinstance(item, SkippedRecord) or not item.parts]
    assert len(whole) == 3 or any(not isinstance(item, SkippedRecord) for item in found)


def test_import_damaged_record_is_read_or_skipped() -> None:
    for read, name in ((chatgpt.read_chatgpt, "chatgpt.json"), (claude.read_claude, "claude.json")):
        for chat in json.loads((SAMPLES / name).read_text()):
            for damaged in _damaged_variants(chat):
                chats = [item for item in read([damaged]) if not isinstance(item, SkippedRecord) or not item.parts]
                assert len(chats) == 1


def test_import_damaged_chat_of_termchat_is_read_or_skipped() -> None:
    message = {"v": 1, "author": "user", "parts": [{"type": "text", "text": "Hello"}]}
    nodes = [{"id": "a", "parent": None, "message": message}, {"id": "b", "parent": "a", "message": message}]
    for damaged in _damaged_variants({"id": "1", "title": "Hello", "head": "b", "messages": nodes}):
        assert len(list(termchat.read_termchat({"version": 1, "chats": [damaged]}))) == 1


def _damaged_variants(value: Any) -> list[Any]:
    """Variants of a value, each with one inner value replaced."""
    found: list[Any] = [None, 7, "x", [], {}]
    if isinstance(value, dict):
        found += [{**value, key: inner} for key in value for inner in _damaged_variants(value[key])]
    if isinstance(value, list):
        found += [
            [*value[:n], inner, *value[n + 1 :]] for n in range(len(value)) for inner in _damaged_variants(value[n])
        ]
    return found
