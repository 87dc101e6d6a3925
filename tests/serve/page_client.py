"""A client of the page's API, and its events as they come."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

import httpx2

from tests.serve.served import TOKEN

DEADLINE = 30.0  # seconds
_LOOK = 0.01


class PageClient:
    """Calls the API of a server with its token."""

    def __init__(self, url: str, token: str = TOKEN) -> None:
        self.http = httpx2.Client(
            base_url=url, headers={"authorization": f"Bearer {token}"}, trust_env=False, timeout=DEADLINE
        )

    def get(self, path: str, **query: Any) -> Any:
        found = self.http.get(f"/api/{path}", params=query)
        assert found.status_code == 200, found.text
        return found.json()

    def post(self, path: str, body: Mapping[str, Any] | None = None) -> Any:
        found = self.http.post(f"/api/{path}", json=body or {})
        assert found.status_code == 200, found.text
        return found.json()

    def refused(self, path: str, body: Mapping[str, Any] | None = None) -> tuple[int, str]:
        """Return the status and the kind of an error."""
        found = self.http.post(f"/api/{path}", json=body or {})
        error = found.json()["error"]
        assert error["message"]
        return found.status_code, error["kind"]

    def chat(self, chat: str) -> Any:
        return self.get(f"chats/{chat}")

    def ended(self, chat: str) -> Any:
        """Wait until no turn runs in a chat; return it."""
        return wait_for(lambda: self.chat(chat), lambda found: not found["turns"])

    def ask(self, text: str, chat: str = "", **more: Any) -> Any:
        """Send a question, and wait for the end of the turn; return the chat."""
        path = f"chats/{chat}/turns" if chat else "chats"
        return self.ended(self.post(path, {"text": text, **more})["id"])

    @contextmanager
    def events(self, chat: str = "") -> Iterator[PageEvents]:
        """Follow a chat until the end of the block."""
        found = PageEvents(self.http, chat)
        try:
            yield found
        finally:
            found.close()


class PageEvents:
    """The events of one connection, read on a thread."""

    def __init__(self, http: httpx2.Client, chat: str) -> None:
        self.all: list[tuple[str, Any]] = []
        self.ended = False
        self._stream = http.stream("GET", "/api/events", params={"chat": chat} if chat else {})
        self._response = self._stream.__enter__()
        assert self._response.status_code == 200
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        name = ""
        with suppress(httpx2.HTTPError, httpx2.StreamError, RuntimeError, OSError):
            for line in self._response.iter_lines():
                if line.startswith("event: "):
                    name = line.removeprefix("event: ")
                elif line.startswith("data: "):
                    self.all.append((name, json.loads(line.removeprefix("data: "))))
            self.ended = True

    def until(self, found: Callable[[str, Any], bool]) -> Any:
        """Wait for an event; return its data."""

        def first() -> Any:
            return next((data for name, data in list(self.all) if found(name, data)), None)

        return wait_for(first, lambda data: data is not None)

    def turn(self, kind: str) -> Any:
        """Wait for an event of a turn."""
        return self.until(lambda name, data: name == "turn" and data["type"] == kind)

    def text(self) -> str:
        """The text of all pieces."""
        return "".join(data["text"] for name, data in list(self.all) if name == "turn" and data["type"] == "delta")

    def rebuilt(self) -> list[str]:
        """Return the parts of the only turn: those of the snapshot with what came behind it."""
        parts = list[str]()
        for name, data in list(self.all):
            if name == "snapshot":
                shown = data["turns"][0]["parts"] if data["turns"] else data["nodes"][-1]["parts"]
                parts = [part["text"] for part in shown]
            elif name == "chat":  # of a reply that ended while the snapshot was read
                for node in data["nodes"]:
                    parts = [part["text"] for part in node["parts"]] if node["role"] == "assistant" else parts
            elif name == "turn" and data["type"] == "delta":
                parts += [""] * (data["index"] + 1 - len(parts))
                parts[data["index"]] += data["text"]
        return parts

    def close(self) -> None:
        connection = self._response.extensions["network_stream"].get_extra_info("socket")
        with suppress(OSError):  # wakes the thread
            connection.shutdown(socket.SHUT_RDWR)
        self._thread.join(DEADLINE)
        self._stream.__exit__(None, None, None)
        connection.close()


def wait_for(look: Callable[[], Any], is_there: Callable[[Any], bool]) -> Any:
    """Look until the condition holds; return what is there then."""
    until = time.monotonic() + DEADLINE
    while not is_there(found := look()):
        assert time.monotonic() < until, found
        time.sleep(_LOOK)
    return found


def texts(chat: Any) -> list[tuple[str, str]]:
    """Return the role and the text of each message on the path to the head."""
    nodes = {node["id"]: node for node in chat["nodes"]}
    at, found = chat["head"], list[tuple[str, str]]()
    while at:
        node = nodes[at]
        found.insert(
            0, (node["role"], "".join(part.get("text", "") for part in node["parts"] if part["kind"] == "text"))
        )
        at = node["parent"]
    return found
