"""Requests with imported chats: every vendor accepts the history of a chat from any importer, in every protocol."""

from __future__ import annotations

import json
import sqlite3
import tempfile
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from termchat.core.chats import ExportFormat, FullChat, SkippedRecord
from termchat.core.messages import user_message
from termchat.store.export import Writer
from termchat.store.importers import aichat, chatgpt, claude, claude_code, codex, llm, pi, termchat
from termchat.store.importers.agent_files import AgentFile
from tests.gateway.validate import problems
from tests.providers.conversations import vendor
from tests.providers.test_wire_views import HEADERS, TARGETS, body_for, jsonable
from tests.store.strategies import records

SCRIPT = (Path(__file__).parent / "samples" / "llm-threads.sql").read_text().partition("INSERT")[0]
TYPES = ("text/plain", "text/x-python", "application/pdf", "application/zip", "image/png", "image/bmp", "audio/wav", "")
words = st.sampled_from(("", " ", "hello", "a\nb", "{}", "\x1b[1m\x00", "天气", "\ud800", "call_1", "x" * 70))
mimes = st.sampled_from(TYPES)
data = st.sampled_from((b"", b"text", b"\x89PNG\r\n\x1a\n", b"%PDF-1.7", b"\xff\x00"))


def chatgpt_chats() -> st.SearchStrategy[list[Any]]:
    asset = st.builds(lambda kind: {"content_type": kind}, st.sampled_from(("image_asset_pointer", "audio", "x")))
    content = st.one_of(
        st.builds(
            lambda parts: {"content_type": "text", "parts": parts}, st.lists(words | asset | st.none(), max_size=3)
        ),
        st.builds(lambda text: {"content_type": "code", "text": text}, words),
        st.builds(lambda text: {"content_type": "thoughts", "thoughts": [{"content": text}]}, words),
        st.none(),
    )
    message = st.fixed_dictionaries({
        "id": words,
        "author": st.fixed_dictionaries({
            "role": st.sampled_from(("user", "assistant", "tool", "system")), "name": words
        }),
        "content": content,
        "recipient": st.sampled_from(("all", "python", "t2uay3k.sj1i4kz", "")),
        "status": st.sampled_from(("finished_successfully", "in_progress")),
        "metadata": st.sampled_from(({}, {"model_slug": "gpt-5"})),
    })  # fmt: skip

    def chat(found: list[Any], parents: list[int]) -> Any:
        above = {n: str(parent % n) if n else None for n, parent in zip(range(len(found)), parents, strict=False)}
        mapping = {str(n): {"parent": above.get(n), "message": item} for n, item in enumerate(found)}
        return [{"id": "c", "mapping": mapping}]

    return st.builds(chat, st.lists(message, max_size=6), st.lists(st.integers(0, 9), min_size=6, max_size=6))


def claude_chats() -> st.SearchStrategy[list[Any]]:
    block = st.one_of(
        st.builds(lambda text: {"type": "text", "text": text}, words),
        st.builds(lambda text: {"type": "thinking", "thinking": text}, words),
        st.builds(lambda name, given: {"type": "tool_use", "id": name, "name": name, "input": given}, words, words),
        st.builds(lambda name, text: {"type": "tool_result", "tool_use_id": name, "content": text}, words, words),
        st.just({"type": "flag"}),
    )
    message = st.fixed_dictionaries({
        "uuid": st.uuids().map(str),
        "sender": st.sampled_from(("human", "assistant")),
        "text": words,
        "content": st.lists(block, max_size=4),
        "attachments": st.lists(words.map(lambda text: {"file_name": "a.md", "extracted_content": text}), max_size=1),
        "files": st.sampled_from(([], [{"file_name": "a.png"}])),
    })  # fmt: skip
    return st.builds(lambda found: [{"uuid": "c", "chat_messages": found}], st.lists(message, max_size=6))


def llm_messages() -> st.SearchStrategy[list[tuple[str, list[tuple[str, str, str, str, bytes]]]]]:
    """Roles, and the parts as type, text, call id, type of the attachment and its bytes."""
    kinds = st.sampled_from(("text", "reasoning", "tool_call", "tool_result", "attachment"))
    part = st.tuples(kinds, words.filter(str.isprintable), words.filter(str.isprintable), mimes, data)
    return st.lists(
        st.tuples(st.sampled_from(("system", "user", "assistant", "tool")), st.lists(part, max_size=4)), max_size=6
    )


