"""`POST /api/chat/stream`: one message to a model, its reply as pieces of text.

The messages of a session are kept until the server stops, or until many newer sessions have begun. Each object names
its reply, so that several streams of one session are told apart.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from typing import Any

from termchat.core.messages import Message, Role, user_message
from termchat.core.provider import Request
from termchat.core.usage import usage_record
from termchat.serve import bodies
from termchat.serve.bodies import Fields
from termchat.serve.face_request import FaceRequest
from termchat.serve.faults import Fault, bad_request, plain_error
from termchat.serve.pieces import PartKind, Piece, PieceReader
from termchat.serve.replies import EndedReply, event_bytes

_MOST_SESSIONS = 200
_MOST_MESSAGES = 400  # of one session


class PlainSessions:
    """The messages of sessions, in memory."""

    def __init__(self) -> None:
        self._sessions: OrderedDict[str, tuple[Message, ...]] = OrderedDict()

    def messages(self, name: str) -> tuple[Message, ...]:
        return self._sessions.get(name, ())

    def add(self, name: str, question: Message, answers: Iterable[Message]) -> None:
        """Add a question with its answer to a session; "" is none."""
        if not name:
            return
        messages = (*self._sessions.pop(name, ()), question, *answers)
        while len(messages) > _MOST_MESSAGES or (messages and messages[0].role is not Role.USER):
            messages = messages[1:]
        self._sessions[name] = messages
        while len(self._sessions) > _MOST_SESSIONS:
            self._sessions.popitem(last=False)


def decode_plain(body: Fields, sessions: PlainSessions, system: str) -> tuple[FaceRequest, Message, str]:
    """Decode a request; return it with the question and the name of its session. Raises FaceError."""
    words, session = bodies.text_of(body, "message"), bodies.text_of(body, "session")
    if not words.strip():
        raise bad_request("message is missing.")
    question = user_message(words)
    request = Request((*sessions.messages(session), question), system)
    return FaceRequest(bodies.text_of(body, "model"), request, True), question, session


class PlainEncoder:
    """Encodes a reply as pieces of its text, and its end.

    session   the one that gets the question and its answer
    """

    def __init__(self, reply_id: str, sessions: PlainSessions, question: Message, session: str) -> None:
        self._id = reply_id
        self._sessions = sessions
        self._question = question
        self._session = session

    def piece(self, piece: Piece, read: PieceReader) -> Iterable[bytes]:
        if piece.kind is PartKind.TEXT:
            yield event_bytes({"content": piece.text, "id": self._id})
        elif piece.kind is PartKind.REASONING:
            yield event_bytes({"reasoning": piece.text, "id": self._id})

    def end(self, reply: EndedReply) -> Iterable[bytes]:
        self._sessions.add(self._session, self._question, reply.read.messages)
        yield event_bytes(self.document(reply))

    def broken(self, fault: Fault, read: PieceReader) -> Iterable[bytes]:
        outcome = read.ended.outcome.value if read.ended else "failed"
        usage = _usage(read)
        yield event_bytes({"done": True, "outcome": outcome, "error": fault.message, "usage": usage, "id": self._id})

    def document(self, reply: EndedReply) -> Mapping[str, Any]:
        return {
            "done": True, "outcome": reply.ended.outcome.value, "usage": _usage(reply.read),
            "model": str(reply.model), "id": self._id,
        }  # fmt: skip

    def error(self, fault: Fault) -> Mapping[str, Any]:
        return plain_error(fault)


def _usage(read: PieceReader) -> dict[str, Any]:
    """Return the tokens of a reply that has ended, and its cost in US dollars, None if it is unknown."""
    ended = read.ended
    if ended is None:
        return {}
    return {**usage_record(ended.usage), "cost": None if ended.cost is None else float(ended.cost)}
