"""Importers: a file with any bytes gives chats that can be saved, skipped records, or a failure."""

from __future__ import annotations

import io
import json
import sqlite3
import tempfile
import zipfile
from contextlib import closing
from pathlib import Path

from termchat.core.chats import FullChat, SkippedRecord
from termchat.core.errors import Failure
from termchat.store.importers import detect_format
from termchat.store.message_json import dump, to_dict
from tests.fuzz.targets import FuzzTarget, split_head

_SAMPLES = Path(__file__).parent.parent / "store" / "samples"
_ENDINGS = (".json", ".jsonl", ".yaml", ".zip", ".db")
_FOLDER = tempfile.TemporaryDirectory(prefix="termchat-importers-")


def _run(data: bytes) -> None:
    head, body = split_head(data, 1)
    file = Path(_FOLDER.name) / f"any{_ENDINGS[head[0] % len(_ENDINGS)]}"
    file.write_bytes(body)
    source = detect_format(file)
    if isinstance(source, Failure):
        assert source.message
        return
    for found in source.records:
        if isinstance(found, SkippedRecord):
            assert found.why
        else:
            _check(found)


def _check(chat: FullChat) -> None:
    nodes = chat.conversation.nodes
    assert chat.conversation.head is None or chat.conversation.head in nodes
    for node in nodes.values():
        assert node.parent is None or node.parent in nodes
        dump(to_dict(node.message)).encode("utf-8")


def _archive() -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("conversations.json", (_SAMPLES / "chatgpt.json").read_text())
    return made.getvalue()


def _database(name: str) -> bytes:
    with closing(sqlite3.connect(":memory:")) as made:
        made.executescript((_SAMPLES / name).read_text())
        return made.serialize()


_OWN = {"format": "termchat", "version": 1, "chats": []}
importers = FuzzTarget(
    _run,
    (
        *(bytes([_ENDINGS.index(file.suffix)]) + file.read_bytes() for file in sorted(_SAMPLES.glob("*.[jy]*"))),
        b"\3" + _archive(),
        *(b"\4" + _database(name) for name in ("llm.sql", "llm-threads.sql")),
        b"\0" + json.dumps(_OWN).encode(),
    ),
)
