"""A hostile file in place of any input is a sentence: no traceback, no hang, and nothing of it is overwritten."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.cli.conftest import Program
from tests.gateway import Reply, Text

ASK = ("-m", "xopenai/any", "hi")
BATCH = ("batch", "-m", "xopenai/any")
CONFIG = ".config/termchat"
WAITS = 10  # seconds that a reader waits for the writer of a pipe


def _sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(3 << 30)


MAKERS: Mapping[str, Callable[[Path], object]] = {
    "pipe": os.mkfifo,
    "directory": os.mkdir,
    "loop of links": lambda path: path.symlink_to(path),
    "endless device": lambda path: path.symlink_to("/dev/zero"),
    "binary": lambda path: path.write_bytes(bytes(range(256)) * 40),
    "huge": _sparse,
    "deep": lambda path: path.write_text("[" * 200_000),
    "other json": lambda path: path.write_text('{"version": [], "mapping": 5, "messages": {"a": null}}'),
}
# Input -> its place below the home or, with ./, the working directory; the commands that read it.
INPUTS: Mapping[str, tuple[str, tuple[tuple[str, ...], ...]]] = {
    "configuration": (f"{CONFIG}/config.toml", (("config",), ASK)),
    "theme": (f"{CONFIG}/themes/evil.toml", (("--theme", "evil", *ASK), ("themes",))),
    "role": (f"{CONFIG}/prompts/evil.md", (("-r", "evil", *ASK), ("prompts", "show", "evil"))),
    "model cache": (".cache/termchat/models.json", (("models",), ASK)),
    "completion cache": (".cache/termchat/completion.json", (("completion", "--words", "zsh", "chats", ""),)),
    "database": (".local/share/termchat/termchat.db", (("chats",), ASK)),
    "import": ("./in.json", (("chats", "import", "in.json"),)),
    "recording": ("./in.sse", (("replay", "--speed", "0", "in.sse"),)),
    "batch": ("./in.jsonl", ((*BATCH, "in.jsonl"),)),
    "result": ("./out.jsonl", ((*BATCH, "rows.jsonl", "-o", "out.jsonl"),)),
    "functions": ("./in.py", (("tools", "--functions", "in.py"),)),
    "messages": ("./in.json", (("--messages", "in.json", *ASK),)),
    "schema": ("./in.json", (("--schema", "in.json", *ASK),)),
    "servers": ("./in.json", (("mcp", "import", "in.json"),)),
}
# A pipe without a writer is waited for as by every program (batch, and the reader of its result), or for WAITS seconds.
_SLOW = {(name, "pipe") for name in ("configuration", "role", "theme", "recording", "batch", "result", "functions")}
_SLOW |= {("messages", "pipe"), ("schema", "pipe"), ("servers", "pipe"), ("database", "huge")}
CASES = [(name, kind) for name in INPUTS for kind in MAKERS if (name, kind) not in _SLOW]


@pytest.mark.parametrize("name", INPUTS)
def test_hostile_file_is_a_sentence(program: Program, name: str) -> None:
    program.gateway.always(Reply(Text("ok")))
    place, commands = INPUTS[name]
    path = program.cwd / place if place.startswith("./") else program.home / place
    (program.cwd / "rows.jsonl").write_text('"one"\n')
    path.parent.mkdir(parents=True, exist_ok=True)
    for kind in (kind for other, kind in CASES if other == name):
        path.unlink(missing_ok=True)
        MAKERS[kind](path)
        before = _content(path)
        for command in commands:
            done = program.run(*command)
            assert "Traceback" not in done.err, (kind, command, done.err)
            assert "Internal error" not in done.err, (kind, command, done.err)
            assert done.code in (0, 1, 2), (kind, command, done.err)
            assert done.code == 0 or "termchat: " in done.err, (kind, command)
            assert len(done.err) < 1500, (kind, command, done.err)
        assert name.endswith(("cache", "result")) or _is_kept(path, before), kind
        if path.is_dir() and not path.is_symlink():
            path.rmdir()


def _content(path: Path) -> bytes:
    return path.read_bytes() if path.is_file() and path.stat().st_size < 1 << 20 else b""


def _is_kept(path: Path, before: bytes) -> bool:
    """Return True if the file, or the copy that a recovery has set aside, has its content."""
    return any(_content(file) == before for file in (path, *path.parent.glob(f"{path.name}.damaged-*")))
