"""The registry of providers: resolving, opening, listing, loading."""

from __future__ import annotations

import asyncio
import gc
import json
import threading
import time
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from termchat.core.errors import Failure, FailureKind, ProviderError
from termchat.core.models import ApiProtocol, ModelInfo, ModelRef, ProviderConfig
from termchat.core.provider import Effort
from termchat.core.usage import Usage
from termchat.providers.catalog.model_cache import ModelCache
from termchat.providers.catalog.prices import PriceTable
from termchat.providers.registry import ProviderRegistry
from termchat.providers.sdk.lazy_import import load_on_thread
from tests.gateway import Gateway, fault
from tests.gateway.server import MODELS as LISTED
from tests.providers.support import PROTOCOLS, VENDORS, base_url, provider_config, registry, registry_config

ALL = pytest.mark.parametrize("protocol", PROTOCOLS)
C, R, A, G = PROTOCOLS
PROVIDERS = (
    ProviderConfig("openai", key="env:K", base_urls={R: "http://h/v1"}, model="gpt-5.2", models=("gpt-5.4-mini",)),
    ProviderConfig("gw", key="env:K", base_urls={C: "http://h/v1"}, models=("anthropic/claude-opus-5", "gpt-5.2")),
    ProviderConfig("away", key="env:MISSING", base_urls={C: "http://h/v1"}, models=("grok-4",)),
    ProviderConfig("ollama", base_urls={C: "http://localhost/v1"}, models=("qwen3",), local=True),
)


def resolver(**options: object) -> ProviderRegistry:
    return ProviderRegistry(registry_config(*PROVIDERS, env={"K": "key-0123456789"}, **options))


@pytest.mark.parametrize(
    ("name", "ref"),
    [
        ("openai/anything-at-all", ModelRef("openai", "anything-at-all")),
        ("gw/anthropic/claude-opus-5", ModelRef("gw", "anthropic/claude-opus-5")),
        ("claude-opus-5", ModelRef("gw", "anthropic/claude-opus-5")),
        ("opus", ModelRef("gw", "anthropic/claude-opus-5")),
        ("MINI", ModelRef("openai", "gpt-5.4-mini")),
        ("grok-4", ModelRef("away", "grok-4")),
        ("ollama/qwen3:8b", ModelRef("ollama", "qwen3:8b")),
        ("gw/anthropic/claude-opus-5:online", ModelRef("gw", "anthropic/claude-opus-5:online")),
        ("openai/new:model", ModelRef("openai", "new:model")),
        ("fast", ModelRef("openai", "gpt-5.4-mini")),
    ],
)
def test_resolve_name_gives_model(name: str, ref: ModelRef) -> None:
    assert resolver(aliases={"fast": "openai/gpt-5.4-mini"}).resolve(name) == ref


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("gpt-5.2", '"gpt-5.2" matches several models: openai/gpt-5.2, gw/gpt-5.2.'),
        ("openia/gpt", 'There is no provider "openia".'),
        ("nothing", 'There is no model "nothing".'),
        ("openai/gpt-5.2:banana", '"banana" is no reasoning effort.'),
        ("gpt-5.4-mini:hgih", '"hgih" is no reasoning effort.'),
        ("\x1b[31m", 'There is no model "␛[31m".'),
    ],
)
def test_resolve_unknown_or_ambiguous_name_fails_with_hint(name: str, words: str) -> None:
    failure = resolver().resolve(name)
    assert isinstance(failure, Failure)
    assert (failure.kind, failure.message) == (FailureKind.NOT_FOUND, words)
    assert failure.hint


@pytest.mark.parametrize(
    ("name", "ref", "effort"),
    [
        ("openai/anything:high", ModelRef("openai", "anything"), Effort.HIGH),
        ("gw/anthropic/claude-opus-5:off", ModelRef("gw", "anthropic/claude-opus-5"), Effort.OFF),
        ("opus:xhigh", ModelRef("gw", "anthropic/claude-opus-5"), Effort.XHIGH),
        ("fast:low", ModelRef("openai", "gpt-5.4-mini"), Effort.LOW),
        ("smart", ModelRef("openai", "gpt-5.2"), Effort.MAX),
        ("gw/deepseek/r1:free", ModelRef("gw", "deepseek/r1:free"), None),
        ("ollama/phi3:medium", ModelRef("ollama", "phi3:medium"), None),  # a tag
        ("ollama/qwen3:high", ModelRef("ollama", "qwen3"), Effort.HIGH),  # listed without the word
        ("gw/listed:low", ModelRef("gw", "listed:low"), None),
    ],
)
def test_effort_after_name_is_split_off(name: str, ref: ModelRef, effort: Effort | None) -> None:
    aliases = {"fast": "openai/gpt-5.4-mini", "smart": "openai/gpt-5.2:max"}
    gateway = replace(PROVIDERS[1], models=(*PROVIDERS[1].models, "listed:low"))
    providers = (PROVIDERS[0], gateway, *PROVIDERS[2:])
    found = ProviderRegistry(registry_config(*providers, env={"K": "key-0123456789"}, aliases=aliases))
    assert (found.resolve(name), found.effort(name)) == (ref, effort)


