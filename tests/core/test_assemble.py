"""Deltas joined into the parts of a message."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from termchat.core.events import (
    CitationDelta,
    Delta,
    Finished,
    ReasoningDelta,
    TextBecameReasoning,
    TextDelta,
    ToolCallDelta,
    UsageDelta,
)
from termchat.core.messages import Citation, Reasoning, Text, ToolCall
from termchat.core.outcomes import FinishReason
from termchat.core.usage import Usage
from termchat.core.wire.assemble import MessageBuilder


def assembled(*deltas: Delta) -> MessageBuilder:
    assembly = MessageBuilder()
    for delta in deltas:
        assembly.add(delta)
    return assembly


def test_assemble_interleaved_calls_are_whole() -> None:
    assembly = assembled(
        ToolCallDelta(0, "a", "look", '{"at"'),
        ToolCallDelta(1, "b", "count"),
        ToolCallDelta(1, arguments='{"to":'),
        ToolCallDelta(0, arguments=':"Köln"}'),
        ToolCallDelta(1, arguments="3}"),
        ToolCallDelta(1, complete=True),
        ToolCallDelta(0, complete=True),
    )
    assert assembly.parts() == (ToolCall("a", "look", '{"at":"Köln"}'), ToolCall("b", "count", '{"to":3}'))


def test_assemble_orders_parts_by_first_piece() -> None:
    assembly = assembled(
        ReasoningDelta(5, "hm"),
        TextDelta(2, "I "),
        ToolCallDelta(9, "c", "look", complete=True),
        TextDelta(2, "see"),
        TextDelta(3, "after"),
    )
    assert assembly.parts() == (Reasoning("hm"), Text("I see"), ToolCall("c", "look", "{}"), Text("after"))


def test_assemble_empty_id_or_name_never_overwrites() -> None:
    assembly = assembled(
        ToolCallDelta(0, "first", "look"), ToolCallDelta(0, "", ""), ToolCallDelta(0, "other", "x", complete=True)
    )
    assert assembly.parts() == (ToolCall("first", "look", "{}"),)


def test_assemble_unfinished_or_nameless_call_is_incomplete() -> None:
    assembly = assembled(ToolCallDelta(0, "a", "look", '{"at'), ToolCallDelta(1, "b", "", "{}", complete=True))
    assert [part.complete for part in assembly.parts() if isinstance(part, ToolCall)] == [False, False]


def test_assemble_opaque_data_merges_and_ignores_null() -> None:
    assembly = assembled(
        ReasoningDelta(0, "hm", provider_data={"signature": "s", "id": "1"}),
        ReasoningDelta(0, "", provider_data={"id": None, "data": "d"}),
        TextDelta(1, "", provider_data={"sign": "t"}),
        TextDelta(2, ""),
    )
    assert assembly.parts() == (
        Reasoning("hm", provider_data={"signature": "s", "id": "1", "data": "d"}),
        Text("", provider_data={"sign": "t"}),
    )


def test_assemble_redacted_reasoning_stays_redacted() -> None:
    assembly = assembled(ReasoningDelta(0, "", redacted=True, provider_data={"data": "x"}), ReasoningDelta(0, ""))
    assert assembly.parts() == (Reasoning("", redacted=True, provider_data={"data": "x"}),)


def test_assemble_repeated_source_is_one_citation() -> None:
    source = Citation("https://a.example", "A")
    assembly = assembled(TextDelta(0, "so"), CitationDelta(0, source), CitationDelta(0, source))
    assert assembly.parts() == (Text("so", (source,)),)


def test_assemble_keeps_last_usage_and_finish() -> None:
    assembly = assembled(UsageDelta(Usage(1, 1)), UsageDelta(Usage(5, 7)), Finished(FinishReason.STOP, "stop"))
    assert (assembly.usage, assembly.finished) == (Usage(5, 7), Finished(FinishReason.STOP, "stop"))
    assert not assembly.received


def test_assemble_joins_split_surrogate_pair() -> None:
    assert assembled(TextDelta(0, "a\ud83d"), TextDelta(0, "\ude42b\ud800")).parts() == (Text("a🙂b\ufffd"),)


@given(st.lists(st.tuples(st.integers(0, 3), st.text("ab{}", max_size=3))))
def test_assemble_joins_pieces_by_index(pieces: list[tuple[int, str]]) -> None:
    parts = assembled(*(TextDelta(index, piece) for index, piece in pieces)).parts()
    whole = {index: "".join(p for i, p in pieces if i == index) for index, _ in pieces}
    assert [part.text for part in parts if isinstance(part, Text)] == [text for text in whole.values() if text]


def test_assemble_text_that_became_reasoning_keeps_place_and_characters() -> None:
    builder = MessageBuilder()
    for delta in (TextDelta(0, "I rea"), TextDelta(0, "son"), TextBecameReasoning(0), TextDelta(1, "so")):
        builder.add(delta)
    assert builder.parts() == (Reasoning("I reason"), Text("so"))
