"""Export of chats, and import of termchat's own JSON."""

from __future__ import annotations

import asyncio
import json
import tempfile
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from termchat.core.chat_store import ChatStore, Resumed
from termchat.core.chats import ChatInfo, ChatState, ExportFormat, FullChat, ImportReport
from termchat.core.conversation import Conversation, Node
from termchat.core.errors import Failure
from termchat.core.messages import (
    Citation,
    File,
    Image,
    Message,
    Reasoning,
    Role,
    Text,
    ToolCall,
    ToolResult,
    ToolStatus,
    attached_text,
    user_message,
)
from termchat.core.models import ModelRef
from termchat.core.outcomes import Outcome
from termchat.core.sanitize import safe
from termchat.store.chat_store import SqliteChatStore as Store
from termchat.store.export import Writer
from termchat.store.export.markdown import fenced
from tests.store.conftest import StoreFixture
from tests.store.helpers import HERE, ORIGIN, STATE, answer, ask
from tests.store.strategies import records


def export_text(form: ExportFormat, *chats: FullChat) -> str:
    writer = Writer(form)
    return "".join([writer.chat(chat) for chat in chats] + [writer.end()])


async def export_from(
    store: ChatStore, form: ExportFormat, chats: list[str] | None = None, head: str | None = None
) -> str:
    pieces = [piece async for piece in store.export(form, chats, head)]
    return "".join(piece for piece in pieces if isinstance(piece, str))


def sample() -> FullChat:
    """A chat with a part of every kind, some with hostile markup."""
    answer = Message(
        Role.ASSISTANT,
        (
            Reasoning("hm </pre><script>alert(1)</script>"),
            Text(
                "**bold** <script>alert(2)</script> [x](javascript:alert(3)) ![pic](http://evil/x.png)\n\n```\ncode\n```"
            ),
            ToolCall("c1", "ls", '{"path": "````"}'),
        ),
        ORIGIN,
        Outcome.CUT,
    )
    question = user_message(
        "look <b>here</b>", Image("image/png", b"\x89PNG"), File("a&b.pdf", "application/pdf", b"%PDF")
    )
    nodes = [
        Node("n1", None, question),
        Node("n2", "n1", answer),
        Node("n3", "n2", Message(Role.TOOL, (ToolResult("c1", "ls", (Text("```\nout\n```"),), is_error=True),))),
        Node("n4", "n1", Message(Role.ASSISTANT, (Text("another", (Citation("https://example.org", "E"),)),), ORIGIN)),
    ]
    info = ChatInfo("c0ffee", "A <title>", ModelRef("openai", "gpt"), 1e9, 1e9, 1)
    tree = Conversation({node.id: node for node in nodes}, "n3")
    return FullChat(info, ChatState(info.model, "be brief"), tree, {})


@settings(max_examples=60, deadline=None)
@given(st.lists(records(), min_size=1, max_size=3, unique_by=lambda record: record.info.id))
def test_json_export_imported_elsewhere_is_equal(chats: list[FullChat]) -> None:
    async def round_trip() -> tuple[str, str]:
        with tempfile.TemporaryDirectory() as directory:
            file = Path(directory) / "chats.json"
            file.write_text(export_text(ExportFormat.JSON, *chats), "utf-8")
            store = Store(None, lambda _: None)
            report = await store.import_file(file)
            assert isinstance(report, ImportReport)
            assert (report.chats, report.skipped) == (len(chats), ())
            assert report.messages == sum(len(chat.conversation.nodes) for chat in chats)
            again = await store.import_file(file)
            assert again == ImportReport("termchat", known=len(chats))
            found = await export_from(store, ExportFormat.JSON, [chat.info.id for chat in chats])
            await store.close()
            return file.read_text("utf-8"), found

    before, after = asyncio.run(round_trip())
    assert json.loads(after) == json.loads(before)


async def test_json_import_again_adds_only_new_messages(stores: StoreFixture, tmp_path: Path) -> None:
    store = stores.open()
    recorder = store.new_recorder(STATE, HERE)
    first = ask(recorder, "one")
    await answer(recorder, first, "two")
    await answer(recorder, first, "sibling")
    file = tmp_path / "out.json"
    file.write_text(await export_from(store, ExportFormat.JSON), "utf-8")
    other = stores.open(tmp_path / "other" / "termchat.db")
    await other.import_file(file)

    here, there = await store.resume(recorder.chat_id, HERE), await other.resume(recorder.chat_id, HERE)
    assert isinstance(here, Resumed)
    assert isinstance(there, Resumed)
    assert there.conversation == here.conversation
    assert there.state == here.state
    await answer(recorder, ask(recorder, "three", here.conversation.head), "four")
    file.write_text(await export_from(store, ExportFormat.JSON), "utf-8")
    assert await other.import_file(file) == ImportReport("termchat", messages=2)


