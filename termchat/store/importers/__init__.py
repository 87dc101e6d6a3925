"""Import chats from files of termchat and other programs.

    termchat.py   JSON exports of termchat
    chatgpt.py    exports of ChatGPT
    claude.py     exports of claude.ai
    llm.py        the logs.db of the `llm` command
    claude_code.py, codex.py, pi.py, aichat.py   sessions of these programs: a file, or all below a folder

Each yields a `FullChat` per chat and a `SkippedRecord` for each unreadable one. Ids are derived from those of the
source, so importing a file twice adds nothing, and a newer export of the same chats adds only the new messages.
"""

from __future__ import annotations

import json
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias, cast

from termchat.core.chats import FullChat, ImportReport, SkippedRecord
from termchat.core.errors import Failure, FailureKind, error_reason
from termchat.core.sanitize import counted, safe_format, safe_line
from termchat.late_dataclass import dataclass
from termchat.store.importers import aichat, chatgpt, claude, claude_code, codex, llm, pi, termchat
from termchat.store.importers.agent_files import AgentFile, first_records, walk_files
from termchat.store.json_fields import InvalidRecord, Raw

Found: TypeAlias = Iterator[FullChat | SkippedRecord]
_SQLITE = b"SQLite format 3\x00"
_FORMATS = (
    "termchat JSON, an export of ChatGPT or Claude (the .zip or its conversations.json), a logs.db of llm, "
    "a session of Claude Code, Codex, pi or aichat"
)
_LARGEST = 2 << 30  # bytes of JSON, which is read at once
_HEAD = 1 << 18  # characters of a YAML file that decide its format
_LINES, _YAML = (".jsonl",), (".yaml", ".yml")
_Read: TypeAlias = "Callable[[Iterable[AgentFile]], Found]"
_AGENTS: tuple[tuple[str, Callable[[list[Raw]], bool], _Read], ...] = (
    ("pi", pi.is_pi, pi.read_pi),
    ("Codex", codex.is_codex, codex.read_codex),
    ("Claude Code", claude_code.is_claude_code, claude_code.read_claude_code),
)


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
        return _refused(file, error_reason(error))
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
        exports = sorted(file.glob("conversations*.json"))
        return _from_json(_joined([path.read_text("utf-8") for path in exports])) if exports else _sessions_below(file)
    status = file.stat()
    if not stat.S_ISREG(status.st_mode):
        raise InvalidRecord("it is no regular file")
    with file.open("rb") as handle:
        begin = handle.read(16)
    if begin == _SQLITE:
        return ImportSource("llm", llm.read_llm(file))
    if begin.startswith(b"PK"):
        with zipfile.ZipFile(file) as archive:
            names = sorted(n for n in archive.namelist() if _is_conversations(n))
            if sum(archive.getinfo(name).file_size for name in names) > _LARGEST:
                raise InvalidRecord("it is larger than 2 GB")
            return _from_json(_joined([archive.read(name).decode("utf-8") for name in names]))
    if status.st_size > _LARGEST:
        raise InvalidRecord("it is larger than 2 GB")
    if session := _session(file):
        name, read = session
        return ImportSource(name, read([AgentFile(file)]))
    return _from_json(json.loads(file.read_text("utf-8-sig")))


def _session(file: Path) -> tuple[str, _Read] | None:
    """Return the program that wrote a file of one session, and its reader; None for any other file."""
    if file.name.endswith(_YAML):
        with file.open(encoding="utf-8-sig", errors="replace") as opened:
            return ("aichat", aichat.read_aichat) if aichat.is_aichat(opened.read(_HEAD)) else None
    records = first_records(file)
    return next(((name, read) for name, detect, read in _AGENTS if detect(records)), None)


def _sessions_below(folder: Path) -> ImportSource:
    """Return the sessions in all files below a folder. Raises ValueError without any."""
    found = [(file, session) for file in walk_files(folder, (*_LINES, *_YAML)) if (session := _session(file))]
    if not found:
        raise ValueError("no sessions")
    names = dict.fromkeys(name for _, (name, _) in found)
    return ImportSource(", ".join(names), _main_sessions(folder, found))


def _main_sessions(folder: Path, found: Sequence[tuple[Path, tuple[str, _Read]]]) -> Found:
    """Yield the chats of several files, without those of sub agents, which are counted."""
    others = 0
    for file, (_, read) in found:
        if not file.name.endswith(_YAML) and _is_of_sub_agent(file):
            others += 1
        else:
            yield from read([AgentFile(file)])
    if others:
        words = safe_format("left out {n} of sub agents; import such a file by its name", n=counted(others, "session"))
        yield SkippedRecord(folder.name or str(folder), words, others)


def _is_of_sub_agent(file: Path) -> bool:
    records = first_records(file)
    return codex.is_codex_sub_agent(records) or claude_code.is_sub_agent(records)


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
