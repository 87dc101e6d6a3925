"""Words of servers, and the part of the request that they refuse."""

from __future__ import annotations

from typing import Any

import pytest

from termchat.providers.catalog.refusals import refusable_parts, refused_part
from termchat.providers.http.error_body import parse_error_body

EVERYTHING = frozenset(part.name for part in refusable_parts()) - {"reasoning_back", "role_order", "one_sampling"}


def error(message: str, **fields: Any) -> Any:
    return {"error": {"message": message, **fields}}


REFUSED: list[tuple[str, Any]] = [
    ("temperature", error("Unsupported value: 'temperature' does not support 0.5 with this model. Only the default (1) value is supported.", code="unsupported_value")),  # noqa: E501
    ("limit_name", error("Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.")),  # noqa: E501
    ("system", error("Unsupported value: 'messages[0].role' does not support 'system' with this model.")),
    ("system", error("Developer instruction is not enabled for models/gemma-3-27b-it", status="INVALID_ARGUMENT")),
    ("tools", error("Function calling is not enabled for models/gemma-3-27b-it", status="INVALID_ARGUMENT")),
    ("tools", error("litellm.UnsupportedParamsError: ollama does not support parameters: ['tools'], for model=gemma.")),
    ("images", error("Invalid content type. image_url is only supported by certain models.")),
    ("images", error("llama is not a multimodal model", type="BadRequestError", code=400)),
    ("attachments", {"detail": [{"loc": ["body", "messages", 0, "content"], "msg": "str type expected", "type": "type_error.str"}]}),  # noqa: E501
    ("stream", error("Your organization must be verified to stream this model.", param="stream", code="unsupported_value")),  # noqa: E501
    ("think", error("Unrecognized request argument supplied: reasoning_effort")),
    ("think", error("Budget 0 is invalid. This model only works in thinking mode.", code=400)),
    ("seed", {"message": "property 'seed' is unsupported"}),
    ("stop", error("Argument not supported on this model: stop", code="Client specified an invalid argument")),
    ("schema", error("This model does not support response format `json_schema`.")),
    ("speed", error("Unknown parameter: 'service_tier'.", param="service_tier", code="unknown_parameter")),
    ("", error("The model is currently busy")),
    ("", error("max_tokens: 300000 > 64000, which is the maximum allowed number of output tokens for claude")),
    ("", error("Invalid 'tools[0].function.name': string does not match pattern.", param="tools[0].function.name")),
    ("", error("tools.0.custom.input_schema: JSON schema is invalid. It must match JSON Schema draft 2020-12")),
    ("", error("messages.0.content.1.image: the media type is image/png, but the image is image/jpeg")),
    ("", error("Could not process image")),
    ("", error("stop: each stop sequence must contain non-whitespace")),
    ("", error("Your credit balance is too low")),
]  # fmt: skip


@pytest.mark.parametrize(("part", "body"), REFUSED)
def test_refused_part_is_named_by_fields_or_words_of_server(part: str, body: Any) -> None:
    found = refused_part(parse_error_body(body), EVERYTHING)
    assert (found.name if found else "") == part


@pytest.mark.parametrize(
    "body",
    [
        None,
        5,
        [],
        [1],
        {},
        {"error": None},
        {"error": {"message": {"a": [1]}}},
        "\0",
        b"\xff",
        {"detail": [7, {"loc": 3}]},
    ],
)
def test_error_body_of_any_form_is_parsed(body: Any) -> None:
    assert refused_part(parse_error_body(body), EVERYTHING) is None
