"""The settings of a turn: as the user changes them, and as they are saved with a chat."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from termchat.core.chats import COMPARED, ChatState
from termchat.core.conversation import ContextMarks
from termchat.core.messages import Json
from termchat.core.models import ModelRef
from termchat.core.provider import Effort
from termchat.core.session import ActiveRole, TurnSettings
from termchat.core.usage import Limits, limit_of

if TYPE_CHECKING:
    from termchat.engine.turn import TurnConfig

_THINK, _MAX_COST, _ROLE = "think", "max_cost", "role"
_DROPPED, _PINNED = "dropped", "pinned"  # lists of node ids


def settings_of(config: TurnConfig) -> TurnSettings:
    """Return the settings that the user may change."""
    return TurnSettings(
        config.model,
        config.system,
        config.params,
        config.timeouts,
        config.max_rounds,
        config.max_cost,
        config.max_cost_day,
        config.unpriced,
        config.role,
        config.marks,
        config.fit,
    )


def with_settings(config: TurnConfig, settings: TurnSettings) -> TurnConfig:
    """Return the configuration with other settings."""
    return replace(
        config,
        model=settings.model,
        system=settings.system,
        params=settings.params,
        timeouts=settings.timeouts,
        max_rounds=settings.max_rounds,
        max_cost=settings.max_cost,
        max_cost_day=settings.max_cost_day,
        unpriced=settings.unpriced,
        role=settings.role,
        marks=settings.marks,
        fit=settings.fit,
    )


def with_model(config: TurnConfig, model: ModelRef | None, think: Effort | None) -> TurnConfig:
    """Return a configuration with another model and another effort; None keeps each."""
    params = replace(config.params, think=think) if think else config.params
    return replace(config, model=model or config.model, params=params)


def limits_of(config: TurnConfig) -> Limits:
    """Return the limits on spending."""
    return Limits(limit_of(config.max_cost), limit_of(config.max_cost_day))


def saved_state(config: TurnConfig, defaults: TurnConfig) -> ChatState:
    """Return what is saved with a chat; a budget only if it is not that of new chats."""
    settings: dict[str, Json] = {}
    if config.params.think:
        settings[_THINK] = config.params.think.value
    if config.max_cost != defaults.max_cost:
        settings[_MAX_COST] = config.max_cost
    if config.role:
        settings[_ROLE] = config.role.name
    for name, nodes in ((_DROPPED, config.marks.dropped), (_PINNED, config.marks.pinned)):
        if nodes:
            settings[name] = list[Json](sorted(nodes))
    if found := config.compared:
        settings[COMPARED] = [found.question, *found.models]
    return ChatState(config.model, config.system, settings)


def restored(state: ChatState, defaults: TurnConfig) -> TurnConfig:
    """Return the configuration of a saved chat: its model, system prompt, reasoning effort, role and budget."""
    params = replace(defaults.params, think=_think(state, defaults.params.think))
    saved = state.settings.get(_MAX_COST)
    max_cost = saved if isinstance(saved, str) else defaults.max_cost
    role = state.settings.get(_ROLE)
    config = replace(
        defaults,
        model=state.model or defaults.model,
        system=state.system,
        params=params,
        max_cost=max_cost,
        role=ActiveRole(role) if isinstance(role, str) else None,
        marks=ContextMarks(_nodes(state, _DROPPED), _nodes(state, _PINNED)),
        compared=state.compared,
    )
    return replace(config, prices=config.prices or (config.budget_prices if limits_of(config) else None))


def _nodes(state: ChatState, key: str) -> frozenset[str]:
    saved = state.settings.get(key)
    return frozenset(name for name in saved if isinstance(name, str)) if isinstance(saved, list) else frozenset()


def _think(state: ChatState, otherwise: Effort | None) -> Effort | None:
    """Return the effort saved with a chat, or `otherwise` when none, or an unknown one, is saved."""
    saved = state.settings.get(_THINK)
    return next((effort for effort in Effort if effort.value == saved), otherwise)
