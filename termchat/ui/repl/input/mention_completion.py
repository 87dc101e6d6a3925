"""Completion of a mention in the input: files from the index, servers and their resources, the clipboard."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from termchat.attachments.index import ROWS, FileIndex, FileQuery, match
from termchat.attachments.mentions import CLIPBOARD, find_mentions, mention_text, split_resource, typed_mention
from termchat.attachments.sources import AttachmentSources, IndexedFile
from termchat.commands.registry import MenuItem, file_argument
from termchat.core.approval import ResourceRow
from termchat.core.errors import Failure
from termchat.core.sanitize import Safe, safe_format, safe_line
from termchat.ui.phrases import size
from termchat.ui.repl.input.completion_menu import CompletionMenu
from termchat.ui.repl.input.editor import InputEditor

_RECENT = 50
_ATTACH = "/attach "  # takes several names, as a shell does; other commands take one, as it is
_OPEN = "/open "


class MentionCompletion:
    """Offers the rows of the menu while a mention is typed. Nothing is read before the first `@`.

    changed   redraws the live region
    """

    def __init__(
        self, sources: AttachmentSources, editor: InputEditor, menu: CompletionMenu, changed: Callable[[], None]
    ) -> None:
        self._sources = sources
        self._editor = editor
        self._menu = menu
        self._changed = changed
        self._index: FileIndex | None = None
        self._asked: FileQuery | None = None
        self._answer: tuple[FileQuery, tuple[IndexedFile, ...]] | None = None
        self._listed: dict[str, tuple[ResourceRow, ...]] = {}
        self._listing: set[asyncio.Task[None]] = set()
        self._recent: list[str] = []

    def used(self, name: str) -> None:
        """Note an attached file: it comes first from now on."""
        if name in self._recent:
            self._recent.remove(name)
        self._recent.insert(0, name)
        del self._recent[_RECENT:]

    def offer(self) -> Sequence[MenuItem]:
        """Return the rows for the mention before the cursor; none for any other text."""
        document = self._editor.buffer.document
        before = document.text_before_cursor
        if at := file_argument(before):
            start = max(before.rfind(" ") + 1, at) if before.startswith(_ATTACH) else at
            return self._rows(before[:start], before[start:], document.text_after_cursor, sign=False)
        typing = typed_mention(before)
        if typing is None or before.startswith("/"):
            return ()
        start, typed = typing
        return self._rows(before[:start], typed, document.text_after_cursor, sign=True)

    def _rows(self, before: str, typed: str, after: str, *, sign: bool) -> Sequence[MenuItem]:
        if typed.lower().startswith(("http://", "https://")):
            return ()
        resources = self._sources.resources() if sign else None
        servers = resources.servers() if resources else ()
        server, uri = split_resource(typed)
        if server in servers:
            rows = self._resources(server, uri)
            if self._listing and not rows:
                text, waits = f"{before}{'@' if sign else ''}{typed}", safe_format("asking the server…")
                item = MenuItem(text + after, safe_line(f"@{typed}"), waits, False, len(text), by_tab=True)
                return [item]
            return [
                self._item(before, f"{server}:{row.uri}", after, typed, _about(row), sign=sign, open_=row.template)
                for row in rows
            ]
        rows = [
            self._item(before, file.path, after, typed, _kind(file), sign=sign, open_=file.path.endswith("/"))
            for file in self._files(FileQuery(typed, self._first()))
        ]
        for name in servers if len(rows) < ROWS else ():
            if name.startswith(typed):
                about = safe_format("resources of an MCP server")
                rows.append(self._item(before, f"{name}:", after, typed, about, sign=sign, open_=True))
        if sign and len(rows) < ROWS and CLIPBOARD.startswith(typed):
            about = safe_format("image or text in the clipboard")
            rows.append(self._item(before, CLIPBOARD, after, typed, about, sign=sign, open_=False))
        return rows[:ROWS]

    def _item(
        self, before: str, target: str, after: str, typed: str, detail: Safe, *, sign: bool, open_: bool
    ) -> MenuItem:
        """Return a row. An open target, such as a directory, is typed on; others end with a blank."""
        inserted = target.partition("{")[0] if open_ and "{" in target else target
        shown = mention_text(inserted)
        if not sign:
            shown = shown.removeprefix("@") if before.startswith(_ATTACH) else inserted
        elif open_ and shown.startswith('@"'):
            shown = shown[:-1]
        if not open_ and not after[:1].isspace():
            shown += " "
        label = safe_line(f"@{target}" if sign else target)
        text, cursor = f"{before}{shown}{after}", len(before) + len(shown)
        return MenuItem(text, label, detail, runnable=False, cursor=cursor, by_tab=_is_whole(before, target, typed))

    def _first(self) -> tuple[str, ...]:
        mentioned = [mention.target for mention in find_mentions(self._editor.text_with_marks)]
        return tuple(dict.fromkeys((*mentioned[:-1], *self._recent)))

    def _files(self, query: FileQuery) -> Sequence[IndexedFile]:
        """Return the answer to a query; until it is there, the rows of the last answer that match."""
        if self._answer and self._answer[0] == query:
            return self._answer[1]
        if self._asked != query:
            self._asked = query
            self._open_index().ask(query)
        rows = self._answer[1] if self._answer else ()
        return [file for file in rows if match(file.path, query.typed.lower()) is not None]

    def _open_index(self) -> FileIndex:
        if self._index is None:
            loop = asyncio.get_running_loop()

            def ready(query: FileQuery, rows: tuple[IndexedFile, ...]) -> None:
                if not loop.is_closed():
                    loop.call_soon_threadsafe(self._arrived, query, rows)

            self._index = FileIndex(self._sources.cwd, self._sources.walk, ready)
        return self._index

    def _arrived(self, query: FileQuery, rows: tuple[IndexedFile, ...]) -> None:
        if query == self._asked:
            self._answer, self._asked = (query, rows), None
            self._extend()

    def _extend(self) -> None:
        self._menu.extended()
        self._changed()

    def _resources(self, server: str, uri: str) -> Sequence[ResourceRow]:
        """Return the matching resources of a server; the first time, the server is asked for them."""
        if server not in self._listed:
            self._listed[server] = ()
            task = asyncio.get_running_loop().create_task(self._list(server))
            self._listing.add(task)
            task.add_done_callback(self._listing.discard)
        typed = uri.lower()
        ranked = [(rank, row) for row in self._listed[server] if (rank := match(row.uri, typed)) is not None]
        ranked += [(3, row) for row in self._listed[server] if typed in row.about.lower()]
        return tuple(dict.fromkeys(row for _, row in sorted(ranked, key=lambda pair: pair[0])))[:ROWS]

    async def _list(self, server: str) -> None:
        resources = self._sources.resources()
        rows = await resources.listed(server) if resources else ()
        if isinstance(rows, Failure):
            del self._listed[server]  # sending names the reason; typing on asks again
            return
        self._listed[server] = rows
        self._extend()


def _kind(file: IndexedFile) -> Safe:
    return safe_format("directory") if file.path.endswith("/") else size(file.size)


def _about(row: ResourceRow) -> Safe:
    about = safe_line(row.about)
    return safe_format("{size} {about}", size=size(row.size), about=about) if row.size else about


def _is_whole(before: str, target: str, typed: str) -> bool:
    """Return True if Enter takes the typed text as it is: the target itself, or in `/open` what begins no file's name.

    `/open eed0` names a chat, although its letters are in the name of a file.
    """
    begins = any(name.lower().startswith(typed.lower()) for name in (target, target.rstrip("/").rpartition("/")[2]))
    return target == typed or (before == _OPEN and not begins)
