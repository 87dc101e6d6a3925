"""Export chats as Markdown, HTML or plain text for readers, or as JSON for `import`."""

from __future__ import annotations

from typing import assert_never

from termchat.core.chats import ExportFormat, FullChat
from termchat.core.sanitize import Safe, safe
from termchat.store.export import json, markdown, text


class Writer:
    """Produces an export file in pieces: one for each chat, then the end.

    Every piece is safe for a terminal. In JSON the text keeps its value; in the other formats control characters are
    replaced by visible ones.
    """

    def __init__(self, form: ExportFormat) -> None:
        self._form = form
        self._chats = 0

    def chat(self, record: FullChat) -> Safe:
        """Return the piece for the next chat. Formats other than JSON contain only the path to the head."""
        self._chats += 1
        first = self._chats == 1
        match self._form:
            case ExportFormat.JSON:
                return Safe((json.BEGIN if first else json.BETWEEN) + json.chat_to_json(record))
            case ExportFormat.MARKDOWN:
                return safe(("" if first else "\n---\n\n") + markdown.chat_to_markdown(record))
            case ExportFormat.TEXT:
                return safe(("" if first else f"\n{'=' * 60}\n\n") + text.chat_to_text(record))
            case ExportFormat.HTML:
                from termchat.store.export import html  # imports the Markdown parser

                return safe((html.begin(record.info.title) if first else "") + html.chat_to_html(record))
        assert_never(self._form)

    def end(self) -> str:
        """Return the last piece."""
        match self._form:
            case ExportFormat.JSON:
                return ("" if self._chats else json.BEGIN) + json.END
            case ExportFormat.HTML:
                from termchat.store.export import html

                return ("" if self._chats else html.begin("")) + html.END
            case ExportFormat.MARKDOWN | ExportFormat.TEXT:
                return ""
        assert_never(self._form)