def test_resolve_misspelled_provider_suggests_closest() -> None:
    failure = resolver().resolve("openia/gpt")
    assert isinstance(failure, Failure)
    assert failure.hint.startswith("Did you mean openai?")


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("nope/x", "`termchat models`"),
        ("gpt-4", "Did you mean openai/gpt-4?"),
        ("GPT-9-nano", "Did you mean openai/GPT-9-nano?"),
        ("grook-4", "Did you mean away/grok-4?"),
        ("nothing", "Use the form provider/model"),
    ],
)
def test_resolve_unknown_name_suggests_only_what_is_near(name: str, hint: str) -> None:
    failure = resolver().resolve(name)
    assert isinstance(failure, Failure)
    assert failure.hint.startswith(hint)


@pytest.mark.parametrize(("variables", "usable"), [({}, []), ({"PROXY_KEY": "key-0123456789"}, ["litellm"])])
def test_local_server_is_usable_once_its_key_is_set(variables: dict[str, str], usable: list[str]) -> None:
    proxy = ProviderConfig("litellm", key="env:PROXY_KEY", base_urls={C: "http://localhost/v1"}, local=True)
    assert list(ProviderRegistry(registry_config(proxy, env=variables)).usable_providers()) == usable


def test_known_models_list_usable_first_and_local_last() -> None:
    assert list(resolver().usable_providers()) == ["openai", "gw"]
    known = resolver(favourites=["gw/gpt-5.2"]).known_models()
    assert [str(ref) for ref in known[:3]] == ["gw/gpt-5.2", "openai/gpt-5.2", "openai/gpt-5.4-mini"]
    assert str(known[-1]) == "ollama/qwen3"


async def test_open_unknown_provider_or_missing_base_url_fails() -> None:
    async with registry(ProviderConfig("empty")) as providers:
        for ref, kind in (
            (ModelRef("nowhere", "m"), FailureKind.NOT_FOUND),
            (ModelRef("empty", "m"), FailureKind.BAD_CONFIG),
        ):
            with pytest.raises(ProviderError) as raised:
                await providers.open(ref)
            assert raised.value.failure.kind is kind


@ALL
async def test_models_are_listed_live_then_from_cache(gateway: Gateway, protocol: ApiProtocol, tmp_path: Path) -> None:
    cache = tmp_path / "cache" / "models.json"
    made = provider_config(gateway.url, protocol)
    names = sorted(LISTED[VENDORS[protocol]])
    async with registry(made, cache=cache) as providers:
        assert [info.ref.model for info in await providers.models(protocol.value)] == names
        assert [info.ref.model for info in await providers.models(protocol.value)] == names
    assert len(gateway.requests) == 1
    async with registry(made, cache=cache) as providers:
        assert [info.ref.model for info in await providers.models(protocol.value)] == names
        assert len(gateway.requests) == 1
        assert {ref.model for ref in providers.known_models()} >= set(names)
        gateway.models = dict.fromkeys(gateway.models, ("another",))
        assert [info.ref.model for info in await providers.models(protocol.value, fresh=True)] == ["another"]
    assert len(gateway.requests) == 2


@ALL
@pytest.mark.parametrize(
    "answer",
    [
        *(fault.html_200(), fault.empty_200(), fault.json_error_200(), fault.Body(b"[1, 2]", "application/json")),
        *(fault.Body(b'{"data": 7, "models": 7}', "application/json"), fault.Body(b"\xff{", "application/json")),
        *(fault.reset(), fault.not_http(), fault.redirect_loop()),
    ],
    ids=["page", "empty", "error", "list", "number", "bytes", "reset", "another service", "redirect"],
)
async def test_models_malformed_listing_fails_or_is_empty(
    gateway: Gateway, protocol: ApiProtocol, answer: fault.Fault
) -> None:
    gateway.models_answer = answer
    async with registry(provider_config(gateway.url, protocol)) as providers:
        (found,) = await asyncio.gather(providers.models(protocol.value), return_exceptions=True)
    assert isinstance(found, ProviderError) or not found


