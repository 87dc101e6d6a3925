"""Decoding of Chat Completions chunks, with the variants that servers send."""

from __future__ import annotations

import itertools
import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from termchat.core.events import Delta, Finished, TextDelta, UsageDelta
from termchat.core.messages import Citation, Json, Reasoning, Text, ToolCall
from termchat.core.outcomes import FinishReason
from termchat.core.usage import Usage
from termchat.providers.decoder import ServerError
from termchat.providers.protocols.openai_chat.decode import ChatDecoder
from tests.providers.decode_support import assembled, fed, new_ids, parts
from tests.providers.json_strategies import JSONISH, objects


def chunk(finish: str | None = None, **delta: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}


def call(*pieces: dict[str, Any]) -> dict[str, Any]:
    return chunk(tool_calls=list(pieces))


def function(arguments: Any = None, name: str | None = None, **piece: Any) -> dict[str, Any]:
    inner = {"arguments": arguments} | ({"name": name} if name is not None else {})
    return {"type": "function", "function": inner, **piece}


def decoded(*events: dict[str, Any], **options: Any) -> list[Delta]:
    return fed(ChatDecoder(new_id=new_ids(), **options), *events)


ODD_CHUNKS = [
    {"choices": []},
    {"choices": None},
    {},
    {"choices": [None, 7]},
    {"choices": [{"delta": None}]},
    {"choices": [{"delta": {"content": None}, "finish_reason": ""}]},
    {"choices": [{"delta": {"content": "", "tool_calls": [{"index": 0, "function": None}]}}]},
    {"choices": [{"delta": {"role": "assistant", "tool_calls": None}}]},
    {"choices": "x", "usage": 7},
    {"choices": [{"delta": {"content": 7, "reasoning": [], "annotations": {}, "refusal": 0}}]},
]


@pytest.mark.parametrize("odd", ODD_CHUNKS, ids=json.dumps)
def test_decode_malformed_chunk_is_ignored(odd: dict[str, Any]) -> None:
    assert decoded(odd) == []


def test_decode_text_as_list_of_parts() -> None:
    deltas = decoded(
        chunk(content=[{"type": "text", "text": "one "}, {"type": "text", "text": "two"}, 7, None]),
        chunk(content=[{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}]),
        chunk(content=[{"type": "thinking", "thinking": "m"}, {"type": "reference", "reference_ids": [1]}]),
    )
    assert parts(deltas) == (Text("one two"), Reasoning("hmm"))


@pytest.mark.parametrize(
    "thought",
    [
        {"reasoning_content": "hm"},
        {"reasoning": "hm"},
        {"reasoning": "hm", "reasoning_content": "hm"},
        {"reasoning": None, "reasoning_content": "hm", "content": None},
    ],
    ids=str,
)
def test_decode_reasoning_under_either_name_once(thought: dict[str, Any]) -> None:
    assert parts(decoded(chunk(**thought), chunk(content="so"))) == (Reasoning("hm"), Text("so"))


def test_decode_reasoning_details_are_joined_and_kept() -> None:
    pieces = [
        {"type": "reasoning.text", "text": "let ", "index": 0, "format": "f"},
        {"type": "reasoning.text", "text": "me", "index": 0, "format": "f"},
        {"type": "reasoning.text", "signature": "sig", "index": 0},
        {"type": "reasoning.encrypted", "data": "xx", "index": 1},
    ]
    deltas = decoded(*(chunk(reasoning_details=[piece]) for piece in pieces), chunk(content="so"), chunk("stop"))
    whole: list[Json] = [
        {"type": "reasoning.text", "text": "let me", "index": 0, "format": "f", "signature": "sig"},
        {"type": "reasoning.encrypted", "data": "xx", "index": 1},
    ]
    assert parts(deltas) == (Reasoning("let me", provider_data={"reasoning_details": whole}), Text("so"))


def test_decode_interleaved_calls_are_complete() -> None:
    deltas = decoded(
        call(function("", "look", index=0, id="a"), function("", "count", index=1, id="b")),
        call(function('{"x"', index=1)),
        call(function('{"y"', index=0), function(":1}", index=1)),
        call(function(":2}", index=0)),
        chunk("tool_calls"),
    )
    assert parts(deltas) == (ToolCall("a", "look", '{"y":2}'), ToolCall("b", "count", '{"x":1}'))


