"""The tool calls of a reply while they run, as events for the page and as a part of the snapshot."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from termchat.core.approval import ApprovalRequest
from termchat.core.events import ApprovalAnswered, ApprovalAsked, ToolFinished, ToolProgress, ToolStarted
from termchat.serve.page_api.page_json import part_document, request_document

CallEvent = ToolStarted | ToolProgress | ToolFinished | ApprovalAsked | ApprovalAnswered
_KEPT = 20_000  # characters of the output of a running call


class LiveCalls:
    """The calls of one reply by their place in it, and the questions about them by their id."""

    def __init__(self) -> None:
        self.asks: dict[str, ApprovalRequest] = {}
        self._asking: dict[str, int] = {}  # places of the questions
        self._calls: dict[int, dict[str, Any]] = {}

    def apply(self, event: CallEvent) -> dict[str, Any]:
        """Apply an event; return the one for the page."""
        if isinstance(event, ApprovalAsked):
            self.asks[event.request.id] = event.request
            self._asking[event.request.id] = event.place
            return {"type": "ask", "request": request_document(event.request, event.place)}
        if isinstance(event, ApprovalAnswered):
            self.asks.pop(event.request.id, None)
            self._asking.pop(event.request.id, None)
            return {"type": "answered", "request": event.request.id}
        call = event.call
        about = {"place": event.place, "call": call.id, "name": call.name, "arguments": call.arguments}
        if isinstance(event, ToolStarted):
            self._calls[event.place] = {**about, "status": "started", "text": ""}
            return {"type": "tool", **about, "status": "started"}
        if isinstance(event, ToolProgress):
            printed = self._calls[event.place]["text"] + event.text
            self._calls[event.place] |= {"status": "output", "text": printed[-_KEPT:]}
            return {"type": "tool", **about, "status": "output", "text": event.text}
        result = part_document(event.result)
        ended = {"text": result["text"], "ok": result["ok"], "end": result["status"], "seconds": event.seconds}
        self._calls[event.place] = {**about, "status": "finished", **ended}
        return {"type": "tool", **self._calls[event.place]}

    def documents(self) -> Sequence[dict[str, Any]]:
        """Return the calls as they are now."""
        return list(self._calls.values())

    def questions(self) -> Sequence[dict[str, Any]]:
        """Return the questions that wait."""
        return [request_document(request, self._asking[name]) for name, request in self.asks.items()]

    def runs(self, place: int) -> bool:
        """Return True if the call at a place has begun, has not ended, and waits for no answer."""
        call = self._calls.get(place)
        return call is not None and call["status"] != "finished" and place not in self._asking.values()