@ALL
async def test_models_malformed_row_costs_only_itself(gateway: Gateway, protocol: ApiProtocol) -> None:
    odd: dict[str, Any] = {"id": "odd", "display_name": 7, "context_length": "many", "max_input_tokens": "many"}
    rows: list[Any] = [None, "x", 7, [], {}, {"id": 5}, {"id": None}, {"id": "good"}, odd | {"capabilities": 7}]
    if protocol is ApiProtocol.GEMINI:
        odd = {"name": "models/odd", "displayName": 7, "inputTokenLimit": "many", "supportedGenerationMethods": 7}
        rows = [None, "x", 7, [], {}, {"name": 5}, {"name": None}, {"name": "models/good"}, odd]
    listing = {"data": rows, "has_more": False, "models": rows}
    gateway.models_answer = fault.Body(json.dumps(listing).encode(), "application/json")
    async with registry(provider_config(gateway.url, protocol)) as providers:
        found = await providers.models(protocol.value)
    assert [(info.ref.model, info.title, info.context) for info in found] == [("good", "", None), ("odd", "", None)]


@ALL
async def test_models_listing_of_null_is_empty(gateway: Gateway, protocol: ApiProtocol) -> None:
    names = ("models",) if protocol is ApiProtocol.GEMINI else ("data", "models")
    for name in names[: 1 if protocol is ApiProtocol.ANTHROPIC else 2]:
        gateway.models_answer = fault.Body(json.dumps({name: None}).encode(), "application/json")
        async with registry(provider_config(gateway.url, protocol)) as providers:
            assert await providers.models(protocol.value) == []


async def test_models_of_gemini_are_listed_from_all_pages(gateway: Gateway) -> None:
    pages = [{"models": [{"name": "models/a"}], "nextPageToken": "more"}, {"models": [{"name": "models/b"}]}]
    gateway.models_answer = [fault.Body(json.dumps(page).encode(), "application/json") for page in pages]
    async with registry(provider_config(gateway.url, ApiProtocol.GEMINI)) as providers:
        found = await providers.models("gemini")
    assert [info.ref.model for info in found] == ["a", "b"]
    assert gateway.requests[-1].query["pageToken"] == "more"


@ALL
async def test_models_refused_listing_fails(gateway: Gateway, protocol: ApiProtocol) -> None:
    gateway.models_answer = fault.status(401)
    async with registry(provider_config(gateway.url, protocol)) as providers:
        with pytest.raises(ProviderError) as raised:
            await providers.models(protocol.value)
    assert raised.value.failure.kind is FailureKind.AUTH


async def test_models_of_several_protocols_list_reachable_ones(gateway: Gateway) -> None:
    bases = {C: base_url(gateway.url, C), R: base_url(gateway.url, R), A: "http://127.0.0.1:1"}
    async with registry(ProviderConfig("gw", key="key-0123456789", base_urls=bases, max_tokens={"*": 1})) as providers:
        found = [info.ref.model for info in await providers.models("gw")]
    assert found == sorted(LISTED[VENDORS[C]])
    assert [request.path for request in gateway.requests].count("/v1/models") == 1


@pytest.mark.parametrize(
    "broken", ["", "{", "[]", '{"p": 7}', '{"p": {"asked": "x"}}', '{"p": {"asked": 1, "models": 7}}']
)
def test_model_cache_broken_file_is_ignored(tmp_path: Path, broken: str) -> None:
    file = tmp_path / "models.json"
    file.write_text(broken)
    cache = ModelCache(file)
    assert not cache.get("p")
    cache.put("p", [])
    assert cache.get("p") == []
    assert json.loads(file.read_text())["p"]["models"] == []


def test_model_cache_file_is_whole_while_another_process_writes(tmp_path: Path) -> None:
    file = tmp_path / "models.json"
    cache = ModelCache(file)
    cache.put("p", [])
    with file.with_suffix(".new").open("w") as other:  # the draft of version 0.1.0
        cache.put("q", [])
        other.write('["half of a listing')
    assert set(json.loads(file.read_text())) == {"p", "q"}


async def test_configure_with_listing_names_and_prices_its_models() -> None:
    providers = resolver()
    prices = PriceTable(providers.providers)
    listed = ModelRef("later", "claude-haiku-4-5")
    config = ProviderConfig("later", key="env:K", base_urls={C: "http://h/v1"})
    providers.configure(config, [ModelInfo(listed)])
    assert providers.resolve("haiku") == listed
    assert await prices.cost(listed, Usage(1000, 1000))
    providers.configure(config)
    assert isinstance(providers.resolve("haiku"), Failure)