CALLS: dict[str, tuple[list[dict[str, Any]], tuple[ToolCall, ...]]] = {
    "no index, ids": (
        [function("{", "look", id="a"), function("}"), function("{}", "count", id="b")],
        (ToolCall("a", "look", "{}"), ToolCall("b", "count", "{}")),
    ),
    "null index, no id in the later pieces": (
        [function('{"x"', "look", index=None, id="a"), function(":1}", index=None, id=None)],
        (ToolCall("a", "look", '{"x":1}'),),
    ),
    "empty id later": (
        [function("{", "look", index=0, id="a"), function("}", index=0, id="")],
        (ToolCall("a", "look", "{}"),),
    ),
    "name repeated": (
        [function("{", "look", index=0, id="a"), function("}", "look", index=0)],
        (ToolCall("a", "look", "{}"),),
    ),
    "name empty later": (
        [function("{", "look", index=0, id="a"), function("}", "", index=0)],
        (ToolCall("a", "look", "{}"),),
    ),
    "null arguments": (
        [function(None, "look", index=0, id="a"), function("{}", index=0)],
        (ToolCall("a", "look", "{}"),),
    ),
    "an object for arguments": (
        [function({"city": "Köln"}, "look", index=0, id="a")],
        (ToolCall("a", "look", '{"city": "Köln"}'),),
    ),
    "one index for all, other ids": (
        [function("{}", "look", index=0, id="a"), function("{}", "count", index=0, id="b")],
        (ToolCall("a", "look", "{}"), ToolCall("b", "count", "{}")),
    ),
    "the index as text": (
        [function("{", "look", index="0", id="a"), function("}", index=0)],
        (ToolCall("a", "look", "{}"),),
    ),
    "a number for an id": ([function("{}", "look", index=0, id=7)], (ToolCall("7", "look", "{}"),)),
    "no id at all": ([function("{}", "look", index=0)], (ToolCall("new1", "look", "{}"),)),
    "no arguments at all": ([function(None, "look", index=0, id="a")], (ToolCall("a", "look", "{}"),)),
    "null function first": (
        [{"index": 0, "id": "a", "function": None}, function("{}", "look", index=0)],
        (ToolCall("a", "look", "{}"),),
    ),
    "a signature of Gemini's": (
        [function("{}", "look", index=0, id="a", extra_content={"google": {"thought_signature": "s"}})],
        (ToolCall("a", "look", "{}", provider_data={"extra_content": {"google": {"thought_signature": "s"}}}),),
    ),
}


@pytest.mark.parametrize("finish", ["tool_calls", "stop", "function_call"])
@pytest.mark.parametrize("case", CALLS)
def test_decode_call_variants_of_servers(case: str, finish: str) -> None:
    pieces, calls = CALLS[case]
    deltas = decoded(*(call(piece) for piece in pieces), chunk(finish))
    assert parts(deltas) == calls
    assert deltas[-1] == Finished(FinishReason.TOOL_CALLS, finish)


def test_decode_legacy_function_call() -> None:
    deltas = decoded(
        chunk(function_call={"name": "look", "arguments": '{"a'}),
        chunk(function_call={"arguments": '":1}'}),
        chunk("function_call"),
    )
    assert parts(deltas) == (ToolCall("new1", "look", '{"a":1}'),)


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ("stop", FinishReason.STOP),
        ("length", FinishReason.LENGTH),
        ("content_filter", FinishReason.FILTER),
        ("error", FinishReason.ERROR),
        ("tool_calls", FinishReason.STOP),
        ("insufficient_system_resource", FinishReason.ERROR),
        ("model_length", FinishReason.LENGTH),
        ("brand_new", FinishReason.OTHER),
    ],
)
def test_decode_maps_finish_reason(raw: str, reason: FinishReason) -> None:
    assert decoded(chunk(content="x"), chunk(raw))[-1] == Finished(reason, raw)


def test_decode_call_cut_by_limit_is_incomplete() -> None:
    deltas = decoded(call(function('{"x', "look", index=0, id="a")), chunk("length"))
    assert parts(deltas) == (ToolCall("a", "look", '{"x', complete=False),)


def test_decode_refusal_gives_text_and_refusal_reason() -> None:
    deltas = decoded(chunk(refusal="I can"), chunk(refusal="not."), chunk("stop"))
    assert parts(deltas) == (Text("I cannot."),)
    assert deltas[-1] == Finished(FinishReason.REFUSAL, "stop")


def test_decode_citations_of_web_pages() -> None:
    note = {"type": "url_citation", "url_citation": {"url": "https://a.example", "title": "A"}}
    flat = {"url": "https://b.example"}
    deltas = decoded(chunk(content="so"), chunk(annotations=[note, flat, {"type": "x"}, None]), chunk("stop"))
    assert parts(deltas) == (Text("so", (Citation("https://a.example", "A"), Citation("https://b.example"))),)


def usage(**fields: Any) -> dict[str, Any]:
    return {"choices": [], "usage": fields}


