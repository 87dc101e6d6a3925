"""A chat session for tests: the real engine and providers, a small toolbox, and the gateway."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

from termchat.core.approval import ToolEffect
from termchat.core.chat_store import ChatStore
from termchat.core.events import Event, Notice, ProviderNotice, Streamed, TextDelta, TurnEnded
from termchat.core.messages import Message, user_message
from termchat.core.models import ApiProtocol, ModelRef, ProviderConfig
from termchat.core.sanitize import Safe
from termchat.core.session import Turn
from termchat.engine.session import ChatSession
from termchat.engine.turn import TurnConfig
from termchat.providers.http.retry import RetryPolicy
from termchat.providers.registry import ProviderRegistry
from termchat.tools.registry import ToolError, ToolOutput, tool
from termchat.tools.toolbox import Toolbox, ToolboxConfig
from tests.gateway import Gateway
from tests.providers.support import KEY, PROTOCOLS, QuickRetryPolicy, model, provider_config, registry_config


@tool(effect=ToolEffect.READ)
async def look(city: Annotated[str, "Where to look."]) -> ToolOutput:
    """Report the weather."""
    return ToolError(f"no city {city!r}") if city == "Atlantis" else f"rain in {city}"


@tool(effect=ToolEffect.READ)
async def count(to: Annotated[int, "How far."]) -> ToolOutput:
    """Count up to a number."""
    return " ".join(map(str, range(1, to + 1)))


TOOLBOX = Toolbox(ToolboxConfig(Path("/nowhere")), tools=(look, count))


def provider_configs(gateway: Gateway, url: str = "", **fields: Any) -> list[ProviderConfig]:
    """A provider for each protocol, at `url` or the gateway, and a second one for Chat Completions, `second`."""
    second = replace(
        provider_config(gateway.url + "/second", ApiProtocol.CHAT, **(fields | {"key": KEY})), name="second"
    )
    return [*(provider_config(url or gateway.url, protocol, **fields) for protocol in PROTOCOLS), second]


@asynccontextmanager
async def session(
    gateway: Gateway,
    protocol: ApiProtocol,
    *,
    url: str = "",
    fields: dict[str, Any] | None = None,
    policy: RetryPolicy | None = None,
    fallback: Mapping[ModelRef, Sequence[str]] | None = None,
    store: Callable[[], ChatStore] | None = None,
    **plan: Any,
) -> AsyncIterator[ChatSession]:
    """Open a session with the model of one protocol; connections are closed at the end.

    `url` is the base URL of the providers, `fields` override their configs, `plan` holds fields of `TurnConfig`;
    without a `store` nothing is saved.
    """
    made = provider_configs(gateway, url, **(fields or {}))
    registry = ProviderRegistry(registry_config(*made, policy=policy or QuickRetryPolicy(), fallback=fallback or {}))
    try:
        yield ChatSession(TurnConfig(model(protocol), registry, **{"tools": TOOLBOX, **plan}), store)
    finally:
        await registry.aclose()


async def ask(session: ChatSession, question: str | Message, to: ModelRef | None = None) -> list[Event]:
    """Send one message below the head; return all events of its turn."""
    message = user_message(question) if isinstance(question, str) else question
    return await events_of(session.send(session.add(message, session.conversation.head), to))


async def events_of(turn: Turn, at: Callable[[int, Event], object] = lambda n, event: None) -> list[Event]:
    """All events of a turn; `at` is called with the number and event of each."""
    seen: list[Event] = []
    async with aclosing(turn.events()) as events:
        async for event in events:
            seen.append(event)
            at(len(seen), event)
    return seen


def ended(events: list[Event]) -> TurnEnded:
    """The last event of a turn, checked to be its only `TurnEnded`."""
    ends = [event for event in events if isinstance(event, TurnEnded)]
    assert len(ends) == 1
    assert events[-1] is ends[0]
    return ends[0]


def streamed_text(events: list[Event]) -> str:
    """The streamed text."""
    deltas = [event.delta for event in events if isinstance(event, Streamed)]
    return "".join(delta.text for delta in deltas if isinstance(delta, TextDelta))


def notices(events: list[Event]) -> list[Safe]:
    return [event.words for event in events if isinstance(event, Notice)]


def provider_notices(events: list[Event]) -> list[Safe]:
    return [e.delta.words for e in events if isinstance(e, Streamed) and isinstance(e.delta, ProviderNotice)]