def test_model_cache_old_listing_is_stale(tmp_path: Path) -> None:
    file = tmp_path / "models.json"
    row = {"asked": time.time() - 25 * 3600, "models": [{"id": "old", "context": 5, "max_output": "x"}, 7]}
    file.write_text(json.dumps({"p": row}))
    assert ModelCache(file).get("p") is None
    stale = ModelCache(file).get("p", stale=True)
    assert stale is not None
    assert (stale[0].ref, stale[0].context, stale[0].max_output) == (ModelRef("p", "old"), 5, None)


def test_model_cache_forgets_refusals_after_a_day_or_when_asked(tmp_path: Path) -> None:
    file = tmp_path / "models.json"
    ModelCache(file).add_refused("p", "m", "tools")
    ModelCache(file).put("p", [])
    assert ModelCache(file).refused("p", "m") == {"tools"}
    ModelCache(file).forget_refused("p")
    assert ModelCache(file).refused("p", "m") == frozenset()
    yesterday = {"p": {"refused": {"m": {"tools": time.time() - 25 * 3600, "images": time.time(), "odd": "x"}}}}
    file.write_text(json.dumps(yesterday))
    assert ModelCache(file).refused("p", "m") == {"images"}


def test_model_cache_renewed_forgets_refusals_of_this_run() -> None:
    cache = ModelCache(None)
    cache.add_refused("p", "m", "tools")
    cache.renew("p", ())
    assert (cache.refused("p", "m"), cache.learned("p")) == (frozenset(), {})


def test_model_cache_unwritable_remembers_refusals_in_this_run(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    cache = ModelCache(tmp_path / "file" / "models.json")
    cache.add_refused("p", "m", "new_limit")
    cache.add_refused("p", "m", "old_limit", "new_limit")
    assert cache.refused("p", "m") == {"old_limit"}


def test_model_cache_unwritable_stays_in_memory(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    cache = ModelCache(tmp_path / "file" / "models.json")
    cache.put("p", [])
    assert cache.get("p") == []


async def test_load_on_thread_runs_off_loop_without_gc() -> None:
    release = threading.Event()
    seen: list[tuple[bool, bool]] = []

    def build() -> int:
        seen.append((threading.current_thread() is threading.main_thread(), gc.isenabled()))
        assert release.wait(30)
        return 7

    first, second = asyncio.create_task(load_on_thread(build)), asyncio.create_task(load_on_thread(build))
    while len(seen) < 2:
        await asyncio.sleep(0)
    release.set()
    assert (await first, await second) == (7, 7)
    assert seen == [(False, False), (False, False)]
    assert gc.isenabled()


async def test_load_on_thread_failure_reenables_gc() -> None:
    def build() -> None:
        raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011, the message does not matter
        await load_on_thread(build)
    assert gc.isenabled()


async def test_client_is_shared_by_models_of_endpoint(gateway: Gateway) -> None:
    async with registry(provider_config(gateway.url, C)) as providers:
        opened: list[Any] = [await providers.open(ModelRef("openai", name)) for name in ("a", "b")]
        assert [provider.origin.model for provider in opened] == ["a", "b"]
        assert len({id(provider._client) for provider in opened}) == 1


PRICED = {
    "anthropic": ProviderConfig("anthropic", base_urls={A: "http://h"}, vendor="anthropic"),
    "gw": ProviderConfig("gw", base_urls={C: "http://h"}),
    "local": ProviderConfig("local", base_urls={C: "http://h"}, local=True),
}


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("anthropic/claude-opus-4-7", True),
        ("gw/anthropic/claude-opus-4-7", True),
        ("gw/no-vendor", False),
        ("gw/nobody/nothing", False),
        ("anthropic/no-such-model-at-all", False),
        ("local/anthropic/claude-opus-4-7", False),
        ("nowhere/x", False),
    ],
)
async def test_cost_of_unknown_or_local_model_is_none(name: str, known: bool) -> None:
    ref = ModelRef.parse(name)
    assert ref is not None
    cost = await PriceTable(PRICED).cost(ref, Usage(1_000_000, 1000))
    assert (cost is not None) == known
    assert cost is None or cost > Decimal("0.1")


async def test_cost_of_estimate_is_none_and_cached_tokens_are_cheaper() -> None:
    table, ref = PriceTable(PRICED), ModelRef("anthropic", "claude-opus-4-7")
    assert await table.cost(ref, Usage(1000, 10, estimated=True)) is None
    full, cached = await table.cost(ref, Usage(10_000, 1)), await table.cost(ref, Usage(10_000, 1, cached=9000))
    assert full is not None
    assert cached is not None
    assert cached < full