@pytest.mark.parametrize(
    ("fields", "counted"),
    [
        ({"prompt_tokens": 10, "completion_tokens": 5}, Usage(10, 5)),
        (
            {
                "prompt_tokens": 10,
                "completion_tokens": 5,
                "prompt_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 2},
                "completion_tokens_details": {"reasoning_tokens": 3},
            },
            Usage(10, 5, 4, 2, 3),
        ),
        ({"prompt_tokens": 10, "completion_tokens": 5, "prompt_cache_hit_tokens": 6}, Usage(10, 5, 6)),
        ({"prompt_tokens": "10", "completion_tokens": None, "prompt_tokens_details": None}, Usage(10)),
        ({"prompt_tokens": True, "completion_tokens": float("nan")}, Usage()),
        ({"prompt_tokens": 1, "completion_tokens": 1, "cost": 0.0025}, Usage(1, 1, cost=Decimal("0.0025"))),
        ({"prompt_tokens": 1, "completion_tokens": 1, "cost": "free"}, Usage(1, 1)),
        ({"prompt_tokens": 1, "completion_tokens": 1, "cost": -1}, Usage(1, 1)),
        ({"prompt_tokens": 1, "completion_tokens": -5, "prompt_tokens_details": {"cached_tokens": -9}}, Usage(1)),
        ({"prompt_tokens": 1, "completion_tokens": "²", "cost": "1e999999999"}, Usage(1, 0)),
    ],
)
def test_decode_usage_fields(fields: dict[str, Any], counted: Usage) -> None:
    assert decoded(usage(**fields)) == [UsageDelta(counted)]


def test_decode_usage_on_every_chunk_keeps_last() -> None:
    events = [
        chunk(content=word) | {"usage": {"prompt_tokens": 9, "completion_tokens": n}} for n, word in enumerate("ab")
    ]
    assert assembled(decoded(*events)).usage == Usage(9, 1)


def test_decode_closes_after_usage_that_follows_finish() -> None:
    decoder = ChatDecoder()
    fed(decoder, chunk("stop"))
    assert (decoder.finished, decoder.closed) == (True, False)
    fed(decoder, usage(prompt_tokens=1))
    assert decoder.closed


@pytest.mark.parametrize(
    "event",
    [
        {"error": {"message": "no"}},
        {"error": "no"},
        {"error": {"message": "no", "code": "502"}, "choices": [{"delta": {"content": ""}, "finish_reason": "error"}]},
        {"@": "error", "message": "no"},
    ],
    ids=str,
)
def test_decode_error_event_raises_server_error(event: dict[str, Any]) -> None:
    with pytest.raises(ServerError):
        decoded(event)


def test_decode_response_without_streaming() -> None:
    message = {
        "role": "assistant",
        "reasoning_content": "hm",
        "content": "so",
        "tool_calls": [function("{}", "look", id="a"), function("{}", "count", id="b")],
    }
    body = {"choices": [{"message": message, "finish_reason": "tool_calls"}], "usage": {"prompt_tokens": 3}}
    decoder = ChatDecoder()
    deltas = [*decoder.decode_response(body), *decoder.end()]
    assert parts(deltas) == (Reasoning("hm"), Text("so"), ToolCall("a", "look", "{}"), ToolCall("b", "count", "{}"))
    assert assembled(deltas).usage == Usage(3)


@pytest.mark.parametrize(
    ("text", "thought", "words"),
    [
        ("<think>hm</think>\n\nso", "hm", "so"),
        ("\n<think>\nhm\n</think>so", "hm\n", "so"),
        ("<think>never ends", "never ends", ""),
        ("no <think>tags</think> later", "", "no <think>tags</think> later"),
        ("<thin", "", "<thin"),
        ("<think></think>so", "", "so"),
        ("  plain", "", "  plain"),
    ],
)
def test_decode_think_tags_become_reasoning(text: str, thought: str, words: str) -> None:
    for size in (1, 2, 3, 100):
        events = [chunk(content=text[at : at + size]) for at in range(0, len(text), size)]
        found = parts(decoded(*events, chunk("stop"), think_tags=True))
        assert "".join(p.text for p in found if isinstance(p, Reasoning)) == thought
        assert "".join(p.text for p in found if isinstance(p, Text)) == words


def test_decode_think_tags_without_quirk_are_text() -> None:
    assert parts(decoded(chunk(content="<think>hm</think>"), chunk("stop"))) == (Text("<think>hm</think>"),)


