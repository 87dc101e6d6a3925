"""Finish words: every word of the vendors' SDKs has a row, and content may follow a finish word."""

from __future__ import annotations

from typing import Any, get_args

import pytest
from anthropic.types import StopReason
from google.genai.types import BlockedReason
from google.genai.types import FinishReason as GeminiFinish
from openai.types.chat.chat_completion_chunk import Choice
from openai.types.responses.response import IncompleteDetails

from termchat.core.events import Delta, Finished, ProviderNotice, TextDelta, ToolCallDelta, UsageDelta
from termchat.core.messages import Text, ToolCall
from termchat.core.outcomes import FinishReason
from termchat.core.usage import Usage
from termchat.providers.catalog.finish_words import finish_reason, finish_words
from termchat.providers.protocols.gemini.decode import GeminiDecoder
from termchat.providers.protocols.openai_chat.decode import ChatDecoder
from termchat.providers.protocols.openai_responses.decode import ResponsesDecoder
from tests.providers.decode_support import assembled, fed, parts


def _literals(annotation: Any) -> set[str]:
    """The strings of a `Literal`, also inside of an `Optional`."""
    found = get_args(annotation)
    return {word for part in found for word in ({part} if isinstance(part, str) else _literals(part))}


SDK_WORDS = {
    *_literals(StopReason),
    *_literals(Choice.model_fields["finish_reason"].annotation),
    *_literals(IncompleteDetails.model_fields["reason"].annotation),
    *(reason.value for reason in (*GeminiFinish, *BlockedReason)),
}


@pytest.mark.parametrize("word", sorted(SDK_WORDS))
def test_finish_words_have_every_word_of_the_sdks(word: str) -> None:
    assert finish_reason(word) is not FinishReason.OTHER


def test_finish_words_name_every_reason_and_compare_in_lower_case() -> None:
    assert {*finish_words().values()} == {*FinishReason} - {FinishReason.OTHER}
    assert all(word == word.lower().strip() for word in finish_words())
    assert finish_reason(" MAX_TOKENS") is FinishReason.LENGTH
    assert finish_reason("brand new") is FinishReason.OTHER


def chunk(finish: str | None = None, index: int = 0, **delta: Any) -> dict[str, Any]:
    return {"choices": [{"index": index, "delta": delta, "finish_reason": finish}]}


def call_chunk(index: int, finish: str | None = None, **piece: Any) -> dict[str, Any]:
    function = {name: piece.pop(name) for name in ("name", "arguments") if name in piece}
    return chunk(finish, tool_calls=[{"index": index, **piece, "function": function}])


def chat(*events: dict[str, Any]) -> list[Delta]:
    return fed(ChatDecoder(new_id=lambda: "new"), *events)


@pytest.mark.parametrize("words", [("stop", "stop", "stop"), ("stop", None, None), ("stop", None, "stop")])
def test_chat_words_after_finish_word_are_kept(words: tuple[str | None, ...]) -> None:
    deltas = chat(*(chunk(word, content=text) for word, text in zip(words, ("one ", "two ", "three"), strict=True)))
    assert parts(deltas) == (Text("one two three"),)
    assert deltas[-1] == Finished(FinishReason.STOP, "stop")
    assert sum(isinstance(delta, Finished) for delta in deltas) == 1


def test_chat_finish_word_is_taken_back_until_the_end_of_the_body() -> None:
    decoder = ChatDecoder()
    list(decoder.decode_event("", chunk("stop", content="one")))
    assert decoder.finished
    list(decoder.decode_event("", chunk("stop", content="two")))
    assert not decoder.finished
    list(decoder.end())
    assert decoder.finished


def test_chat_length_at_the_end_is_kept_over_stops() -> None:
    assert chat(chunk("stop", content="a"), chunk("length", content="b"), chunk("stop"))[-1] == Finished(
        FinishReason.LENGTH, "length"
    )


def test_chat_finish_word_after_each_call_keeps_all_calls() -> None:
    deltas = chat(
        call_chunk(0, id="a", name="look", arguments='{"city": '),
        call_chunk(0, "tool_calls", arguments='"Bonn"}'),
        call_chunk(1, "tool_calls", id="b", name="count", arguments='{"to": 2}'),
    )
    assert parts(deltas) == (ToolCall("a", "look", '{"city": "Bonn"}'), ToolCall("b", "count", '{"to": 2}'))


