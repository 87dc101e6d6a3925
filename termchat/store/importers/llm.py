"""Import the logs.db of the `llm` command.

The migrations of llm define the schema (https://github.com/simonw/llm/blob/main/llm/migrations.py). Before llm 0.36 a
row of `responses` holds a question with its answer, and an older file may lack some tables and columns; tool results
sent with a prompt come before that prompt. Since 0.36 chats are in other tables (llm_threads.py), and a file may hold
chats in both.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from termchat.core.chats import FullChat, SkippedRecord
from termchat.core.messages import Message, Part, Role, Text, ToolCall, ToolResult
from termchat.core.outcomes import Outcome
from termchat.store import json_fields
from termchat.store.importers import llm_threads
from termchat.store.importers.common import ChatBuilder, chat_id, node_id, read_chats, seconds
from termchat.store.importers.llm_log import LlmLog, llm_attachment, llm_model, llm_origin, llm_usage
from termchat.store.json_fields import InvalidRecord, Raw

_SOURCE = "llm"


def read_llm(file: Path) -> Iterator[FullChat | SkippedRecord]:
    """Return the chats of a file; a response without a conversation becomes one chat.

    Raises InvalidRecord unless it is a log of llm that can be read.
    """
    log = LlmLog(file)
    try:
        conversations, threads = _conversations(log), llm_threads.thread_keys(log)
        if conversations is None and threads is None:
            raise InvalidRecord("not a log of llm, or of a version that termchat does not know")
    except InvalidRecord:
        log.close()
        raise
    return _chats(log, conversations or [], threads or [])


def _chats(log: LlmLog, conversations: list[str], threads: list[tuple[str, str]]) -> Iterator[FullChat | SkippedRecord]:
    with closing(log):
        yield from read_chats(conversations, _Responses(log).read)
        yield from read_chats(threads, llm_threads.Threads(log).read)


def _conversations(log: LlmLog) -> list[str] | None:
    if not log.tables >= {"conversations", "responses"}:
        return None
    rows = log.rows("SELECT coalesce(conversation_id, id) AS chat, min(rowid) FROM responses GROUP BY 1 ORDER BY 2")
    return [str(row["chat"]) for row in rows]


class _Responses:
    """The conversations of a log of any version before 0.36."""

    def __init__(self, log: LlmLog) -> None:
        self._log = log
        self._rows = log.rows

    def read(self, chat: ChatBuilder, foreign: str) -> str | None:
        rows = self._rows("SELECT * FROM responses WHERE coalesce(conversation_id, id) = ? ORDER BY rowid", foreign)
        names = self._rows("SELECT name FROM conversations WHERE id = ?", foreign)
        times = [seconds(json_fields.text(row, "datetime_utc", ""), 0.0) for row in rows]
        chat.title = json_fields.text(names[0], "name", "") if names else ""
        chat.source, chat.id, chat.created, chat.updated = _SOURCE, chat_id(_SOURCE, foreign), min(times), max(times)
        chat.model = llm_model(json_fields.text(rows[-1], "model", ""))
        chat.system = next((words for row in rows if (words := json_fields.text(row, "system", ""))), "")
        head: str | None = None
        for row, at in zip(rows, times, strict=True):
            for n, message in enumerate(chat.each([row], self._messages)):
                head = chat.add(node_id(_SOURCE, json_fields.text(row, "id"), str(n)), head, message, at)
        return head

    def _messages(self, row: Raw) -> Iterator[Message]:
        name = json_fields.text(row, "id")
        if results := tuple(self._results(name)):
            yield Message(Role.TOOL, results)
        words = json_fields.text(row, "prompt", "")
        question = (*self._fragments(name), *self._attachments(name), *((Text(words),) if words else ()))
        if question or not results:
            yield Message(Role.USER, question)
        answer = json_fields.text(row, "response", "")
        parts = (*((Text(answer),) if answer else ()), *self._calls(name))
        if parts:
            yield Message(Role.ASSISTANT, parts, llm_origin(row), Outcome.COMPLETE, llm_usage(row))

    def _results(self, response: str) -> Iterator[ToolResult]:
        for raw in self._related("tool_results", response):
            failed = bool(raw.get("exception"))
            text = Text(json_fields.text(raw, "output", ""))
            yield ToolResult(
                json_fields.text(raw, "tool_call_id", ""), json_fields.text(raw, "name", "tool"), (text,), failed
            )

    def _calls(self, response: str) -> Iterator[ToolCall]:
        for raw in self._related("tool_calls", response):
            arguments = json_fields.text(raw, "arguments", "{}")
            yield ToolCall(json_fields.text(raw, "tool_call_id", ""), json_fields.text(raw, "name", "tool"), arguments)

    def _fragments(self, response: str) -> Iterator[Part]:
        if "prompt_fragments" in self._log.tables:
            rows = self._rows(
                "SELECT content FROM prompt_fragments JOIN fragments ON fragments.id = fragment_id "
                'WHERE response_id = ? ORDER BY "order"',
                response,
            )
            yield from (Text(f"{json_fields.text(raw, 'content', '')}\n") for raw in rows)

    def _attachments(self, response: str) -> Iterator[Part]:
        if "prompt_attachments" not in self._log.tables:
            return
        rows = self._rows(
            "SELECT attachments.* FROM prompt_attachments JOIN attachments ON attachments.id = attachment_id "
            'WHERE response_id = ? ORDER BY "order"',
            response,
        )
        for raw in rows:
            yield llm_attachment(raw)

    def _related(self, table: str, response: str) -> list[Raw]:
        if table not in self._log.tables:
            return []
        return self._rows(f"SELECT * FROM {table} WHERE response_id = ? ORDER BY id", response)  # noqa: S608 - a constant name
