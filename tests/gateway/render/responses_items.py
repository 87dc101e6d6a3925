"""The output items of Responses and their events."""

from __future__ import annotations

from typing import Any

from tests.gateway.quirks import Quirk
from tests.gateway.render.frames import Ask, Json
from tests.gateway.script import Call, Citation, Piece, Reasoning, Refusal, Reply, Search
from tests.gateway.signatures import Origin, word


def whose(origin: Origin) -> str:
    """Prefix of the item ids of an origin, by which validators recognise its own items."""
    return word("whose", origin.endpoint, origin.protocol, origin.model, length=8)


class Items:
    """Convert content to events and keep the finished items for the terminal event.

    Every method returns the events to send. At most one message or reasoning item is open at a time; several calls
    are open when their fragments alternate.
    """

    def __init__(self, reply: Reply, ask: Ask) -> None:
        self._reply = reply
        self._ask = ask
        self._message: Json | None = None
        self._thought: Json | None = None
        self._calls: dict[int, Json] = {}
        self._places: dict[str, int] = {}
        self._done: dict[int, Json] = {}
        self._reasoned = False

    @property
    def output(self) -> list[Json]:
        """The finished items in their order."""
        return [self._done[place] for place in sorted(self._done)]

    def text(self, chunk: str) -> list[Json]:
        events = self._end_thought() + self._begin_message({"type": "output_text", "annotations": [], "text": ""})
        message = self._message
        assert message is not None
        message["content"][0]["text"] += chunk
        delta = {"content_index": 0, "delta": chunk, "logprobs": []}
        return [*events, self._about(message, "response.output_text.delta", delta)]

    def citation(self, step: Citation) -> list[Json]:
        events = self._end_thought() + self._begin_message({"type": "output_text", "annotations": [], "text": ""})
        message = self._message
        assert message is not None
        part = message["content"][0]
        note: Json = {"type": "url_citation", "url": step.url, "title": step.title}
        note |= {"start_index": 0, "end_index": len(part["text"])}
        fields = {"content_index": 0, "annotation_index": len(part["annotations"]), "annotation": note}
        part["annotations"].append(note)
        return [*events, self._about(message, "response.output_text.annotation.added", fields)]

    def search(self, step: Search) -> list[Json]:
        action: Json = {"type": "search", "query": step.query, "queries": [step.query]}
        ended = self.close()
        item, added = self._open("ws", {"type": "web_search_call", "status": "in_progress"})
        kinds = [f"response.web_search_call.{word}" for word in ("in_progress", "searching", "completed")]
        progress = [self._about(item, kind, {}) for kind in kinds]
        item["action"] = action
        return [*ended, added, *progress, self._finish(item)]

    def refusal(self, step: Refusal) -> list[Json]:
        events = self.close() + self._begin_message({"type": "refusal", "refusal": ""})
        message = self._message
        assert message is not None
        message["content"][0]["refusal"] = step.text
        delta = {"content_index": 0, "delta": step.text}
        return [*events, self._about(message, "response.refusal.delta", delta), *self.close()]

    def reasoning(self, step: Reasoning, piece: Piece) -> list[Json]:
        events: list[Json] = []
        if piece.first:
            events += self.close()
            self._thought, added = self._open("rs", {"type": "reasoning", "summary": []})
            if Quirk.ENCRYPTED_EARLY in self._reply.quirks:
                added["item"]["encrypted_content"] = self._ask.seal("unfinished", "")
            events.append(added)
        thought = self._thought
        assert thought is not None
        if not step.redacted:
            events += self._think(thought, piece)
        if piece.last:
            if step.signed and Quirk.NO_ENCRYPTED not in self._reply.quirks:
                words = [*thought["summary"], *thought.get("content", [])]
                place = self._places[thought["id"]]
                thought["encrypted_content"] = self._ask.seal("reasoning", words, place)
            events += self._end_thought()
        return events

    def call(self, step: Call, piece: Piece) -> list[Json]:
        events: list[Json] = []
        if piece.first:
            events += self._end_thought() + self._end_message()
            known = self._ask.call_id(step, piece.number, "call_")
            item: Json = {"type": "function_call", "status": "in_progress", "arguments": ""}
            item |= {"call_id": known, "name": step.name}
            self._calls[piece.number], added = self._open("fc", item)
            events.append(added)
        item = self._calls[piece.number]
        item["arguments"] += piece.chunk
        events.append(self._about(item, "response.function_call_arguments.delta", {"delta": piece.chunk}))
        if piece.last:
            whole = {"arguments": item["arguments"]}
            events.append(self._about(item, "response.function_call_arguments.done", whole))
            events.append(self._finish(self._calls.pop(piece.number)))
        return events

    def close(self, unfinished: bool = False) -> list[Json]:
        """End all open items; `unfinished` marks them incomplete."""
        status = "incomplete" if unfinished else "completed"
        return self._end_thought() + self._end_message(status)

    def _think(self, thought: Json, piece: Piece) -> list[Json]:
        if Quirk.REASONING_TEXT in self._reply.quirks:
            content = thought.setdefault("content", [{"type": "reasoning_text", "text": ""}])
            content[0]["text"] += piece.chunk
            delta = {"content_index": 0, "delta": piece.chunk}
            return [self._about(thought, "response.reasoning_text.delta", delta)]
        events: list[Json] = []
        if piece.first:
            thought["summary"].append({"type": "summary_text", "text": ""})
            part = {"summary_index": 0, "part": dict(thought["summary"][0])}
            events.append(self._about(thought, "response.reasoning_summary_part.added", part))
        thought["summary"][0]["text"] += piece.chunk
        delta = {"summary_index": 0, "delta": piece.chunk}
        return [*events, self._about(thought, "response.reasoning_summary_text.delta", delta)]

    def _end_thought(self) -> list[Json]:
        thought, self._thought = self._thought, None
        if thought is None:
            return []
        events: list[Json] = []
        if thought["summary"]:
            part = thought["summary"][0]
            done = {"summary_index": 0, "text": part["text"]}
            events.append(self._about(thought, "response.reasoning_summary_text.done", done))
            whole = {"summary_index": 0, "part": part}
            events.append(self._about(thought, "response.reasoning_summary_part.done", whole))
        return [*events, self._finish(thought, status=None)]

    def _begin_message(self, part: Json) -> list[Json]:
        if self._message is not None:
            return []
        phase = "commentary" if self._reply.calls else "final_answer"
        item: Json = {"type": "message", "status": "in_progress", "role": "assistant"}
        self._message, added = self._open("msg", item | {"content": [], "phase": phase})
        self._message["content"].append(dict(part, annotations=[]) if "annotations" in part else dict(part))
        if Quirk.NO_PART_ADDED in self._reply.quirks:
            return [added]
        fields = {"content_index": 0, "part": dict(part)}
        return [added, self._about(self._message, "response.content_part.added", fields)]

    def _end_message(self, status: str = "completed") -> list[Json]:
        message, self._message = self._message, None
        if message is None:
            return []
        part = message["content"][0]
        field = "refusal" if part["type"] == "refusal" else "text"
        kind = "refusal" if field == "refusal" else "output_text"
        done: Json = {"content_index": 0, field: part[field]}
        events = [self._about(message, f"response.{kind}.done", done)]
        if Quirk.NO_PART_ADDED not in self._reply.quirks:
            whole = {"content_index": 0, "part": part}
            events.append(self._about(message, "response.content_part.done", whole))
        return [*events, self._finish(message, status)]

    def _open(self, prefix: str, item: Json) -> tuple[Json, Json]:
        """Open an item; return it and its event. Its id encodes the reply and whether the reply has reasoning."""
        place = len(self._places)
        self._reasoned |= prefix == "rs"
        mark = "r" if self._reasoned else "p"
        reply = whose(self._ask.origin) + self._ask.word("item", length=32)
        item = {"id": f"{prefix}_{reply}{mark}{place:02x}", **item}
        self._places[item["id"]] = place
        shown = {key: list(value) if isinstance(value, list) else value for key, value in item.items()}
        return item, {"type": "response.output_item.added", "output_index": place, "item": shown}

    def _finish(self, item: Json, status: str | None = "completed") -> Json:
        if status is not None:
            item["status"] = status
        place = self._places[item["id"]]
        self._done[place] = item
        return {"type": "response.output_item.done", "output_index": place, "item": item}

    def _about(self, item: Json, kind: str, fields: dict[str, Any]) -> Json:
        return {"type": kind, "item_id": item["id"], "output_index": self._places[item["id"]], **fields}
