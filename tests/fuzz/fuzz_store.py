"""Messages in the database: any text is a message, which is written as it was read, or an invalid record."""

from __future__ import annotations

from termchat.core.messages import Citation, Image, Message, Origin, Reasoning, Role, Text, ToolCall, ToolResult
from termchat.core.models import ApiProtocol
from termchat.core.outcomes import Outcome
from termchat.core.usage import Usage
from termchat.store.json_fields import InvalidRecord
from termchat.store.message_json import decode_message, dump, missing_blob, to_dict
from tests.fuzz.targets import FuzzTarget


def _run(data: bytes) -> None:
    try:
        message = decode_message(data.decode("utf-8", "replace"), missing_blob)
    except InvalidRecord:
        return
    written = dump(to_dict(message))
    written.encode("utf-8")
    assert dump(to_dict(decode_message(written, missing_blob))) == written


_ORIGIN = Origin("p", ApiProtocol.ANTHROPIC, "m")
_MESSAGES = (
    Message(Role.USER, (Text("hi"), Image("image/png", b"abc"))),
    Message(
        Role.ASSISTANT,
        (
            Reasoning("r", provider_data={"s": "x", "f": 1.5}),
            Text("t", (Citation("https://a", "A"),)),
            ToolCall("c", "f", "{}"),
        ),
        _ORIGIN,
        Outcome.COMPLETE,
        Usage(3, 4, cached=1),
    ),
    Message(Role.TOOL, (ToolResult("c", "f", (Text("r"),)),)),
)
store = FuzzTarget(_run, tuple(dump(to_dict(message)).encode() for message in _MESSAGES))