def test_gemini_words_after_finish_word_are_kept() -> None:
    events = [
        {"candidates": [{"content": {"parts": [{"text": text}]}, "finishReason": "STOP"}]} for text in ("one ", "two")
    ]
    deltas = fed(GeminiDecoder(), *events)
    assert parts(deltas) == (Text("one two"),)
    assert deltas[-1] == Finished(FinishReason.STOP, "STOP")


def test_chat_pieces_of_a_call_with_new_ids_are_joined_by_index() -> None:
    deltas = chat(
        call_chunk(0, id="a", name="look", arguments=""),
        call_chunk(0, id="b", arguments='{"city": '),
        call_chunk(0, "tool_calls", id="c", arguments='"Bonn"}'),
    )
    assert parts(deltas) == (ToolCall("a", "look", '{"city": "Bonn"}'),)


def test_chat_name_of_a_call_in_pieces_is_joined() -> None:
    deltas = chat(
        call_chunk(0, id="a", name="loo"), call_chunk(0, name="k"), call_chunk(0, "tool_calls", arguments="{}")
    )
    assert parts(deltas) == (ToolCall("a", "look", "{}"),)


def test_chat_calls_of_one_index_without_ids_stay_apart() -> None:
    deltas = chat(call_chunk(0, name="look", arguments="{}"), call_chunk(0, "stop", name="count", arguments='{"to":1}'))
    assert [part.name for part in parts(deltas) if isinstance(part, ToolCall)] == ["look", "count"]


def test_call_arguments_encoded_twice_are_unwrapped_once() -> None:
    deltas: list[Delta] = [ToolCallDelta(0, "a", "look", '"{\\"city\\": \\"Bonn\\"}"', complete=True)]
    assert parts(deltas) == (ToolCall("a", "look", '{"city": "Bonn"}'),)
    assert parts([ToolCallDelta(0, "a", "look", '"Bonn"', complete=True)]) == (ToolCall("a", "look", '"Bonn"'),)


