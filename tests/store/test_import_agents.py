"""Import of the sessions of agents: Claude Code, Codex, pi and aichat, with samples in the forms they write."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from termchat.core.chats import FullChat, ImportReport, SkippedRecord
from termchat.core.conversation import Conversation
from termchat.core.effects import ListChats, OpenChat, Print
from termchat.core.errors import Failure
from termchat.core.messages import Image, Message, Origin, Reasoning, Role, Text, ToolCall, ToolResult, user_message
from termchat.core.models import ApiProtocol, ModelRef
from termchat.core.outcomes import Outcome
from termchat.core.usage import Usage
from termchat.engine.session import ChatSession
from termchat.engine.turn import TurnConfig
from termchat.store.importers import detect_format
from termchat.store.importers.agent_files import AgentFile
from termchat.store.importers.claude_code import read_claude_code
from termchat.store.importers.yaml_blocks import parse_yaml
from termchat.store.json_fields import InvalidRecord
from termchat.ui.chat_effects import run_chat_effect
from tests.store.conftest import StoreFixture
from tests.store.helpers import HERE
from tests.store.test_import import SAMPLES, assert_import, path, resume_by_title
from tests.ui.fakes import FAKE, FakePrices, FakeProviders, FakeTools

PNG = b"\x89PNG\r\n\x1a\n"
SESSIONS = ("claude-code.jsonl", "codex.jsonl", "codex-2025.jsonl", "pi.jsonl", "aichat.yaml")


def chats_of(file: Path) -> list[FullChat]:
    source = detect_format(file)
    assert not isinstance(source, Failure), source
    return [chat for chat in source.records if isinstance(chat, FullChat)]


def texts(conversation: Conversation) -> list[str]:
    return [node.message.text or node.message.role.value for node in conversation.path()]


async def test_import_claude_code_joins_blocks_and_results_of_a_reply(stores: StoreFixture) -> None:
    store = stores.open()
    await assert_import(store, SAMPLES / "claude-code.jsonl", (1, 8), ["Empty files"])
    opus = Origin("anthropic", ApiProtocol.ANTHROPIC, "claude-opus-5")
    usage = Usage(input=113, output=7, cached=100, cache_write=10)
    assert await path(store, "Empty files") == [
        user_message("Which files are empty?"),
        Message(
            Role.ASSISTANT,
            (
                Reasoning("List them first."),
                Text("Let me look."),
                ToolCall("toolu_1", "Bash", '{"command": "ls"}'),
                ToolCall("toolu_2", "Read", '{"file_path": "/home/ann/site/a"}'),
            ),
            opus,
            Outcome.COMPLETE,
            usage,
        ),
        Message(
            Role.TOOL,
            (
                ToolResult("toolu_1", "Bash", (Text("a\nb"),)),
                ToolResult("toolu_2", "Read", (Text("no such file"),), is_error=True),
            ),
        ),
        Message(Role.ASSISTANT, (Text("Both are empty."),), opus, Outcome.COMPLETE, usage),
        user_message("/review all"),
        Message(Role.ASSISTANT, (Text("All is well."),), opus, Outcome.COMPLETE, usage),
    ]
    found = await resume_by_title(store, "Empty files")
    branch = [node.message for node in found.conversation.nodes.values() if node.message.text == "A picture of"]
    assert [message.outcome for message in branch] == [Outcome.CANCELLED]
    assert found.state.model == ModelRef("anthropic", "claude-opus-5")
    assert found.info.created == 1_770_069_301.0


async def test_import_codex_follows_rollback_and_leaves_out_its_notes(stores: StoreFixture) -> None:
    store = stores.open()
    await assert_import(store, SAMPLES / "codex.jsonl", (1, 10), ["codex.jsonl"])
    codex = Origin("openai", ApiProtocol.RESPONSES, "gpt-5.3-codex")
    shell = ToolCall("call_1", "shell", '{"command":["expr","2","+","2"]}')
    assert await path(store, "What is 2+2?") == [
        user_message("What is 2+2?"),
        Message(Role.ASSISTANT, (Reasoning("**Adding**"), shell), codex, Outcome.COMPLETE),
        Message(Role.TOOL, (ToolResult("call_1", "shell", (Text("4"),)),)),
        Message(
            Role.ASSISTANT,
            (ToolCall("call_2", "apply_patch", '{"input": "*** Begin Patch"}'),),
            codex,
            Outcome.COMPLETE,
        ),
        Message(Role.TOOL, (ToolResult("call_2", "apply_patch", (Text("Success"),)),)),
        Message(Role.ASSISTANT, (Text("It is 4."),), codex, Outcome.COMPLETE),
        user_message("Thanks"),
        Message(Role.ASSISTANT, (Text("Gladly"),), codex, Outcome.CANCELLED),
    ]


async def test_import_codex_of_2025_reads_bare_items(stores: StoreFixture) -> None:
    store = stores.open()
    await assert_import(store, SAMPLES / "codex-2025.jsonl", (1, 4), [])
    call = ToolCall("call_9", "local_shell", '{"type": "exec", "command": ["date"]}')
    assert await path(store, "hello codex") == [
        user_message("hello codex"),
        Message(Role.ASSISTANT, (Reasoning("Greet."), call), None, Outcome.COMPLETE),
        Message(Role.TOOL, (ToolResult("call_9", "local_shell", (Text("Monday"),)),)),
        Message(Role.ASSISTANT, (Text("Hello, it is Monday."),), None, Outcome.COMPLETE),
    ]


async def test_import_pi_keeps_branches_and_goes_on_from_compaction(stores: StoreFixture) -> None:
    store = stores.open()
    await assert_import(store, SAMPLES / "pi.jsonl", (1, 14), ["Dates"])
    found = await resume_by_title(store, "Dates")
    assert texts(found.conversation) == [
        "The user asked for the date.",
        "Thanks",
        "Welcome.",
        "Once more",
        "Monday, again.",
    ]
    assert [found.conversation.nodes[node].message.text for node in found.conversation.labels] == ["Monday."]
    assert [*found.conversation.labels.values()] == ["the date"]
    sonnet, usage = Origin("anthropic", ApiProtocol.ANTHROPIC, "claude-sonnet-5"), Usage(8, 6, 1, 2)
    (long,) = [node for node in found.conversation.nodes.values() if node.message.outcome is Outcome.LENGTH]
    assert [node.message for node in found.conversation.path(long.id)] == [
        user_message("Show the date"),
        Message(
            Role.ASSISTANT,
            (Reasoning("Run date."), ToolCall("toolu_1", "bash", '{"command": "date"}')),
            sonnet,
            Outcome.COMPLETE,
            usage,
        ),
        Message(Role.TOOL, (ToolResult("toolu_1", "bash", (Text("Monday"),)),)),
        Message(Role.ASSISTANT, (Text("Monday."),), sonnet, Outcome.COMPLETE, usage),
        user_message("Ran `ls`\n```\na\n```"),
        user_message("And a file?"),
        Message(Role.ASSISTANT, (Text("There is a"),), sonnet, Outcome.LENGTH, usage),
    ]


async def test_import_aichat_reads_calls_and_goes_on_from_compression(stores: StoreFixture) -> None:
    store = stores.open()
    await assert_import(store, SAMPLES / "aichat.yaml", (1, 7), [])
    found = await resume_by_title(store, "What is the weather in Rome?")
    gpt = Origin("openai", ApiProtocol.CHAT, "gpt-5.4")
    assert (found.state.system, found.state.model) == ("You are: brief.", ModelRef("openai", "gpt-5.4"))
    assert [node.message for node in found.conversation.path()] == [
        user_message("Summary:\tthe user asked about Rome.\n"),
        Message(
            Role.USER,
            (
                Text("And this?"),
                Image("image/png", PNG),
                Text("[image /home/ann/b.png, not in the session]\n"),
            ),
        ),
        Message(Role.ASSISTANT, (Text("A cloud."),), gpt, Outcome.COMPLETE),
    ]
    (first,) = [n for n in found.conversation.nodes.values() if n.message.text.startswith("Clear")]
    assert [node.message for node in found.conversation.path(first.id)][1:] == [
        Message(Role.ASSISTANT, (ToolCall("call_1", "weather", '{"city": "Rome", "days": 2}'),), gpt, Outcome.COMPLETE),
        Message(Role.TOOL, (ToolResult("call_1", "weather", (Text('{"sky": "clear"}'),)),)),
        Message(Role.ASSISTANT, (Text("Clear:\n\n  18 degrees"),), gpt, Outcome.COMPLETE),
    ]


@pytest.mark.parametrize("name", SESSIONS[:4])
async def test_import_grown_session_adds_its_new_messages(stores: StoreFixture, tmp_path: Path, name: str) -> None:
    lines = (SAMPLES / name).read_text().splitlines(keepends=True)
    (whole,) = chats_of(SAMPLES / name)
    store, file = stores.open(), tmp_path / name
    for end in range(1, len(lines) + 1):
        file.write_text("".join(lines[:end]))
        report = await store.import_file(file)
        assert isinstance(report, Failure | ImportReport)
    page = await store.chats()
    (chat,) = page.chats
    found = await store.resume(chat.id, HERE)
    assert not isinstance(found, Failure)
    assert set(whole.conversation.nodes) <= set(found.conversation.nodes)
    assert texts(found.conversation) == texts(whole.conversation)  # the head follows as long as nobody moved it


async def test_import_of_folder_reads_all_sessions_without_those_of_sub_agents(
    stores: StoreFixture, tmp_path: Path
) -> None:
    project = tmp_path / "projects" / "-home-ann-site"
    project.mkdir(parents=True)
    for name in SESSIONS:
        (project / name).write_bytes((SAMPLES / name).read_bytes())
    agent = [
        {"type": "user", "isSidechain": True, "agentId": "a9", "sessionId": "s", "uuid": "1", "parentUuid": None,
         "message": {"role": "user", "content": "Look deeper"}},
    ]  # fmt: skip
    (project / "agent-a9.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in agent))
    (project / "other.jsonl").write_text('{"some": "thing"}\n')
    (project / "empty.jsonl").write_text("")
    store = stores.open()
    report = await store.import_file(tmp_path)
    assert isinstance(report, ImportReport)
    assert (report.chats, report.source) == (5, "Claude Code, aichat, Codex, pi")
    assert [item.why for item in report.skipped if item.name == tmp_path.name] == [
        "left out 1 session of sub agents; import such a file by its name"
    ]
    alone = await store.import_file(project / "agent-a9.jsonl")
    assert isinstance(alone, ImportReport)
    assert (alone.chats, alone.messages) == (1, 1)


@pytest.mark.parametrize("text", ["", "{}\n", "[1]\n", "not json\n", '{"type": "user"}\n', "\x00" * 40])
async def test_import_of_unknown_lines_says_what_is_expected(stores: StoreFixture, tmp_path: Path, text: str) -> None:
    file = tmp_path / "session.jsonl"
    file.write_text(text)
    report = await stores.open().import_file(file)
    assert isinstance(report, Failure)
    assert "a session of Claude Code, Codex, pi or aichat" in report.message


def mangle(lines: list[bytes], cuts: list[tuple[int, int, bytes]]) -> list[bytes]:
    """Damage lines from the second one on: each is cut at a place, and bytes follow."""
    for number, at, junk in cuts:
        n = 1 + number % (len(lines) - 1)
        lines[n] = lines[n][: at % (len(lines[n]) + 1)] + junk.replace(b"\n", b"")
    return lines


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from(SESSIONS[:4]),
    st.lists(st.tuples(st.integers(0, 40), st.integers(0, 900), st.binary(max_size=12)), min_size=1, max_size=6),
)
def test_import_mangled_lines_cost_only_themselves(
    tmp_path: Path, name: str, cuts: list[tuple[int, int, bytes]]
) -> None:
    lines = (SAMPLES / name).read_bytes().splitlines()
    damaged = mangle(list(lines), cuts)
    file = tmp_path / name
    file.write_bytes(b"\n".join(damaged))
    source = detect_format(file)
    if isinstance(source, Failure):
        return
    found = list(source.records)
    chats = [item for item in found if isinstance(item, FullChat)]
    assert chats or any(isinstance(item, SkippedRecord) for item in found)
    for chat in chats:
        said = {part.text for node in chat.conversation.nodes.values() for part in node.message.parts
                if isinstance(part, Text)}  # fmt: skip
        for before, after in zip(lines, damaged, strict=True):
            if before == after and (words := plain_text(json.loads(before))):
                assert words in said
        assert chat.conversation.head is None or chat.conversation.path()


def plain_text(raw: Any) -> str:
    """Return the text of a question or a reply with one text, "" for any other line."""
    body = raw.get("message") or raw.get("payload") or raw
    if raw.get("isSidechain") or not isinstance(body, dict) or body.get("model") == "<synthetic>":
        return ""
    content: Any = body.get("content")
    found: Any = content[0].get("text", "") if isinstance(content, list) and len(content) == 1 else content
    written = isinstance(found, str) and body.get("role") in ("user", "assistant")
    return found if written and not found.startswith(("<", "[", "#")) else ""


def test_import_circle_of_records_ends(tmp_path: Path) -> None:
    file = tmp_path / "s.jsonl"
    rows = [
        {"type": "system", "uuid": "a", "parentUuid": "b", "sessionId": "s"},
        {"type": "system", "uuid": "b", "parentUuid": "a", "sessionId": "s"},
        {"type": "user", "uuid": "c", "parentUuid": "a", "sessionId": "s", "message": {"content": "Hello"}},
        {"type": "user", "uuid": "d", "parentUuid": "d", "sessionId": "s", "message": {"content": "Self"}},
    ]
    file.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    (chat,) = read_claude_code([AgentFile(file)])
    assert isinstance(chat, FullChat)
    assert texts(chat.conversation) == ["Hello", "Self"]


YAML_TEXTS = st.text(st.characters(exclude_categories=("Cs", "Cc"), include_characters="\n"), max_size=12)
YAML_VALUES = st.recursive(
    YAML_TEXTS | st.integers(-(10**9), 10**9) | st.booleans() | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.from_regex(r"[a-z_]{1,6}", fullmatch=True), inner),
    max_leaves=10,
)


def written(value: Any, indent: int = 0) -> str:
    """Write a value as serde_yaml does: lists at the indent of their key, texts of several lines as literals."""
    pad = " " * indent
    if isinstance(value, dict) and value:
        return "".join(f"\n{pad}{key}:{written_inside(inner, indent)}" for key, inner in value.items())
    if isinstance(value, list) and value:
        return "".join(f"\n{pad}-{written_inside(inner, indent, item=True)}" for inner in value)
    if isinstance(value, str) and "\n" in value and value.strip():
        chomp = "-" if not value.endswith("\n") else "+" if value.endswith("\n\n") else ""
        hint = "2" if value[0] in " \n" else ""
        rows = value.removesuffix("\n").split("\n") if chomp != "-" else value.split("\n")
        rows = value.split("\n")[:-1] if chomp == "+" else rows
        return f" |{hint}{chomp}\n" + "\n".join(f"{pad}  {row}" if row else "" for row in rows)
    return f" {json.dumps(value, ensure_ascii=False)}"


def written_inside(value: Any, indent: int, *, item: bool = False) -> str:
    if isinstance(value, dict) and value and item:
        return " " + written(value, indent + 2).lstrip("\n ")
    if isinstance(value, list) and value and item:
        return " " + written(value, indent + 2).lstrip("\n ")
    return written(value, indent + (2 if isinstance(value, dict) else 0))


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.from_regex(r"[a-z_]{1,6}", fullmatch=True), YAML_VALUES, min_size=1))
def test_parse_yaml_reads_what_is_written(value: dict[str, Any]) -> None:
    assert parse_yaml(written(value).removeprefix("\n") + "\n") == value


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=60) | st.lists(st.sampled_from(
    ["- ", "a:", "a: ", "|", "|2-", "\n", "  ", "'", '"', "[", "{}", "#", "x", "-", ": ", "&a", "---"]
)).map("".join))  # fmt: skip
def test_parse_yaml_reads_or_refuses_any_text(text: str) -> None:
    with suppress(InvalidRecord):
        parse_yaml(text)


async def test_open_file_imports_session_and_resumes_it(stores: StoreFixture) -> None:
    config = TurnConfig(FAKE, FakeProviders(), tools=FakeTools(), prices=FakePrices())
    session = ChatSession(config, stores.open, HERE)
    file = str(SAMPLES / "claude-code.jsonl")
    for words in ("Imported 1 chat with 8 messages from Claude Code", "Imported 0 chats with 0 messages"):
        effects = await run_chat_effect(session, OpenChat(file))
        assert isinstance(effects[0], Print)
        assert effects[0].words.startswith(words)
    assert session.conversation.path()[-1].message.text == "All is well."
    assert session.model == ModelRef("anthropic", "claude-opus-5")
    listed = await run_chat_effect(session, OpenChat(str(SAMPLES)))
    assert isinstance(listed[-1], ListChats)
    (refused, _) = await run_chat_effect(session, OpenChat("no such file"))
    assert isinstance(refused, Print)
    assert refused.words == "There is no chat no such file."
    await session.close()
