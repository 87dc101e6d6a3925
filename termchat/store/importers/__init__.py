"""Import chats from files of termchat and other programs.

    termchat.py   JSON exports of termchat
    chatgpt.py    exports of ChatGPT
    claude.py     exports of claude.ai
    llm.py        the logs.db of the `llm` command

Each yields a `FullChat` per chat and a `SkippedRecord` for each unreadable one. Ids are derived from those of the
source, so importing a file twice adds nothing, and a newer export of the same chats adds only the new messages.
"""

from __future__ import annotations

import json
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias, cast

from termchat.core.chats import FullChat, ImportReport, SkippedRecord
from termchat.core.errors import Failure, FailureKind
from termchat.core.sanitize import safe_format, safe_line
from termchat.late_dataclass import dataclass
from termchat.store.importers import chatgpt, claude, llm, termchat
from termchat.store.json_fields import InvalidRecord

Found: TypeAlias = Iterator[FullChat | SkippedRecord]
_SQLITE = b"SQLite format 3\x00"
_FORMATS = "termchat JSON, an export of ChatGPT or Claude (the .zip or its conversations.json), a logs.db of llm"


@dataclass(frozen=True, slots=True)
class ImportSource:
    """A recognised file: the name of its program, and its chats, read lazily."""

    name: str
    records: Found


def detect_format(file: Path) -> ImportSource | Failure:
    """Detect the format of a file by its content."""
    try:
        return _source(file)
    except OSError as error:
        return _refused(file, (error.strerror or str(error)).lower())
    except (zipfile.BadZipFile, zlib.error, EOFError):
        return _refused(file, "the archive is damaged")
    except InvalidRecord as error:
        return _refused(file, str(error))
    except (ValueError, RuntimeError):  # also too deep JSON, and an encrypted archive
        return _refused(file, f"expected one of these: {_FORMATS}")


def add_batch(report: ImportReport, batch: Sequence[tuple[bool, int] | SkippedRecord]) -> ImportReport:
    """Return the report with another batch: for each chat, True if new and its number of new messages, or the skip."""
    skipped = tuple(item for item in batch if isinstance(item, SkippedRecord))
    done = [item for item in batch if not isinstance(item, SkippedRecord)]
    return replace(
        report,
        chats=report.chats + sum(fresh for fresh, _ in done),
        messages=report.messages + sum(count for _, count in done),
        known=report.known + sum(not fresh and not count for fresh, count in done),
        skipped=report.skipped + skipped,
    )


def _source(file: Path) -> ImportSource:
    if file.is_dir():
        return _from_json(_joined([path.read_text("utf-8") for path in sorted(file.glob("conversations*.json"))]))
    with file.open("rb") as handle:
        begin = handle.read(16)
    if begin == _SQLITE:
        return ImportSource("llm", llm.read_llm(file))
    if begin.startswith(b"PK"):
        with zipfile.ZipFile(file) as archive:
            names = sorted(n for n in archive.namelist() if _is_conversations(n))
            return _from_json(_joined([archive.read(name).decode("utf-8") for name in names]))
    return _from_json(json.loads(file.read_text("utf-8-sig")))


def _is_conversations(name: str) -> bool:
    base = name.rpartition("/")[2]
    return base.startswith("conversations") and base.endswith(".json")


def _joined(texts: Sequence[str]) -> object:
    """Concatenate the lists of several files: newer exports are split."""
    found: list[Any] = []
    for text in texts:
        value = json.loads(text)
        found += _chats(value)
    if not texts:
        raise ValueError("no conversations")
    return found


def _chats(value: object) -> list[Any]:
    if isinstance(value, dict):
        value = cast("dict[str, Any]", value).get("conversations", [value])
    if not isinstance(value, list):
        raise ValueError("not a list of chats")
    return cast("list[Any]", value)


def _from_json(value: object) -> ImportSource:
    if isinstance(value, dict):
        raw = cast("dict[str, Any]", value)
        if raw.get("format") == "termchat":
            return ImportSource("termchat", termchat.read_termchat(raw))
    found = _chats(cast("object", value))
    kinds = [set(cast("dict[str, Any]", item)) for item in found if isinstance(item, dict)]
    if any("mapping" in keys for keys in kinds):
        return ImportSource("ChatGPT", chatgpt.read_chatgpt(found))
    if any("chat_messages" in keys for keys in kinds):
        return ImportSource("Claude", claude.read_claude(found))
    raise ValueError("unknown")


def _refused(file: Path, why: str) -> Failure:
    words = safe_format("Cannot import {file}: {why}.", file=safe_line(str(file)), why=safe_line(why))
    return Failure(FailureKind.BAD_REQUEST, words)