async def test_export_of_head_holds_one_branch(stores: StoreFixture) -> None:
    store = stores.open()
    recorder = store.new_recorder(STATE, HERE)
    first = ask(recorder, "one")
    two = await answer(recorder, first, "two")
    recorder.move(first)
    await answer(recorder, first, "sibling")

    here = await export_from(store, ExportFormat.TEXT, [recorder.chat_id])
    there = await export_from(store, ExportFormat.TEXT, [recorder.chat_id], two)
    assert "sibling" in here
    assert "two" not in here
    assert "two" in there
    assert "sibling" not in there
    branch = json.loads(await export_from(store, ExportFormat.JSON, [recorder.chat_id], two))
    assert [entry["id"] for entry in branch["chats"][0]["messages"]] == [first, two]


async def test_export_of_empty_store_is_a_complete_file(stores: StoreFixture) -> None:
    store = stores.open()

    assert json.loads(await export_from(store, ExportFormat.JSON))["chats"] == []
    assert (await export_from(store, ExportFormat.HTML)).endswith("</html>\n")


def test_markdown_export_holds_all_parts_and_widens_fences() -> None:
    text = export_text(ExportFormat.MARKDOWN, sample())

    assert text.startswith("# A <title>\n")
    assert "## You\n" in text
    assert "## openai/gpt-5.2\n" in text
    assert "· cut*" in text
    assert "````\n```\nout\n```\n````\n" in text
    assert '`````json\n{"path": "````"}\n`````\n' in text
    assert "another" not in text


def test_text_export_holds_all_parts() -> None:
    text = export_text(ExportFormat.TEXT, sample())

    assert "You, " in text
    assert "[calls ls" in text
    assert "[ls failed: ```" in text
    assert "(cut):" in text


@given(st.text("`~ab\n", max_size=30))
def test_fence_is_longer_than_any_inside(text: str) -> None:
    lines = fenced(text).splitlines()
    assert lines[0] == lines[-1]
    assert all(not line.startswith(lines[0]) for line in lines[1:-1])


