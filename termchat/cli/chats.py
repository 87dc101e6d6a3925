"""`termchat chats`: the kept chats for people and for scripts, without the REPL."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from termchat.core.chat_store import ChatStore
from termchat.core.chats import ChatInfo, ExportFormat, ImportReport
from termchat.core.errors import Failure, FailureKind
from termchat.core.outcomes import ExitCode
from termchat.core.sanitize import Safe, safe, safe_format, safe_line
from termchat.ui.phrases import count
from termchat.ui.relative_time import age
from termchat.ui.stderr import Stderr, print_stdout, warn

_MOST = 1_000_000


async def show_chats(library: ChatStore, query: str, *, as_json: bool, deleted: bool = False) -> int:
    """List the chats, newest first, those with `query` in their title or text; the exit code."""
    chats: Sequence[ChatInfo] = await library.deleted_chats() if deleted else ()
    if not deleted:
        chats = (await library.chats(query, limit=50 if sys.stdout.isatty() and not as_json else _MOST)).chats
    if as_json:
        print_stdout(json.dumps([_row(chat) for chat in chats], ensure_ascii=False, indent=1) + "\n")
        return ExitCode.COMPLETE
    if not chats:
        warn(safe_format("There is no chat with these words.") if query else safe_format("There are no chats yet."))
        return ExitCode.ERROR if query else ExitCode.COMPLETE
    ids = [await library.short_id(chat.id) for chat in chats]
    print_stdout("".join(f"{line}\n" for line in _lines(chats, ids)))
    return ExitCode.COMPLETE


async def remove_chat(library: ChatStore, name: str, *, sure: bool) -> int:
    """Set a chat aside, after asking; it can be brought back for thirty days."""
    found = await library.find(name)
    if isinstance(found, Failure):
        return _refused(found)
    title = safe_line(found.title)
    question = safe_format(
        'Delete "{title}" ({n} turns)? It can be restored for 30 days. [y/N] ', title=title, n=_turns(found)
    )
    if not sure and not _confirmed(question):
        words = safe_format("Nothing was deleted.")
        return (
            _refused(Failure(FailureKind.BAD_CONFIG, words, safe_format("--yes deletes without asking.")))
            if not _asks()
            else 1
        )
    await library.delete(found.id)
    short = await library.short_id(found.id)
    warn(safe_format('Deleted "{title}". Back: termchat chats restore {id}', title=title, id=safe_line(short)))
    return ExitCode.COMPLETE


async def restore_chat(library: ChatStore, name: str) -> int:
    """Bring a deleted chat back; without a name the deleted ones are listed."""
    if not name:
        return await show_chats(library, "", as_json=False, deleted=True)
    deleted = await library.deleted_chats()
    matching = [chat for chat in deleted if chat.id.startswith(name) or chat.title == name]
    if len(matching) != 1:
        words = safe_format('"{name}" is not one of the deleted chats.', name=safe_line(name))
        return _refused(Failure(FailureKind.NOT_FOUND, words, safe_format("`termchat chats restore` lists them.")))
    await library.restore(matching[0].id)
    warn(safe_format('Restored "{title}".', title=safe_line(matching[0].title)))
    return ExitCode.COMPLETE


async def export_chats(library: ChatStore, name: str, form: ExportFormat, output: Path | None) -> int:
    """Write one chat, or all of them without a name, to a file or to standard output."""
    ids: list[str] | None = None
    if name:
        found = await library.find(name)
        if isinstance(found, Failure):
            return _refused(found)
        ids = [found.id]
    try:
        await _write(library, form, ids, output)
    except OSError as error:
        words = safe_format(
            "Cannot write {file}: {why}.", file=safe_line(str(output or "it")), why=safe_line(error.strerror or "?")
        )
        return _refused(Failure(FailureKind.STORAGE, words))
    return ExitCode.COMPLETE


async def import_chats(library: ChatStore, file: Path) -> int:
    """Take in chats from another program's export; what could not be read is named."""
    report = await library.import_file(file)
    if isinstance(report, Failure):
        return _refused(report)
    for skipped in report.skipped:
        warn(safe_format("Skipped {name}: {why}", name=safe_line(skipped.name), why=skipped.why))
    warn(_told(report))
    return ExitCode.COMPLETE


async def _write(library: ChatStore, form: ExportFormat, ids: list[str] | None, output: Path | None) -> None:
    put = _into(output) if output else print_stdout
    async for piece in library.export(form, ids):
        put(piece)


def _into(path: Path) -> Callable[[str], None]:
    """Writes to a file that is the user's alone, as the kept chats are. Raises OSError."""
    path.touch(0o600)
    path.write_text("")

    def put(text: str) -> None:
        with path.open("a", encoding="utf-8", errors="replace") as file:
            file.write(text)

    return put


def _told(report: ImportReport) -> Safe:
    return safe_format(
        "From {source}: {chats} chats with {messages} messages; {known} were here already, {skipped} skipped.",
        source=safe_line(report.source),
        chats=safe(str(report.chats)),
        messages=safe(str(report.messages)),
        known=safe(str(report.known)),
        skipped=safe(str(len(report.skipped))),
    )


def _lines(chats: Sequence[ChatInfo], ids: Sequence[str]) -> list[str]:
    """Columns for a terminal, cut at its width; tabs for a pipe."""
    now = time.time()
    if not sys.stdout.isatty():
        return ["\t".join((i, safe_line(chat.title))) for i, chat in zip(ids, chats, strict=True)]
    width = os.get_terminal_size(sys.stdout.fileno()).columns - 1
    ages = [age(chat.updated, now) for chat in chats]
    wide = max(map(len, ages))
    lines: list[str] = []
    for chat_id, chat, old in zip(ids, chats, ages, strict=True):
        held = " (open)" if chat.open_elsewhere else ""
        lines.append(_cut(f"{chat_id:<6} {old:>{wide}} {_turns(chat):>4}  {safe_line(chat.title)}{held}", width))
    return lines


def _cut(text: str, width: int) -> str:
    from wcwidth import wcwidth

    used = 0
    for at, char in enumerate(text):
        used += max(0, wcwidth(char))
        if used > width:
            return text[: at - 1] + "…"
    return text


def _turns(chat: ChatInfo) -> Safe:
    return count(chat.turns)


def _row(chat: ChatInfo) -> dict[str, object]:
    return {
        "id": chat.id,
        "title": chat.title,
        "model": str(chat.model) if chat.model else None,
        "created": chat.created,
        "updated": chat.updated,
        "turns": chat.turns,
        "directory": chat.directory,
    }


def _asks() -> bool:
    return sys.stdin.isatty() and sys.stderr.isatty()


def _confirmed(question: Safe) -> bool:
    if not _asks():
        return False
    sys.stderr.write(question)
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _refused(failure: Failure) -> int:
    Stderr().failure(failure)
    return ExitCode.USAGE