@pytest.mark.parametrize(
    ("text", "thought", "words"),
    [
        ("First.\n</think>\n\nSo 4.", "First.\n", "So 4."),
        ("First. Then.</think>\n\nSo 4.", "First. Then.", "So 4."),
        ("First.\r\n</think>\r\nSo 4.", "First.\r\n", "So 4."),
        ("</think>\n\nSo 4.", "", "So 4."),
        ("\n\n</think>\n\nSo 4.", "", "So 4."),
        ("```\ncode\n```\nhm\n</think>\nso", "```\ncode\n```\nhm\n", "so"),
        ("a\n</think>\nb\n</think>\nc", "a\n", "b\n</think>\nc"),
    ],
)
def test_decode_lone_closing_think_tag_makes_text_before_it_reasoning(text: str, thought: str, words: str) -> None:
    for size, opening in itertools.product((1, 2, 3, 100), (True, False)):
        events = [chunk(content=text[at : at + size]) for at in range(0, len(text), size)]
        found = parts(decoded(*events, chunk("stop"), think_tags=opening))
        assert found == (*([Reasoning(thought)] if thought else []), Text(words))


@pytest.mark.parametrize(
    "text",
    [
        "The `</think>` tag ends it.\n\nSo.",
        "Write </think> there.\n\nSo.",
        "The tag is </think>\n\nSo.",
        "A line.</think>\nSo.",
        "```\nhm\n</think>\n```\n\nSo.",
        "~~~~\n```\n</think>\n~~~~\n\nSo.",
        "Code:\n\n    </think>\n\nSo.",
        "> quoted</think>\n\nSo.",
        "It starts with <think>\nand ends with\n</think>\n\nSo.",
        "It ends with\n</think>",
        "It ends with\n</think>\n\n",
        "Mention </think> first.\n</think>\n\nSo.",
    ],
)
def test_decode_closing_think_tag_as_text_stays_text(text: str) -> None:
    for size in (1, 2, 3, 100):
        events = [chunk(content=text[at : at + size]) for at in range(0, len(text), size)]
        assert parts(decoded(*events, chunk("stop"))) == (Text(text),)


def test_decode_lone_closing_think_tag_before_call_makes_text_reasoning() -> None:
    call = {"index": 0, "id": "a", "function": {"name": "look", "arguments": "{}"}}
    found = parts(decoded(chunk(content="hm\n</think>\n\n"), chunk(tool_calls=[call]), chunk("tool_calls")))
    assert found[0] == Reasoning("hm\n")
    assert [type(part) for part in found if not isinstance(part, Text)] == [Reasoning, ToolCall]


def test_decode_closing_think_tag_after_native_reasoning_is_text() -> None:
    found = parts(decoded(chunk(reasoning_content="hm"), chunk(content="a\n</think>\nb"), chunk("stop")))
    assert found == (Reasoning("hm"), Text("a\n</think>\nb"))


TAGGED = ["<think>", "</think>", "<", "think>", "\n", "\n\n", " ", "a", "</", "```", "~~~", "> ", "    ", "`"]


@given(st.lists(st.sampled_from(TAGGED)), st.booleans(), st.data())
def test_think_tags_are_independent_of_chunks(pieces: list[str], opening: bool, data: st.DataObject) -> None:
    text = "".join(pieces)
    cuts = sorted(data.draw(st.sets(st.integers(0, len(text)))))

    def read(chunks: list[str]) -> tuple[str, str]:
        events = [chunk(content=piece) for piece in chunks]
        found = parts(decoded(*events, chunk("stop"), think_tags=opening))
        thought = "".join(part.text for part in found if isinstance(part, Reasoning))
        return thought, "".join(part.text for part in found if isinstance(part, Text))

    whole = read([text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)])
    assert whole == read([text])
    inside = text.replace("<think>", "", 1)
    kept = (text, inside, text.replace("</think>", "", 1), inside.replace("</think>", "", 1))
    assert "".join("".join(whole).split()) in {"".join(words.split()) for words in kept}


PIECES = objects("index", "id", "function", "type", "extra_content")
DELTAS = objects(
    "content", "refusal", "reasoning", "reasoning_details", "annotations", "tool_calls", "function_call", "role",
    values=JSONISH | st.lists(PIECES, max_size=2),
)  # fmt: skip


@given(st.lists(DELTAS), JSONISH, JSONISH)
def test_decode_any_chunk_raises_no_error(deltas: list[dict[str, Any]], finish: Any, counted: Any) -> None:
    events = [{"choices": [{"delta": delta}], "usage": counted} for delta in deltas]
    for delta in decoded(*events, {"choices": [{"delta": {}, "finish_reason": finish}]}, think_tags=True):
        assert not isinstance(delta, TextDelta) or isinstance(delta.text, str)
