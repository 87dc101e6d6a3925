"""Rows of a logs.db of llm, and the values that all its versions share."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from termchat.core.messages import File, Image, Origin, Text
from termchat.core.models import ApiProtocol, ModelRef
from termchat.core.usage import Usage
from termchat.store import json_fields
from termchat.store.json_fields import InvalidRecord, Raw


class LlmLog:
    """An open log; `tables` are the names of its tables. Raises InvalidRecord if it cannot be read."""

    def __init__(self, file: Path) -> None:
        try:
            uri = f"{file.absolute().as_uri()}?mode=ro"
            self._connection = sqlite3.connect(uri, uri=True, check_same_thread=False)
        except sqlite3.Error as error:
            raise InvalidRecord("the database is damaged") from error
        self._connection.row_factory = sqlite3.Row
        try:
            self.tables = {str(row["name"]) for row in self.rows("SELECT name FROM sqlite_master WHERE type = 'table'")}
        except BaseException:
            self.close()
            raise

    def rows(self, sql: str, *values: object) -> list[Raw]:
        """Return all rows of a query. Raises InvalidRecord if they cannot be read."""
        try:
            rows: list[sqlite3.Row] = self._connection.execute(sql, values).fetchall()
        except sqlite3.Error as error:
            raise InvalidRecord("the database is damaged") from error
        return [{key: row[key] for key in row.keys()} for row in rows]  # noqa: SIM118 - iterating a Row yields values

    def close(self) -> None:
        """Close the file."""
        self._connection.close()


def llm_model(name: str) -> ModelRef | None:
    """Return a model from its name in llm: bare, of OpenAI then, or `provider/model` of a plugin."""
    return ModelRef.parse(name) or (ModelRef("openai", name) if name else None)


def llm_origin(row: Raw) -> Origin | None:
    """Return the origin of the reply of a response or turn."""
    model = llm_model(json_fields.text(row, "resolved_model", "") or json_fields.text(row, "model", ""))
    return Origin(model.provider, ApiProtocol.CHAT, model.model) if model else None


def llm_usage(row: Raw) -> Usage | None:
    """Return the tokens of a response or turn, None if they were not counted."""
    sent, came = json_fields.whole(row, "input_tokens"), json_fields.whole(row, "output_tokens")
    return Usage(input=sent, output=came) if sent or came else None


def llm_attachment(row: Raw) -> Image | File | Text:
    """Return a row of `attachments` as a part: a note for an image of which only the path is known."""
    mime, url = json_fields.text(row, "type", "application/octet-stream"), json_fields.text(row, "url", "")
    data, path = row.get("content") or b"", json_fields.text(row, "path", "")
    if not isinstance(data, bytes):
        raise InvalidRecord("content is not bytes")
    name = Path(path or url or "attachment").name
    if mime.startswith("image/"):
        return Image(mime, data, url, Path(path).name) if data or url else Text(f"[image {path}, not in the log]\n")
    return File(name, mime, data)
