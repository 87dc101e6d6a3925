"""Lines of a batch: any bytes are a row that can be sent, or a sentence about the line."""

from __future__ import annotations

from termchat.batch.rows import RowError, parse_row
from termchat.core.messages import Role
from termchat.store.message_json import dump, to_dict
from tests.fuzz.targets import FuzzTarget


def _run(data: bytes) -> None:
    try:
        row = parse_row(data)
    except RowError as error:
        assert error.at("f:1").message
        return
    assert row.files or row.messages[-1].role is Role.USER
    for message in row.messages:
        dump(to_dict(message)).encode("utf-8")
    row.id.encode("utf-8")


batch = FuzzTarget(
    _run,
    (
        b'"a prompt"',
        b'{"id": 7, "prompt": "p", "model": "a/b", "system": "s", "files": ["f"], "settings": {"seed": 1}, "x": [1.5]}',
        b'{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}, {"role": "user",'
        b' "content": "c"}], "schema": {"type": "object"}}',
        b'{"custom_id": "r", "method": "POST", "url": "/v1/chat/completions", "body": {"model": "m", "max_tokens": 5,'
        b' "messages": [{"role": "system", "content": "s"}, {"role": "user", "content": [{"type": "text", "text": "a"},'
        b' {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}}]}]}}',
        b'{"custom_id": "r", "method": "POST", "url": "/v1/responses", "body": {"model": "m", "input": "a"}}',
    ),
)
