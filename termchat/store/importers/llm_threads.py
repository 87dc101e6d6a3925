"""Chats in a logs.db of llm 0.36 and later.

A message is a row of `messages`, named by a hash that covers its parent, so threads share their beginnings. Its parts
are rows of `parts`: the text in a column, the rest as JSON with references to `fragments` and `attachments`. A row of
`turns` is one request: the messages from its parent to its tip, with model, tokens and time.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import cast

from termchat.core.messages import File, Image, Message, Part, Reasoning, Role, Text, ToolCall, ToolResult
from termchat.core.outcomes import Outcome
from termchat.store import json_fields
from termchat.store.importers.common import ChatBuilder, as_json, chat_id, node_id, seconds
from termchat.store.importers.llm_log import LlmLog, llm_attachment, llm_model, llm_origin, llm_usage
from termchat.store.json_fields import InvalidRecord, Raw

_TABLES = {"threads", "turns", "messages", "parts"}
_SOURCE = "llm"
_ROLES = {"user": Role.USER, "assistant": Role.ASSISTANT, "tool": Role.TOOL}
_CHAIN = (
    "WITH RECURSIVE up(hash, deep) AS (VALUES (?, 0) "
    "UNION SELECT parent_hash, deep + 1 FROM messages JOIN up USING (hash) WHERE parent_hash IS NOT NULL) "
    "SELECT messages.* FROM up JOIN messages USING (hash) ORDER BY deep DESC"
)


def thread_keys(log: LlmLog) -> list[tuple[str, str]] | None:
    """Return the threads, and the turns without a thread, as (`threads` or `turns`, id); None without the tables."""
    if not log.tables >= _TABLES:
        return None
    rows = log.rows(
        "SELECT 'threads' AS source, id, datetime_utc FROM threads UNION ALL "
        "SELECT 'turns', id, datetime_utc FROM turns WHERE thread_id IS NULL ORDER BY 3"
    )
    return [(str(row["source"]), str(row["id"])) for row in rows]


class Threads:
    """The threads of a log."""

    def __init__(self, log: LlmLog) -> None:
        self._rows = log.rows

    def read(self, chat: ChatBuilder, key: tuple[str, str]) -> str | None:
        """Add a thread or a turn without one: the messages of its turns, and those up to its tip."""
        table, foreign = key
        (thread,) = self._rows(f"SELECT * FROM {table} WHERE id = ?", foreign)  # noqa: S608 - a constant name
        by = "thread_id" if table == "threads" else "id"
        turns = self._rows(f"SELECT * FROM turns WHERE {by} = ? ORDER BY datetime_utc, id", foreign)  # noqa: S608 - a constant name
        times = [seconds(json_fields.text(row, "datetime_utc", ""), 0.0) for row in (thread, *turns)]
        chat.title = json_fields.text(thread, "name", "")
        chat.source, chat.id = _SOURCE, chat_id(_SOURCE, table, foreign)
        chat.created, chat.updated = min(times), max(times)
        chat.model = llm_model(json_fields.text(turns[-1], "model", "")) if turns else None
        for turn, at in zip(turns, times[1:], strict=True):
            self._chain(chat, turn.get("tip_message_hash"), turn, at)
        return self._chain(chat, thread.get("tip_message_hash"), {}, chat.created)

    def _chain(self, chat: ChatBuilder, tip: object, turn: Raw, at: float) -> str | None:
        """Add the messages up to `tip` that are missing. Return the id of the last one."""
        parent: str | None = None
        for row in self._rows(_CHAIN, tip):
            name = node_id(_SOURCE, chat.id, json_fields.text(row, "hash"))
            if name not in chat.nodes:
                last = row["hash"] == tip
                message = chat.value(lambda row=row, last=last: self._message(chat, row, turn, last=last), None)
                if message is None:
                    continue
                chat.add(name, parent, message, at)
            parent = name
        return parent

    def _message(self, chat: ChatBuilder, row: Raw, turn: Raw, *, last: bool) -> Message | None:
        """Return a message, None for an empty one and for a system prompt, which the chat takes."""
        rows = self._rows("SELECT * FROM parts WHERE message_hash = ? ORDER BY position", row["hash"])
        parts = tuple(chat.each(rows, self._part))
        author = json_fields.text(row, "role")
        if author == "system":
            chat.system = "".join(part.text for part in parts if isinstance(part, Text))
            return None
        role = _ROLES.get(author)
        if role is None:
            raise InvalidRecord("unknown role")
        if role is Role.TOOL:
            parts = tuple(part for part in parts if isinstance(part, ToolResult))
        if not parts:
            return None
        if role is not Role.ASSISTANT:
            return Message(role, parts)
        return Message(role, parts, llm_origin(turn), Outcome.COMPLETE, llm_usage(turn) if last else None)

    def _part(self, row: Raw) -> Iterator[Part]:
        payload = _payload(row)
        text = json_fields.text(row, "text", "") or "".join(map(self._piece, json_fields.items(payload, "text_ref")))
        if payload.get("server_executed") is True:
            return  # a search or program that the vendor ran: its words are not part of the chat
        match row.get("type"):
            case "text":
                if text:
                    yield Text(text)
            case "reasoning":
                if text:
                    yield Reasoning(text)
            case "tool_call":
                arguments, name = as_json(payload.get("arguments") or {}), json_fields.text(payload, "name", "tool")
                yield ToolCall(json_fields.text(payload, "tool_call_id", ""), name, arguments)
            case "tool_result":
                output = Text(as_json(payload.get("output") or ""))
                parts = (output, *self._result_attachments(payload))
                name, failed = json_fields.text(payload, "name", "tool"), bool(payload.get("exception"))
                yield ToolResult(json_fields.text(payload, "tool_call_id", ""), name, parts, failed)
            case "attachment":
                yield self._attachment(payload.get("attachment"))
            case _:
                raise InvalidRecord("unknown type of part")

    def _piece(self, item: object) -> str:
        """Return the text of a literal or of a fragment."""
        raw = json_fields.record(item)
        if "literal" in raw:
            return json_fields.text(raw, "literal")
        found = self._rows("SELECT content FROM fragments WHERE id = ?", json_fields.whole(raw, "fragment"))
        return json_fields.text(found[0], "content", "") if found else ""

    def _result_attachments(self, payload: Raw) -> Iterator[Text | Image]:
        for item in json_fields.items(payload, "attachments"):
            part = self._attachment(item)
            yield Text(f"[file {part.name}]") if isinstance(part, File) else part

    def _attachment(self, item: object) -> Image | File | Text:
        name = json_fields.text(json_fields.record(item), "id")
        found = self._rows("SELECT * FROM attachments WHERE id = ?", name)
        if not found:
            raise InvalidRecord("its attachment is missing")
        return llm_attachment(found[0])


def _payload(row: Raw) -> Raw:
    text = json_fields.text(row, "payload", "")
    try:
        return json_fields.record(cast("object", json.loads(text))) if text else {}
    except (ValueError, RecursionError) as error:
        raise InvalidRecord("payload is not JSON") from error
