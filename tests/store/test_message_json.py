"""Messages as JSON: round trips and invalid records."""

from __future__ import annotations

import json
import math
import tracemalloc
from dataclasses import fields, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from termchat.core.events import ReasoningDelta, TextDelta, ToolCallDelta
from termchat.core.messages import (
    Citation,
    File,
    Image,
    Message,
    Origin,
    Reasoning,
    Role,
    Search,
    Text,
    ToolCall,
    ToolResult,
    user_message,
)
from termchat.core.redact import Redactor
from termchat.core.sanitize import repair_surrogates
from termchat.core.usage import Usage
from termchat.core.wire.assemble import MessageBuilder
from termchat.store.json_fields import InvalidRecord
from termchat.store.message_json import Encoded, decode_message, encode_message, encode_partial, missing_blob
from termchat.store.messages import LONG_TEXT, encode_utf8
from tests.store.strategies import messages


@given(messages)
def test_message_json_with_blobs_round_trips(message: Message) -> None:
    encoded = encode_message(message)

    assert decode_message(encoded.text, encoded.blobs.__getitem__) == message


@given(messages)
def test_message_json_inline_round_trips(message: Message) -> None:
    encoded = encode_message(message, inline=True)

    assert not encoded.blobs
    assert decode_message(encoded.text, missing_blob) == message


@given(st.text())
def test_message_json_replaces_lone_surrogates(text: str) -> None:
    encoded = encode_message(user_message(text or "x"))

    encoded.text.encode("utf-8")
    assert decode_message(encoded.text, missing_blob) == user_message(repair_surrogates(text or "x"))


def test_message_json_keeps_infinity() -> None:
    message = Message(Role.ASSISTANT, (Text("a", provider_data={"n": math.inf, "m": [-math.inf]}),))
    encoded = encode_message(message)

    json.loads(encoded.text, parse_constant=pytest.fail)
    assert decode_message(encoded.text, missing_blob) == message


def test_message_json_knows_every_field() -> None:
    """Fail for a new field until the codec, this table and the strategies know it."""
    known = {
        Message: "role parts origin outcome usage reply_id",
        Origin: "provider protocol model",
        Usage: "input output cached cache_write reasoning estimated cost cache_miss tier",
        Text: "text citations provider_data",
        Citation: "url title",
        Reasoning: "text redacted provider_data",
        Search: "queries provider_data",
        ToolCall: "id name arguments complete provider_data",
        ToolResult: "call_id name parts is_error status edited",
        Image: "mime data url name",
        File: "name mime data",
    }
    assert {kind: " ".join(field.name for field in fields(kind)) for kind in known} == known


def test_message_json_equal_bytes_share_blob() -> None:
    one, other = (
        encode_message(user_message("a", Image("image/png", b"x"))),
        encode_message(user_message("b", File("x.pdf", "application/pdf", b"x"))),
    )

    assert one.blobs == other.blobs


def test_message_json_missing_blob_is_empty() -> None:
    encoded = encode_message(user_message("look", Image("image/png", b"x")))

    assert decode_message(encoded.text, missing_blob) == user_message("look", Image("image/png", b""))


@given(
    st.text()
    | st.recursive(st.none() | st.integers(), lambda v: st.lists(v) | st.dictionaries(st.text(), v)).map(json.dumps)
)
def test_message_json_other_text_is_invalid_record(text: str) -> None:
    with pytest.raises(InvalidRecord):
        decode_message(text, missing_blob)


@given(messages, st.data())
def test_message_json_lost_character_is_read_or_invalid_record(message: Message, data: st.DataObject) -> None:
    encoded: Encoded = encode_message(message, inline=True)
    at = data.draw(st.integers(0, len(encoded.text)))
    try:
        decode_message(encoded.text[:at] + encoded.text[at + 1 :], missing_blob)
    except InvalidRecord:
        pass


def test_message_json_deep_nesting_is_invalid_record() -> None:
    with pytest.raises(InvalidRecord):
        decode_message('{"v":1,"author":"user","parts":' + "[" * 100_000, missing_blob)


@given(messages)
def test_encode_partial_round_trips_in_ascii(message: Message) -> None:
    text = encode_partial(message)

    assert text.isascii()
    assert decode_message(text, missing_blob) == message


@given(st.lists(st.tuples(st.booleans(), st.lists(st.text(st.characters() | st.sampled_from('\ud83d\ude42"\\🙂'))))))
def test_encode_partial_of_blocks_equals_encode_partial_of_joined_text(parts: list[tuple[bool, list[str]]]) -> None:
    builder = MessageBuilder()
    for n, (is_reasoning, pieces) in enumerate(parts):
        for piece in pieces:
            if is_reasoning:
                builder.add(ReasoningDelta(n, piece, provider_data={"text": '"text":""'}))
            else:
                builder.add(TextDelta(n, piece))
            builder.encoded_parts()  # ends a block
        builder.add(ToolCallDelta(n, f"call{n}", "look", '{"text":""}', complete=True))
    apart = builder.encoded_parts()
    usage = Usage(1, 2)

    text = encode_partial(
        Message(Role.ASSISTANT, tuple(part for part, _ in apart), usage=usage), [blocks for _, blocks in apart]
    )

    assert text.isascii()
    assert decode_message(text, missing_blob) == Message(Role.ASSISTANT, builder.parts(), usage=usage)


