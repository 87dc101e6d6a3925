"""Reasoning efforts of a model: the levels it supports, and the level that is used for one it does not support."""

from __future__ import annotations

from collections.abc import Iterable

from termchat.core.provider import Effort

_LISTED = "efforts="
_SHARE = 0.8  # of the output limit that reasoning may use at most
_LEAST_BUDGET = 1024  # tokens; Anthropic rejects fewer


def efforts_word(efforts: Iterable[Effort]) -> str:
    """Return the word by which the efforts of a model are stored: `efforts=low,high`."""
    return _LISTED + ",".join(efforts)


def listed_efforts(known: Iterable[str]) -> tuple[Effort, ...] | None:
    """Return the efforts stored among the words known about a model, None without them."""
    word = next((word for word in known if word.startswith(_LISTED)), None)
    if word is None:
        return None
    names = word.removeprefix(_LISTED).split(",")
    return tuple(effort for effort in Effort if effort.value in names)


def nearest_effort(asked: Effort, supported: Iterable[Effort]) -> Effort | None:
    """Return the supported effort nearest to the one asked for, the lower of two; None when nothing is supported.

    Reasoning is turned off only if `off` was asked for.
    """
    order = list(Effort)
    levels = [effort for effort in supported if effort is not Effort.OFF or asked is Effort.OFF]
    if asked in levels:
        return asked
    place = order.index(asked)
    return min(levels, key=lambda effort: (abs(order.index(effort) - place), order.index(effort)), default=None)


def fitting_budget(budget: int, max_tokens: int) -> int:
    """Return a reasoning budget in tokens that leaves room for a reply; 0 when the limit allows no reasoning."""
    fitting = min(budget, int(max_tokens * _SHARE))
    return fitting if fitting >= _LEAST_BUDGET else 0