def test_chat_second_usage_of_zeros_keeps_the_first() -> None:
    zeros = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
    first = {"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 13}
    deltas = chat(chunk("stop", content="x") | {"usage": first}, {"choices": [], "usage": zeros})
    assert assembled(deltas).usage == Usage(9, 4)
    assert assembled([UsageDelta(Usage(9, 4)), UsageDelta(Usage())]).usage == Usage(9, 4)


@pytest.mark.parametrize(
    ("completion", "total", "output"), [(5, 315, 305), (305, 315, 305), (305, 0, 305)], ids=["beside", "inside", "none"]
)
def test_usage_reasoning_counted_beside_the_output_is_added(completion: int, total: int, output: int) -> None:
    details = {"reasoning_tokens": 300}
    usage = {"prompt_tokens": 10, "completion_tokens": completion, "total_tokens": total}
    deltas = chat({"choices": [], "usage": usage | {"completion_tokens_details": details}})
    assert assembled(deltas).usage == Usage(10, output, reasoning=300)
    usage = {"input_tokens": 10, "output_tokens": completion, "total_tokens": total, "output_tokens_details": details}
    deltas = fed(ResponsesDecoder(), {"type": "response.completed", "response": {"usage": usage}})
    assert assembled(deltas).usage == Usage(10, output, reasoning=300)


def test_chat_two_choices_show_the_first() -> None:
    deltas = chat(chunk(index=1, content="wrong"), chunk(content="right"), chunk("stop", index=1), chunk("stop"))
    assert parts(deltas) == (Text("right"),)


def test_chat_only_choice_is_shown_whatever_its_index() -> None:
    deltas = chat(chunk(index=1, content="one "), chunk("length", index=1, content="two"))
    assert parts(deltas) == (Text("one two"),)
    assert deltas[-1] == Finished(FinishReason.LENGTH, "length")


def test_gemini_two_candidates_show_the_first() -> None:
    def candidate(index: int, text: str) -> dict[str, Any]:
        return {"index": index, "content": {"parts": [{"text": text}]}, "finishReason": "STOP"}

    assert parts(fed(GeminiDecoder(), {"candidates": [candidate(1, "wrong"), candidate(0, "right")]})) == (
        Text("right"),
    )


def _message(text: str, **fields: Any) -> dict[str, Any]:
    return {"type": "message", "content": [{"type": "output_text", "text": text}], **fields}


def _call(name: str, **fields: Any) -> dict[str, Any]:
    return {"type": "function_call", "call_id": name, "name": name, "arguments": "{}", **fields}


def responses(*events: dict[str, Any]) -> list[Delta]:
    return fed(ResponsesDecoder(), *events)


def completed(*output: dict[str, Any]) -> dict[str, Any]:
    return {"type": "response.completed", "response": {"status": "completed", "output": [*output]}}


def test_responses_output_of_the_last_event_alone_is_decoded() -> None:
    deltas = responses(completed(_message("all of it"), _call("look")))
    assert parts(deltas) == (Text("all of it"), ToolCall("look", "look", "{}"))
    assert deltas[-1] == Finished(FinishReason.TOOL_CALLS, "completed")


def test_responses_output_of_the_last_event_repeats_nothing() -> None:
    delta = {"type": "response.output_text.delta", "output_index": 0, "content_index": 0, "delta": "once"}
    deltas = responses(delta, completed(_message("once"), _call("look")))
    assert parts(deltas) == (Text("once"), ToolCall("look", "look", "{}"))


@pytest.mark.parametrize("ids", [True, False])
def test_responses_items_of_one_index_stay_apart(ids: bool) -> None:
    events: list[dict[str, Any]] = []
    for name in ("look", "count"):
        item = _call(name, **({"id": f"fc_{name}"} if ids else {}))
        about = {"output_index": 0, **({"item_id": f"fc_{name}"} if ids else {})}
        events += [
            {"type": "response.output_item.added", "output_index": 0, "item": item},
            {"type": "response.function_call_arguments.delta", **about, "delta": "{}"},
            {"type": "response.output_item.done", "output_index": 0, "item": item},
        ]
    found = (ToolCall("look", "look", "{}"), ToolCall("count", "count", "{}"))
    assert parts(responses(*events, completed())) == found
    assert parts(responses(*(e for e in events if e["type"].endswith("item.done")), completed())) == found


@pytest.mark.parametrize("status", ["incomplete", "cancelled", "in_progress", "brand_new"])
def test_responses_unfinished_status_is_never_a_good_end(status: str) -> None:
    for details in (None, {"reason": "stop"}, {"reason": "brand_new"}):
        response = {"status": status, "incomplete_details": details, "output": [_message("so far")]}
        finished = responses({"type": "response.incomplete", "response": response})[-1]
        assert isinstance(finished, Finished)
        assert finished.reason in (FinishReason.OTHER, FinishReason.ERROR)


def test_refusal_reason_names_the_filters_of_azure_and_gemini() -> None:
    choice = {"index": 0, "delta": {}, "finish_reason": "content_filter"}
    results = {"self_harm": {"filtered": True}, "hate": {"filtered": False}}
    deltas = chat({"choices": [choice | {"content_filter_results": results}]})
    assert deltas[-1] == Finished(FinishReason.FILTER, "content_filter", "self harm")
    ratings = [{"category": "HARM_CATEGORY_HATE_SPEECH", "blocked": True}, {"category": "HARM_CATEGORY_HARASSMENT"}]
    deltas = fed(GeminiDecoder(), {"candidates": [{"finishReason": "SAFETY", "safetyRatings": ratings}]})
    assert deltas[-1] == Finished(FinishReason.FILTER, "SAFETY", "hate speech")


def test_chat_text_is_streamed_before_the_end() -> None:
    first = [*ChatDecoder().decode_event("", chunk("stop", content="now"))]
    assert first == [TextDelta(0, "now", provisional=True)]


def test_picture_in_a_reply_is_named_in_every_protocol() -> None:
    parts_of_reply = [{"inlineData": {"mimeType": "image/png", "data": "iVBORw0="}}]
    found = [
        fed(GeminiDecoder(), {"candidates": [{"content": {"parts": parts_of_reply}, "finishReason": "STOP"}]}),
        chat(chunk("stop", images=[{"type": "image_url"}])),
        responses(completed({"type": "image_generation_call", "result": "iVBORw0="})),
    ]
    for deltas in found:
        (notice,) = [delta for delta in deltas if isinstance(delta, ProviderNotice)]
        assert "which termchat does not keep" in notice.words