@given(
    st.text(), st.sampled_from(["", " ", "}", ",", '"', "\\", '"}]}', ',{"type":"text","text":"b"}', ',"reply_id":"b"'])
)
def test_decode_message_of_plain_question_equals_decode_of_any_json(text: str, more: str) -> None:
    plain = encode_message(user_message(repair_surrogates(text) + "x")).text

    for written in (plain + more, plain[:-2] + more + "]}", plain[:-1] + more + "}", plain[:-4] + more + plain[-4:]):
        assert read_or_reason(written) == read_or_reason(f" {written}")


@pytest.mark.parametrize("origin", ["5", "[]", "{}", '["a","chat"]', '["a","chat",1]', '["a","b","c"]', '["a",[],"c"]'])
def test_decode_message_with_invalid_origin_is_invalid_record(origin: str) -> None:
    with pytest.raises(InvalidRecord):
        decode_message(f'{{"v":1,"author":"assistant","origin":{origin},"parts":[]}}', missing_blob)


@pytest.mark.parametrize(
    ("usage", "wanted"),
    [
        ("{}", Usage()),
        ('{"input":1,"output":2}', Usage(1, 2)),
        ('{"output":2,"input":1,"cached":3,"cache_write":4,"reasoning":5}', Usage(1, 2, 3, 4, 5)),
        ('{"input":null,"output":2,"cached":3,"cache_write":4,"reasoning":5}', Usage(0, 2, 3, 4, 5)),
        ('{"input":1,"output":2,"cached":3,"cache_write":4,"reasoning":5,"tier":"x"}', Usage(1, 2, 3, 4, 5, tier="x")),
        ('{"input":"1","output":2,"cached":3,"cache_write":4,"reasoning":5}', "input is not a number"),
        ('{"input":1.5,"output":2,"cached":3,"cache_write":4,"reasoning":5}', "input is not a number"),
    ],
)
def test_decode_message_reads_usage_by_name_and_type(usage: str, wanted: Usage | str) -> None:
    found = read_or_reason(f'{{"v":1,"author":"assistant","usage":{usage},"parts":[]}}')

    assert found == (Message(Role.ASSISTANT, (), usage=wanted) if isinstance(wanted, Usage) else wanted)


def read_or_reason(written: str) -> Message | str:
    """Return the decoded message, or the reason why there is none."""
    try:
        return decode_message(written, missing_blob)
    except InvalidRecord as error:
        return str(error)


@settings(max_examples=30)
@given(messages, st.text(min_size=1), st.integers(0, 3))
def test_encode_utf8_of_long_text_equals_encode_message(message: Message, text: str, more: int) -> None:
    long = text * (LONG_TEXT // len(text) + 1) + "\ud83d" * more + '\ude00\n\0"\\\x7f'
    data = {"text": "x", "n": math.inf}
    parts = (Text(long, (Citation("u", '"text":""'),), data), *message.parts, Reasoning(long, True, data))
    message = replace(message, parts=parts)
    expected = encode_message(message)

    assert encode_utf8(message) == (expected.text.encode(), expected.blobs)
    assert encode_utf8(replace(message, parts=()))[0] == encode_message(replace(message, parts=())).text.encode()


@pytest.mark.parametrize("key", ["sk-0123456789abcdef", 'pass"word\\0123456', "ключ-от-всех-дверей"])
def test_encode_utf8_masks_key_anywhere_in_long_message(key: str) -> None:
    redact = Redactor([key], shapes=False)
    for spot in (0, LONG_TEXT // 2 - 5, LONG_TEXT - 1, LONG_TEXT + 1):
        text = "🙂" * spot + key + "x" * (LONG_TEXT + 1 - spot)
        message = Message(
            Role.ASSISTANT, (Text(text, (Citation(key, "t"),)), ToolCall("1", "n", json.dumps({"k": key})))
        )
        encoded, _ = encode_utf8(message, redact)

        decoded = decode_message(encoded.decode(), missing_blob)
        assert decoded.parts[0] == Text(redact(text), (Citation(redact(key), "t"),))
        assert not redact.find(encoded.decode())


def test_encode_utf8_of_long_text_holds_no_copy_of_its_string() -> None:
    text = "a 🙂\n" * 100_000
    message = Message(Role.ASSISTANT, (Text(text),))
    encode_utf8(message, Redactor(["sk-0123456789abcdef"], shapes=False))
    tracemalloc.start()
    try:
        encoded, _ = encode_utf8(message, Redactor(["sk-0123456789abcdef"], shapes=False))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert peak < 2.5 * len(encoded)  # a copy of the text takes 1.8 times as much, and JSON was made of two
