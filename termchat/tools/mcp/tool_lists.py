"""Lists of the tools and prompts of MCP servers, kept on disk so that a start waits for no server.

A list belongs to one configuration of a server. What it says is checked by the same hashes as what a server says, so
a file that somebody changed makes its tools ask.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

from termchat.core.models import McpServer
from termchat.late_dataclass import dataclass
from termchat.system.atomic_write import replace_text

_LONGEST_SECONDS = 30 * 24 * 3600.0  # that a list is of any use
_VERSION = 1  # of the file


@dataclass(frozen=True, slots=True)
class ListedTool:
    """A tool as its server lists it."""

    name: str
    description: str
    input_schema: dict[str, Any]


@dataclass(frozen=True, slots=True)
class ListedPrompt:
    """A prompt as its server lists it; `arguments` are names, True for one that it needs."""

    name: str
    description: str
    arguments: tuple[tuple[str, bool], ...] = ()


@dataclass(frozen=True, slots=True)
class ServerLists:
    """The tools and prompts of a server. They need not be asked for again before `until`, in seconds since 1970."""

    tools: tuple[ListedTool, ...] = ()
    prompts: tuple[ListedPrompt, ...] = ()
    until: float = 0.0


def listed_tool(name: str, description: str, schema: dict[str, Any], masked: Callable[[str], str]) -> ListedTool:
    """Return what is kept of a tool; `masked` takes the secrets of a login out of its texts."""
    with suppress(ValueError, RecursionError):  # such a schema is of no use either
        text = json.dumps(schema)
        if (safe := masked(text)) != text:
            schema = json.loads(safe)
    return ListedTool(name, masked(description), schema)


class ListFiles:
    """The lists of all servers, one file each. A file that cannot be read counts as none. All methods block.

    folder   the folder of the files; made when it is first needed
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, server: McpServer, cwd: Path) -> ServerLists | None:
        """Return the lists of a server with this configuration."""
        with suppress(OSError, ValueError, TypeError, KeyError, OverflowError, RecursionError):
            row: Any = json.loads(self._file(server.name).read_text("utf-8"))
            if row["version"] == _VERSION and row["server"] == _key(server, cwd) and _is_recent(row["written"]):
                return ServerLists(tuple(_tools(row)), tuple(_prompts(row)), min(float(row["until"]), _latest()))
        return None

    def write(self, server: McpServer, cwd: Path, lists: ServerLists) -> None:
        """Keep the lists of a server in place of earlier ones. Raises OSError."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        row = {"version": _VERSION, "server": _key(server, cwd), "written": time.time(), **asdict(lists)}
        replace_text(self._file(server.name), json.dumps(row))

    def remove(self, name: str) -> None:
        """Forget the lists of a server. Raises OSError."""
        self._file(name).unlink(missing_ok=True)

    def _file(self, name: str) -> Path:
        return self._folder / f"{name}.json"


def _key(server: McpServer, cwd: Path) -> str:
    """Return a hash of the configuration, with the directory if the server is started from a file in it."""
    texts: list[object] = [server.command, server.args, server.url, sorted(server.env.items())]
    texts += [sorted(server.headers.items()), server.cwd]
    words = () if server.cwd else (server.command, *server.args)
    if any(word and (cwd / word).is_file() and not Path(word).is_absolute() for word in words):
        texts.append(str(cwd))
    return hashlib.sha256(json.dumps(texts).encode("utf-8", "surrogatepass")).hexdigest()


def _latest() -> float:
    return time.time() + _LONGEST_SECONDS


def _is_recent(written: float) -> bool:
    return 0 <= time.time() - written <= _LONGEST_SECONDS


def _tools(row: Any) -> Iterator[ListedTool]:
    for tool in row["tools"]:
        name, description, schema = tool["name"], tool["description"], tool["input_schema"]
        if not (isinstance(name, str) and isinstance(description, str) and isinstance(schema, dict)):
            raise TypeError("not a list of tools")
        yield ListedTool(name, description, cast("dict[str, Any]", schema))


def _prompts(row: Any) -> Iterator[ListedPrompt]:
    for prompt in row["prompts"]:
        name, description = prompt["name"], prompt["description"]
        arguments = tuple((str(argument), bool(needed)) for argument, needed in prompt["arguments"])
        if not (isinstance(name, str) and isinstance(description, str)):
            raise TypeError("not a list of prompts")
        yield ListedPrompt(name, description, arguments)