class TagCollector(HTMLParser):
    """Collect every tag with its attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def tags(html: str) -> list[tuple[str, dict[str, str | None]]]:
    parser = TagCollector()
    parser.feed(html)
    return parser.found


def assert_inert(html: str) -> None:
    """Check that a page has no script, handler, loaded resource, or link other than web and mail."""
    for tag, attributes in tags(html):
        assert tag not in ("script", "iframe", "object", "embed", "link", "form", "base", "svg", "video", "audio")
        assert not any(name.startswith("on") for name in attributes)
        assert tag != "img" or (attributes["src"] or "").startswith("data:image/")
        assert (attributes.get("href") or "https://").startswith(("http://", "https://", "mailto:"))


def test_html_export_is_inert_and_follows_color_scheme() -> None:
    html = export_text(ExportFormat.HTML, sample())

    assert_inert(html)
    assert "<strong>bold</strong>" in html
    assert "prefers-color-scheme: dark" in html
    assert '<a href="http://evil/x.png">pic</a>' in html
    assert html.count("<article>") == 1
    assert "A &lt;title&gt;" in html


@settings(max_examples=100, deadline=None)
@given(st.text('<>"&=()[]!`*_#-|:/ \nabconsriptjavhem', max_size=80))
def test_html_export_of_any_text_is_inert(text: str) -> None:
    chat = sample()
    message = Message(
        Role.ASSISTANT, (Text(text), Reasoning(text), ToolCall(text, text, text), Image(text, b"x", text))
    )
    node = Node("n", None, message)
    info = replace(chat.info, title=text)
    assert_inert(export_text(ExportFormat.HTML, replace(chat, info=info, conversation=Conversation({"n": node}, "n"))))


@settings(max_examples=40, deadline=None)
@given(records(), st.sampled_from(ExportFormat))
def test_export_any_chat_in_any_format_is_utf8(chat: FullChat, form: ExportFormat) -> None:
    assert export_text(form, chat, chat).encode("utf-8")


HOSTILE = "\x1b]52;c;aGk=\x07 \x7f \x9b31m \u202e \u2028 \r\n"


@pytest.mark.parametrize("form", ExportFormat)
def test_export_of_hostile_text_is_safe_for_terminal(form: ExportFormat) -> None:
    message = user_message(HOSTILE, Image("image/png", b"", "", HOSTILE), File(HOSTILE, "text/plain", HOSTILE.encode()))
    reply = Message(Role.ASSISTANT, (Text(HOSTILE), Reasoning(HOSTILE), ToolCall(HOSTILE, HOSTILE, HOSTILE)))
    nodes = {"q": Node("q", None, message), "a": Node("a", "q", reply)}
    info = replace(sample().info, title=HOSTILE)
    chat = FullChat(info, ChatState(None, HOSTILE), Conversation(nodes, "a"), {})
    text = export_text(form, chat)
    assert text == safe(text)
    if form is ExportFormat.JSON:
        (loaded,) = json.loads(text)["chats"]
        assert loaded["title"] == HOSTILE
        assert loaded["messages"][1]["message"]["parts"][0]["text"] == HOSTILE


@pytest.mark.parametrize("form", [ExportFormat.MARKDOWN, ExportFormat.TEXT, ExportFormat.HTML])
def test_export_keeps_names_of_attachments_and_content_of_text_files(form: ExportFormat) -> None:
    question = Message(
        Role.USER,
        (
            attached_text("notes & more.txt", "line <one>\nline two"),
            Text("What is this?"),
            Image("image/png", b"\x89PNG", name="cat.png"),
            Image("image/bmp", b"BM", name="dog.bmp"),
            File("data.csv", "text/csv", b"a,b"),
            File("a.pdf", "application/pdf", b"%PDF"),
        ),
    )
    info = replace(sample().info, title="")
    text = unescape(
        export_text(form, FullChat(info, ChatState(), Conversation({"q": Node("q", None, question)}, "q"), {}))
    )
    for part in ("notes & more.txt", "line <one>\nline two", "cat.png", "dog.bmp", "data.csv", "a,b", "a.pdf"):
        assert part in text
    assert "</file>" not in text


async def test_import_of_other_file_fails(stores: StoreFixture, tmp_path: Path) -> None:
    store = stores.open()
    bad = tmp_path / "bad"
    for raw in (b"", b"hello", b"{}", b"[]", b"[1]", b'{"a": 1}', b"PK\x03\x04broken", b"\xff\xfe", b"[" * 100_000):
        bad.write_bytes(raw)
        assert isinstance(await store.import_file(bad), Failure), raw
    assert isinstance(await store.import_file(tmp_path / "missing"), Failure)
    assert isinstance(await store.import_file(tmp_path / ""), Failure)


async def test_import_names_and_skips_bad_records(stores: StoreFixture, tmp_path: Path) -> None:
    good = json.loads(export_text(ExportFormat.JSON, sample()))
    entry = good["chats"][0]
    circle = {**entry, "id": "x1", "title": "circle", "messages": [{**entry["messages"][0], "parent": "n1"}]}
    strange = {**entry, "id": "x2", "title": "strange", "messages": [{"id": "a", "message": {"v": 99}}]}
    good["chats"] += [circle, strange, {"title": "no id"}, 7, {**entry, "id": "../..", "title": "path"}]
    file = tmp_path / "mixed.json"
    file.write_text(json.dumps(good))
    report = await stores.open().import_file(file)

    assert isinstance(report, ImportReport)
    assert (report.chats, report.messages) == (1, 4)
    assert [skipped.name for skipped in report.skipped] == ["circle", "strange", "no id", "chat 5", "path"]
    assert all(skipped.why for skipped in report.skipped)


@pytest.mark.parametrize("form", [ExportFormat.MARKDOWN, ExportFormat.TEXT, ExportFormat.HTML])
@pytest.mark.parametrize(
    ("status", "edited", "words"),
    [
        (ToolStatus.RAN, "", "failed"),
        (ToolStatus.DECLINED, "", "declined"),
        (ToolStatus.CANCELLED, "", "cancelled"),
        (ToolStatus.TIMED_OUT, "{}", "timed out, edited"),
    ],
)
def test_export_names_the_end_of_a_call(form: ExportFormat, status: ToolStatus, edited: str, words: str) -> None:
    record = sample()
    result = ToolResult("c1", "ls", (Text("out"),), is_error=True, status=status, edited=edited)
    nodes = dict(record.conversation.nodes) | {"n3": Node("n3", "n2", Message(Role.TOOL, (result,)))}
    text = export_text(form, replace(record, conversation=Conversation(nodes, "n3")))
    assert f"ls {words}" in text.replace("`", "")
    assert words == "failed" or "failed" not in text
