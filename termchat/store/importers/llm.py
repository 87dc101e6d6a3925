"""Import the logs.db of the `llm` command: a row of `responses` for each question with its answer.

The migrations of llm define the schema (https://github.com/simonw/llm/blob/main/llm/migrations.py); an older file may
lack some tables and columns. Tool results sent with a prompt come before that prompt.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from termchat.core.chats import FullChat, SkippedRecord
from termchat.core.messages import File, Image, Message, Origin, Part, Role, Text, ToolCall, ToolResult
from termchat.core.models import ApiProtocol, ModelRef
from termchat.core.outcomes import Outcome
from termchat.core.usage import Usage
from termchat.store import json_fields
from termchat.store.importers.common import ChatBuilder, chat_id, node_id, seconds, skipped
from termchat.store.json_fields import InvalidRecord, Raw

_SOURCE = "llm"


def read_llm(file: Path) -> Iterator[FullChat | SkippedRecord]:
    """Yield the chats of a file; a response without a conversation becomes one chat."""
    with closing(_open(file)) as connection:
        log = _Log(connection)
        if not log.tables >= {"conversations", "responses"}:
            yield skipped("the file", InvalidRecord("not a log of llm"))
            return
        chats = connection.execute(
            "SELECT coalesce(conversation_id, id) AS chat, min(rowid) FROM responses GROUP BY 1 ORDER BY 2"
        ).fetchall()
        for row in chats:
            try:
                yield log.chat(str(row["chat"]))
            except (InvalidRecord, ValueError, sqlite3.Error) as error:
                yield skipped(f"conversation {row['chat']}", error)


def _open(file: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True, check_same_thread=False)
    connection.row_factory = sqlite3.Row
    return connection


class _Log:
    """An open log of any schema version."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self.tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}

    def chat(self, foreign: str) -> FullChat:
        rows = self._rows("SELECT * FROM responses WHERE coalesce(conversation_id, id) = ? ORDER BY rowid", foreign)
        names = self._rows("SELECT name FROM conversations WHERE id = ?", foreign)
        times = [seconds(json_fields.text(row, "datetime_utc", ""), 0.0) for row in rows]
        title = json_fields.text(names[0], "name", "") if names else ""
        model = _model(json_fields.text(rows[-1], "model", ""))
        chat = ChatBuilder(_SOURCE, chat_id(_SOURCE, foreign), title, min(times), max(times), model)
        chat.system = next((words for row in rows if (words := json_fields.text(row, "system", ""))), "")
        head: str | None = None
        for row, at in zip(rows, times, strict=True):
            for n, message in enumerate(self._messages(row)):
                head = chat.add(node_id(_SOURCE, json_fields.text(row, "id"), str(n)), head, message, at)
        return chat.record(head)

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
            yield Message(Role.ASSISTANT, parts, _origin(row), Outcome.COMPLETE, _usage(row))

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
        if "prompt_fragments" in self.tables:
            rows = self._rows(
                "SELECT content FROM prompt_fragments JOIN fragments ON fragments.id = fragment_id "
                'WHERE response_id = ? ORDER BY "order"',
                response,
            )
            yield from (Text(f"{json_fields.text(raw, 'content', '')}\n") for raw in rows)

    def _attachments(self, response: str) -> Iterator[Part]:
        if "prompt_attachments" not in self.tables:
            return
        rows = self._rows(
            "SELECT attachments.* FROM prompt_attachments JOIN attachments ON attachments.id = attachment_id "
            'WHERE response_id = ? ORDER BY "order"',
            response,
        )
        for raw in rows:
            mime, url = json_fields.text(raw, "type", "application/octet-stream"), json_fields.text(raw, "url", "")
            data, path = bytes(raw.get("content") or b""), json_fields.text(raw, "path", "")
            if mime.startswith("image/"):
                yield Image(mime, data, url) if data or url else Text(f"[image {path}, not in the log]\n")
            else:
                yield File(Path(path or url or "attachment").name, mime, data)

    def _related(self, table: str, response: str) -> list[Raw]:
        if table not in self.tables:
            return []
        return self._rows(f"SELECT * FROM {table} WHERE response_id = ? ORDER BY id", response)  # noqa: S608 - a constant name

    def _rows(self, sql: str, value: str) -> list[Raw]:
        rows: list[sqlite3.Row] = self._connection.execute(sql, (value,)).fetchall()
        return [_plain(row) for row in rows]


def _plain(row: sqlite3.Row) -> dict[str, Any]:
    return {key: row[key] for key in row.keys()}  # noqa: SIM118 - iterating a Row yields values


def _model(name: str) -> ModelRef | None:
    """Return a model from its name in llm: bare, of OpenAI then, or `provider/model` of a plugin."""
    return ModelRef.parse(name) or (ModelRef("openai", name) if name else None)


def _origin(row: Raw) -> Origin | None:
    model = _model(json_fields.text(row, "resolved_model", "") or json_fields.text(row, "model", ""))
    return Origin(model.provider, ApiProtocol.CHAT, model.model) if model else None


def _usage(row: Raw) -> Usage | None:
    sent, came = json_fields.whole(row, "input_tokens"), json_fields.whole(row, "output_tokens")
    return Usage(input=sent, output=came) if sent or came else None
