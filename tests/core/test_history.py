"""Preparation of a history for a model: parts, calls, results and ids."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from termchat.core.messages import (
    File,
    Image,
    Message,
    Origin,
    Part,
    Reasoning,
    Role,
    Text,
    ToolCall,
    ToolResult,
    user_message,
)
from termchat.core.models import ApiProtocol
from termchat.core.wire.history import (
    CANCELLED_RESULT_TEXT,
    EMPTY_MESSAGE_TEXT,
    FIRST_MESSAGE_TEXT,
    prepare_history,
    valid_tool_name,
)

SAME_ORIGIN = Origin("openai", ApiProtocol.CHAT, "gpt")
OTHER_ORIGIN = Origin("anthropic", ApiProtocol.ANTHROPIC, "claude")
ID = re.compile(r"[A-Za-z0-9_-]{1,40}")


def valid(call_id: str) -> bool:
    return ID.fullmatch(call_id) is not None


def prepared(*messages: Message, target: Origin = SAME_ORIGIN) -> tuple[Message, ...]:
    return prepare_history(messages, target, valid)


def reply(*parts: Part, origin: Origin = SAME_ORIGIN) -> Message:
    return Message(Role.ASSISTANT, parts, origin)


def results(*parts: ToolResult) -> Message:
    return Message(Role.TOOL, parts)


def result(call_id: str, text: str, name: str = "look") -> ToolResult:
    return ToolResult(call_id, name, (Text(text),))


CANCEL = ToolResult("a", "look", (Text(CANCELLED_RESULT_TEXT),), is_error=True)


def test_history_same_origin_is_sent_unchanged() -> None:
    messages = (
        user_message("hi", Image("image/png", b"x")),
        reply(
            Reasoning("hm", provider_data={"sig": "1"}),
            Text("I look", provider_data={"p": 1}),
            ToolCall("a", "look", "{}"),
        ),
        results(result("a", "rain")),
        reply(Text("It rains.")),
    )
    assert prepared(*messages) == messages


def test_history_other_origin_gets_no_reasoning_or_opaque_data() -> None:
    call = ToolCall("a", "look", "{}", provider_data={"sig": "2"})
    messages = (
        user_message("hi"),
        reply(Reasoning("hm", provider_data={"s": 1}), Text("so", provider_data={"p": 1}), call),
        results(result("a", "r")),
    )
    _, answer, _ = prepared(*messages, target=OTHER_ORIGIN)
    assert answer.parts == (Text("so"), ToolCall("a", "look", "{}"))


def test_history_same_model_at_other_provider_is_other_origin() -> None:
    elsewhere = replace(SAME_ORIGIN, provider="gateway")
    assert prepared(user_message("q"), reply(Reasoning("hm"), Text("a")), target=elsewhere)[1].parts == (Text("a"),)


def test_history_drops_call_with_cut_arguments() -> None:
    messages = (
        user_message("q"),
        reply(Text("I"), ToolCall("a", "look", '{"a', complete=False)),
        user_message("again"),
    )
    assert prepared(*messages) == (user_message("q"), reply(Text("I")), user_message("again"))


def test_history_drops_empty_reply() -> None:
    assert prepared(user_message("q"), reply(ToolCall("a", "look", "{", complete=False)), user_message("r")) == (
        user_message("q"),
        user_message("r"),
    )
    assert prepared(user_message("q"), reply(Reasoning("hm"), Text("")), user_message("r"), target=OTHER_ORIGIN) == (
        user_message("q"),
        user_message("r"),
    )


def test_history_call_without_result_gets_cancelled_result() -> None:
    call = ToolCall("a", "look", "{}")
    assert prepared(user_message("q"), reply(call), user_message("r")) == (
        user_message("q"),
        reply(call),
        results(CANCEL),
        user_message("r"),
    )
    assert prepared(user_message("q"), reply(call)) == (user_message("q"), reply(call), results(CANCEL))


def test_history_drops_result_without_call() -> None:
    assert prepared(user_message("q"), results(result("z", "lost")), reply(Text("a"))) == (
        user_message("q"),
        reply(Text("a")),
    )


def test_history_orders_results_like_calls() -> None:
    calls = reply(ToolCall("a", "look", "{}"), ToolCall("b", "look", "{}"))
    messages = prepared(user_message("q"), calls, results(result("b", "2")), results(result("a", "1")))
    assert messages[2] == results(result("a", "1"), result("b", "2"))
    assert len(messages) == 3


def test_history_calls_with_one_id_keep_their_results() -> None:
    messages = prepared(
        user_message("q"),
        reply(ToolCall("a", "look", "1"), ToolCall("a", "look", "2")),
        results(result("a", "one"), result("a", "two")),
    )
    first, second = messages[1].calls
    assert first.id != second.id
    assert [(r.call_id, r.text) for r in messages[2].results] == [(first.id, "one"), (second.id, "two")]


def test_history_replaces_reused_and_invalid_ids_in_pairs() -> None:
    odd = "föö/" * 20
    messages = prepared(
        user_message("q"),
        reply(ToolCall("a", "look", "{}")),
        results(result("a", "one")),
        reply(ToolCall("a", "look", "{}"), ToolCall(odd, "look", "{}"), ToolCall("", "look", "{}")),
        results(result("a", "two"), result(odd, "three"), result("", "four")),
    )
    ids = [call.id for message in messages for call in message.calls]
    assert ids[0] == "a"
    assert len(set(ids)) == 4
    assert all(map(valid, ids))
    assert [r.call_id for message in messages for r in message.results] == ids
    assert [r.text for message in messages for r in message.results] == ["one", "two", "three", "four"]


def test_history_new_ids_are_deterministic() -> None:
    messages = (user_message("q"), reply(ToolCall("ö", "look", "{}")), results(result("ö", "r")))
    assert prepared(*messages) == prepared(*messages)[: len(messages)]
    assert prepared(*messages, user_message("more"))[: len(messages)] == prepared(*messages)


def test_history_invalid_tool_name_is_made_valid() -> None:
    names = ["functions.look", "9 lives", "ünï", "x" * 99]
    messages = prepared(
        user_message("q"),
        reply(*(ToolCall(str(n), name, "{}") for n, name in enumerate(names))),
        results(*(result(str(n), "no such tool", name) for n, name in enumerate(names))),
    )
    sent = [call.name for call in messages[1].calls]
    assert sent == ["functions_look", "_9_lives", "_n_", "x" * 64]
    assert [r.name for r in messages[2].results] == sent


def test_history_blank_user_message_gets_placeholder() -> None:
    assert prepared(user_message(""), reply(Text("yes?")), user_message(" \n")) == (
        user_message(EMPTY_MESSAGE_TEXT),
        reply(Text("yes?")),
        user_message(EMPTY_MESSAGE_TEXT),
    )
    picture = Message(Role.USER, (Image("image/png", b"x"),))
    assert prepared(picture) == (picture,)


def test_history_replaces_lone_surrogates() -> None:
    half = "a\ud83d"
    messages = prepared(
        user_message(half, File(half, "application/pdf", b"x")),
        reply(Reasoning(half, provider_data={"s": 1}), Text(half), ToolCall("a", "look", half)),
        results(result("a", half)),
    )
    assert messages == (
        user_message("a\ufffd", File("a\ufffd", "application/pdf", b"x")),
        reply(Text("a\ufffd"), ToolCall("a", "look", "a\ufffd")),
        results(result("a", "a\ufffd")),
    )
    assert prepared(user_message("q"), reply(Reasoning("", provider_data={"item": [half]}), Text("x")))[1].parts == (
        Text("x"),
    )


TEXTS = st.text(st.sampled_from("ab 你🙂\ud800"), max_size=3)
IDS = st.sampled_from(["a", "b", "call_1", "", "ö", "x" * 50, "\ud800"])
CALLS = st.builds(ToolCall, IDS, st.sampled_from(["look", "a.b", ""]), TEXTS, st.booleans())
REPLIES = st.builds(
    reply,
    st.one_of(st.builds(Text, TEXTS), st.builds(Reasoning, TEXTS), CALLS),
    st.one_of(st.builds(Text, TEXTS), CALLS),
    CALLS,
    origin=st.sampled_from([SAME_ORIGIN, OTHER_ORIGIN]),
)
RESULTS = st.lists(st.builds(result, IDS, TEXTS), max_size=3).map(lambda found: results(*found))
HISTORIES = st.lists(st.one_of(st.builds(user_message, TEXTS), REPLIES, RESULTS), max_size=12)


@given(HISTORIES)
def test_history_every_call_has_one_result_and_unique_id(messages: list[Message]) -> None:
    sent = prepared(*messages)
    ids = [call.id for message in sent for call in message.calls]
    assert len(set(ids)) == len(ids)
    assert all(map(valid, ids))
    assert all(valid_tool_name(call.name) for message in sent for call in message.calls)
    for message, after in pairwise([*sent, user_message("end")]):
        if message.role is Role.TOOL:
            assert message.results
        asked = [(call.id, call.name) for call in message.calls]
        answered = [(r.call_id, r.name) for r in after.results] if after.role is Role.TOOL else []
        assert asked == answered


@given(HISTORIES)
def test_history_keeps_everything_sendable(messages: list[Message]) -> None:
    sent = prepared(*messages)

    def words(messages: tuple[Message, ...] | list[Message], author: Role) -> str:
        return (
            "".join(m.text for m in messages if m.role is author)
            .replace(EMPTY_MESSAGE_TEXT, "")
            .replace(FIRST_MESSAGE_TEXT, "")
            .replace("\ud800", "\ufffd")
        )

    assert words(sent, Role.ASSISTANT) == words(messages, Role.ASSISTANT)
    assert words(sent, Role.USER).split() == words([m for m in messages if m.text.strip()], Role.USER).split()
    whole = [c.arguments.replace("\ud800", "\ufffd") for m in messages for c in m.calls if c.complete]
    assert [c.arguments for m in sent for c in m.calls] == whole


@given(HISTORIES)
def test_history_sendable_messages_are_unchanged(messages: list[Message]) -> None:
    once = prepared(*messages)
    assert prepared(*once) == once


ATTACHED = [
    (File("a.md", "text/markdown", "né".encode()), Text('<file name="a.md">\nné\n</file>\n')),
    (File("a.json", "application/json", b"{}"), Text('<file name="a.json">\n{}\n</file>\n')),
    (File("notes", "application/octet-stream", b"words"), Text('<file name="notes">\nwords\n</file>\n')),
    (File("a.bin", "application/octet-stream", b"\0\1"), Text("[a.bin, a file of type application/octet-stream]")),
    (File("a.docx", "application/vnd.ms-word", b"PK"), Text("[a.docx, a file of type application/vnd.ms-word]")),
    (File("a.pdf", "application/pdf", b""), Text("[a.pdf, a file of type application/pdf]")),
    (File("a.pdf", "application/pdf; x=1", b"%PDF"), File("a.pdf", "application/pdf", b"%PDF")),
    (File("a.png", "image/png", b"png"), Image("image/png", b"png", name="a.png")),
    (Image("image/jpg", b"jpg"), Image("image/jpeg", b"jpg")),
    (Image("image/svg+xml", b"<svg/>", name="a.svg"), Text('<file name="a.svg">\n<svg/>\n</file>\n')),
    (Image("image/tiff", b"II*", name="a.tif"), Text("[a.tif, a file of type image/tiff]")),
    (Image("image/png", url="https://a.example/i"), Image("image/png", url="https://a.example/i")),
    (Image("image/png", url="0", name="a.png"), Text("[a.png, a file of type image/png]")),
    (Image("image/png", b"png", url="sediment://x"), Image("image/png", b"png")),
]


@pytest.mark.parametrize(("part", "sent"), ATTACHED)
def test_history_sends_attachment_as_picture_pdf_text_or_note(part: Part, sent: Part) -> None:
    (message,) = prepared(Message(Role.USER, (part,)))
    assert message.parts == (sent,)


def test_history_attachment_of_reply_becomes_note() -> None:
    sent = prepared(user_message("q"), reply(Text("Here."), Image("image/png", b"png", name="a.png")))
    assert sent[1].parts == (Text("Here."), Text("[a.png, an attachment of this reply]"))


def test_history_reply_that_begins_chat_follows_placeholder() -> None:
    assert [message.text for message in prepared(reply(Text("Welcome.")))] == [FIRST_MESSAGE_TEXT, "Welcome."]
