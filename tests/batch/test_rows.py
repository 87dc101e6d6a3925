"""Rows of a batch: the forms a line may have, and what is said about a line that has none."""

from __future__ import annotations

import json
from typing import Any

import pytest

from termchat.batch.items import digest_of, identified, shard_of
from termchat.batch.rows import BatchRow, RowError, RowFormat, parse_row
from termchat.core.messages import Image, Role, Text, user_message
from termchat.core.models import ModelRef
from termchat.core.provider import Params, Request

PNG = "data:image/png;base64,iVBORw0KGgo="
MODEL = ModelRef("x", "m")


def row(value: object) -> BatchRow:
    return parse_row(json.dumps(value).encode())


def openai(body: dict[str, Any], url: str = "/v1/chat/completions", **more: Any) -> BatchRow:
    return row({"custom_id": "a", "method": "POST", "url": url, "body": body, **more})


def test_row_string_is_prompt() -> None:
    assert parse_row(b'"hello \\u4f60"\r\n') == BatchRow((user_message("hello 你"),))


def test_row_object_has_settings_and_carries_unknown_fields() -> None:
    found = row({"id": 7, "prompt": "hi", "model": "x/m", "system": "", "files": ["a.png"], "schema": "name",
                 "settings": {"temperature": 0}, "label": [1], "n": None})  # fmt: skip
    assert (found.id, found.model, found.system, found.files, found.schema) == ("7", "x/m", "", ("a.png",), "name")
    assert found.settings == {"temperature": 0}
    assert found.fields == {"label": [1], "n": None}


def test_row_messages_end_with_user() -> None:
    chat = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}, {"role": "user", "content": "c"}]
    assert [(m.role.value, m.text) for m in row({"messages": chat}).messages] == [
        ("user", "a"), ("assistant", "b"), ("user", "c"),
    ]  # fmt: skip


def test_openai_chat_row_becomes_request() -> None:
    form = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object"}}}
    parts = [{"type": "text", "text": "look"}, {"type": "image_url", "image_url": {"url": PNG}}]
    messages = [{"role": "system", "content": "be brief"}, {"role": "user", "content": parts}]
    found = openai({"model": "gpt-x", "messages": messages, "max_completion_tokens": 9, "stop": ["E"], "seed": 0,
                    "response_format": form, "user": "u", "n": 1, "stream": False}, label="z")  # fmt: skip
    assert (found.id, found.model, found.system, found.format) == ("a", "gpt-x", "be brief", RowFormat.CHAT)
    assert found.settings == {"max_tokens": 9, "stop": ["E"], "seed": 0}
    assert found.schema == {"type": "object"}
    assert found.fields == {"label": "z"}
    assert found.messages[0].parts == (Text("look"), Image("image/png", b"\x89PNG\r\n\x1a\n"))


def test_openai_responses_row_becomes_request() -> None:
    body = {"model": "m", "input": "hi", "instructions": "short", "reasoning": {"effort": "low"}}
    found = openai(body, "/v1/responses")
    assert (found.system, found.messages, found.settings) == ("short", (user_message("hi"),), {"think": "low"})


USER = [{"role": "user", "content": "x"}]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b"hello", "not JSON: expecting value at column 1"),
        (b"\xff", "not UTF-8 (byte 0)"),
        (b"[1]", "a list, not a string or an object"),
        (b"{}", "it has no prompt"),
        (b'"  "', "the prompt is empty"),
        (b'{"prompt": NaN}', "not usable JSON: NaN is no JSON"),
        (b"[" * 100_000, "not usable JSON: it is nested too deeply"),
        (b'{"prompt": "a", "x": %b%b}' % (b"[" * 600, b"]" * 600), "not usable JSON: it is nested too deeply"),
        (b'{"prompt": 3}', "prompt must be a text"),
        (b'{"prompt": "a", "id": true}', "id must be a text or an integer"),
        (b'{"prompt": "a", "files": 3}', "files must be a list of names"),
        (b'{"prompt": "a", "settings": []}', None),
        (b'{"prompt": "a", "settings": [1]}', "settings must be an object"),
        (b'{"messages": [{"role": "assistant", "content": "x"}]}', "the last message is not of the user"),
    ],
)
def test_line_without_row_is_refused_with_reason(line: bytes, words: str | None) -> None:
    if words is None:
        assert parse_row(line).settings == {}
        return
    with pytest.raises(RowError) as found:
        parse_row(line)
    assert found.value.words == words


@pytest.mark.parametrize(
    ("body", "url", "words"),
    [
        ({"messages": USER, "tools": [1]}, "/v1/chat/completions", "tools of the body is not supported"),
        ({"messages": USER, "n": 2}, "/v1/chat/completions", "n of the body is not supported"),
        ({"messages": USER}, "/v1/embeddings", "url must be /v1/chat/completions or /v1/responses"),
        ({"messages": []}, "/v1/chat/completions", "messages must be a list of messages"),
        ({"input": [{"role": "tool", "content": ""}]}, "/v1/responses", "a message of the role tool is not supported"),
    ],
)
def test_openai_row_that_would_be_sent_otherwise_is_refused(body: dict[str, Any], url: str, words: str) -> None:
    with pytest.raises(RowError) as found:
        openai(body, url)
    assert found.value.words == words


def request(text: str = "hi", **params: Any) -> Request:
    return Request((user_message(text),), "", params=Params(**params))


def test_digest_depends_on_what_is_asked_only() -> None:
    same = digest_of(MODEL, request())
    assert digest_of(MODEL, request(max_tokens=5)) == same
    others = [digest_of(MODEL, request("ho")), digest_of(MODEL, request(temperature=0.0)),
              digest_of(MODEL, request(seed=0)), digest_of(ModelRef("x", "n"), request())]  # fmt: skip
    assert len({same, *others}) == 5


def test_item_without_id_gets_beginning_of_digest() -> None:
    item = identified(1, "", MODEL, request(), {})
    assert (item.id, item.given) == (item.digest[:16], False)
    assert identified(1, "a", MODEL, request(), {}).given


def test_shards_divide_ids_evenly() -> None:
    found = [shard_of(f"id {n}", 4) for n in range(400)]
    assert {found.count(n) > 60 for n in (1, 2, 3, 4)} == {True}
    assert set(found) == {1, 2, 3, 4}


def test_row_with_lone_surrogate_can_be_identified() -> None:
    found = parse_row(b'{"prompt": "a\\ud83d", "id": "\\udc00"}')
    assert found.messages[0].role is Role.USER
    assert len(digest_of(MODEL, Request(found.messages))) == 64