def write_llm_log(file: Path, found: list[tuple[str, list[tuple[str, str, str, str, bytes]]]]) -> None:
    with closing(sqlite3.connect(file)) as connection:
        connection.executescript(SCRIPT)
        for n, (role, parts) in enumerate(found):
            connection.execute("INSERT INTO messages VALUES (?, ?, ?, NULL)", (str(n), str(n - 1) if n else None, role))
            for at, (kind, text, call, mime, raw) in enumerate(parts):
                name = f"{n}-{at}"
                connection.execute("INSERT INTO attachments VALUES (?, ?, 'a.b', NULL, ?)", (name, mime, raw))
                payload = {
                    "name": text,
                    "arguments": {},
                    "output": text,
                    "tool_call_id": call,
                    "attachment": {"id": name},
                }
                if kind == "tool_result":
                    payload["attachments"] = [{"id": name}]
                connection.execute(
                    "INSERT INTO parts (message_hash, position, type, text, payload) VALUES (?, ?, ?, ?, ?)",
                    (str(n), at, kind, text if kind in ("text", "reasoning") else None, json.dumps(payload)),
                )
        connection.execute("INSERT INTO threads VALUES ('t', NULL, ?, NULL, '2026-01-01')", (str(len(found) - 1),))
        connection.commit()


def assert_accepted(found: Iterable[FullChat | SkippedRecord]) -> None:
    """Ask the next question in each chat, at its head, in every protocol."""
    for chat in found:
        if isinstance(chat, SkippedRecord):
            continue
        history = [*chat.conversation.history(), user_message("And now?")]
        for target in TARGETS:
            path, body = body_for(target, history)
            assert problems(jsonable(body), HEADERS, vendor(target).endpoint + path) == []


many = settings(max_examples=35, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@many
@given(chatgpt_chats())
def test_request_with_chatgpt_chat_is_accepted(found: list[Any]) -> None:
    assert_accepted(chatgpt.read_chatgpt(found))


@many
@given(claude_chats())
def test_request_with_claude_chat_is_accepted(found: list[Any]) -> None:
    assert_accepted(claude.read_claude(found))


@settings(many, max_examples=40)
@given(llm_messages())
def test_request_with_llm_thread_is_accepted(found: list[Any]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        write_llm_log(Path(directory) / "logs.db", found)
        assert_accepted(llm.read_llm(Path(directory) / "logs.db"))


@many
@given(records())
def test_request_with_termchat_chat_is_accepted(chat: FullChat) -> None:
    writer = Writer(ExportFormat.JSON)
    assert_accepted(termchat.read_termchat(json.loads(writer.chat(chat) + writer.end())))


LINES = {
    "claude-code.jsonl": claude_code.read_claude_code,
    "codex.jsonl": codex.read_codex,
    "pi.jsonl": pi.read_pi,
}
changes = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40), words), max_size=6)


@many
@given(st.sampled_from(tuple(LINES)), changes)
def test_request_with_session_of_agent_is_accepted(name: str, found: list[tuple[int, int, str]]) -> None:
    """Drop lines, move them, and replace texts and ids."""
    rows = [json.loads(line) for line in (Path(__file__).parent / "samples" / name).read_text().splitlines()]
    for at, to, text in found:
        row = rows.pop(1 + at % (len(rows) - 1))
        if to % 3:
            rows.insert(1 + to % len(rows), _with_text(row, to, text))
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / name
        file.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
        assert_accepted(LINES[name]([AgentFile(file)]))


def _with_text(value: Any, at: int, text: str) -> Any:
    """Replace every text of a value whose length fits, so that ids, names and contents change."""
    if isinstance(value, dict):
        kept = ("type", "role", "uuid", "parentUuid", "id", "parentId")
        return {key: inner if key in kept else _with_text(inner, at, text) for key, inner in value.items()}
    if isinstance(value, list):
        return [_with_text(inner, at, text) for inner in value]
    return text if isinstance(value, str) and len(value) % 5 == at % 5 else value


@many
@given(st.lists(st.tuples(st.sampled_from(("user", "assistant", "system", "tool")), words), max_size=6), words)
def test_request_with_aichat_session_is_accepted(found: list[tuple[str, str]], name: str) -> None:
    def content(role: str, text: str) -> Any:
        call = {"name": name, "arguments": {"text": text}, "id": None if len(text) % 2 else "call_1"}
        return {"tool_results": [{"call": call, "output": text}], "text": text} if role == "tool" else text

    messages = [{"role": role, "content": content(role, text)} for role, text in found]
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "s.yaml"
        file.write_text(f"model: openai:gpt-5\nmessages: {json.dumps(messages)}\n")
        assert_accepted(aichat.read_aichat([AgentFile(file)]))
