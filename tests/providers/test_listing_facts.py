"""Capabilities of models from the listings of servers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from termchat.core.events import ProviderNotice
from termchat.core.messages import Image, user_message
from termchat.core.models import ModelRef
from termchat.core.provider import Effort, Params, Request, StreamMonitor, ToolSpec
from termchat.providers.catalog.efforts import efforts_word
from termchat.providers.catalog.listing_facts import anthropic_known, openai_row
from termchat.ui.phrases import lacking_words
from tests.gateway import Gateway, Reply, fault
from tests.providers.support import PROTOCOLS, provider_config, registry, text_of

C, R, A, G = PROTOCOLS
OPENROUTER = {
    "id": "m",
    "context_length": 8000,
    "top_provider": {"max_completion_tokens": 900},
    "architecture": {"input_modalities": ["text"]},
    "supported_parameters": ["max_tokens", "temperature", "top_p", "stop", "response_format", "reasoning"],
}
ROWS: list[tuple[dict[str, Any], tuple[int | None, int | None, tuple[str, ...]]]] = [
    (OPENROUTER, (8000, 900, ("images", "seed", "tools"))),
    ({"capabilities": {"function_calling": False, "vision": True}, "max_context_length": 9}, (9, None, ("tools",))),
    ({"capabilities": {"supports": {"tool_calls": True, "vision": False}}}, (None, None, ("images",))),
    ({"capabilities": ["completion", "tools"], "max_model_len": 4096}, (4096, None, ("images",))),
    ({"context_window": 131072, "max_completion_tokens": 65536}, (131072, 65536, ())),
    ({"capabilities": None, "supported_parameters": "x", "context_length": "9"}, (None, None, ())),
]  # fmt: skip


@pytest.mark.parametrize(("row", "facts"), ROWS)
def test_listing_row_of_openai_compatible_server_gives_facts(row: dict[str, Any], facts: tuple[Any, ...]) -> None:
    assert openai_row(row) == facts


def capabilities(**changes: Any) -> dict[str, Any]:
    yes, no = {"supported": True}, {"supported": False}
    made: dict[str, Any] = {
        "image_input": yes,
        "pdf_input": yes,
        "structured_outputs": yes,
        "thinking": {
            "supported": True,
            "types": {"adaptive": yes, "enabled": no, "disabled": yes, "between_tools": no},
        },
        "effort": {"supported": True, "low": yes, "medium": yes, "high": yes, "xhigh": no, "max": yes},
    }
    return made | changes


NO, YES = {"supported": False}, {"supported": True}
LEVELS = [Effort.LOW, Effort.MEDIUM, Effort.HIGH, Effort.MAX]
ANTHROPIC: list[tuple[Any, set[str]]] = [
    (capabilities(), {efforts_word([Effort.OFF, *LEVELS])}),
    (capabilities(image_input=NO, pdf_input=NO), {"images", "files", efforts_word([Effort.OFF, *LEVELS])}),
    (
        capabilities(thinking={"types": {"adaptive": YES, "disabled": NO, "between_tools": YES}}),
        {"between_tools", efforts_word([Effort.OFF, *LEVELS])},
    ),
    (
        capabilities(thinking={"types": {"adaptive": YES, "disabled": NO, "between_tools": NO}}),
        {"no_off", efforts_word(LEVELS)},
    ),
    (capabilities(thinking={"types": {"adaptive": NO, "enabled": YES, "disabled": YES}}), {"thinking_budget"}),
    ({"image_input": YES, "thinking": YES}, set()),
    (None, set()),
    ([1], set()),
]


@pytest.mark.parametrize(("listed", "known"), ANTHROPIC)
def test_capabilities_of_anthropic_become_known_words(listed: Any, known: set[str]) -> None:
    assert set(anthropic_known(listed)) == known


async def test_listed_model_without_tools_and_images_gets_none(gateway: Gateway) -> None:
    gateway.reply(Reply.text("ok"))
    gateway.models_answer = fault.Body(json.dumps({"data": [OPENROUTER]}).encode(), "application/json")
    tool = ToolSpec("look", "Looks.", {"type": "object", "properties": {}})
    request = Request((user_message("q", Image("image/png", b"png")),), tools=(tool,), params=Params(seed=7))
    async with registry(provider_config(gateway.url, C)) as providers:
        (found,) = await providers.models(C.value)
        assert (found.context, found.max_output) == (8000, 900)
        provider = await providers.open(ModelRef(C.value, "m"))
        deltas = [delta async for delta in provider.stream(request, StreamMonitor())]
    assert text_of(deltas) == "ok"
    notices = [delta.words for delta in deltas if isinstance(delta, ProviderNotice)]
    assert notices == ["m does not support seed, tools, images; left out."]
    assert not {"tools", "seed"} & gateway.asked[-1].body.keys()


async def test_listing_shows_parts_that_a_server_refused(gateway: Gateway, tmp_path: Path) -> None:
    name = "gpt-4o"
    gateway.models_answer = fault.Body(json.dumps({"data": [{"id": name}]}).encode(), "application/json")
    refusal = fault.status(400, message="Unsupported parameter: 'seed' is not supported with this model.")
    gateway.reply(refusal, Reply.text("ok"))
    config, cache = provider_config(gateway.url, C), tmp_path / "models.json"
    ref = ModelRef(C.value, name)
    async with registry(config, cache=cache) as providers:
        assert providers.model_info(ref) is None
        await providers.models(C.value)
        provider = await providers.open(ref)
        request = Request((user_message("q"),), params=Params(seed=7))
        assert text_of([delta async for delta in provider.stream(request, StreamMonitor())]) == "ok"
        assert [info.refused for info in await providers.models(C.value)] == [("seed",)]
    async with registry(config, cache=cache) as providers:
        info = providers.model_info(ref)
        assert info
        assert lacking_words(info) == ["no seed"]
        assert [info.refused for info in await providers.models(C.value, fresh=True)] == [()]
