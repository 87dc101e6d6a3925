"""Chats as files: Markdown, HTML and plain text to be read, JSON to be read back."""

from __future__ import annotations

from typing import assert_never

from termchat.core.chats import ExportFormat, FullChat
from termchat.store.export import json, markdown, text


class Writer:
    """One file in the making: a piece for each chat, and the end. All pieces together are the file."""

    def __init__(self, form: ExportFormat) -> None:
        self._form = form
        self._chats = 0

    def chat(self, record: FullChat) -> str:
        """The piece for one more chat. All but JSON write the branch that the head stands on."""
        self._chats += 1
        first = self._chats == 1
        match self._form:
            case ExportFormat.JSON:
                return (json.BEGIN if first else json.BETWEEN) + json.chat(record)
            case ExportFormat.MARKDOWN:
                return ("" if first else "\n---\n\n") + markdown.chat(record)
            case ExportFormat.TEXT:
                return ("" if first else f"\n{'=' * 60}\n\n") + text.chat(record)
            case ExportFormat.HTML:
                from termchat.store.export import html  # it needs the Markdown parser

                return (html.begin(record.info.title) if first else "") + html.chat(record)
        assert_never(self._form)

    def end(self) -> str:
        """The last piece."""
        match self._form:
            case ExportFormat.JSON:
                return ("" if self._chats else json.BEGIN) + json.END
            case ExportFormat.HTML:
                from termchat.store.export import html

                return ("" if self._chats else html.begin("")) + html.END
            case ExportFormat.MARKDOWN | ExportFormat.TEXT:
                return ""
        assert_never(self._form)
