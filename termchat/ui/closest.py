"""A model that is not there: the known ones whose names come closest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from difflib import get_close_matches

from termchat.core.errors import Kind
from termchat.core.events import Event, TurnEnded
from termchat.core.models import ModelRef
from termchat.core.sanitize import safe_line, say

_MOST = 3


def closest(ref: ModelRef, known: Sequence[ModelRef]) -> list[ModelRef]:
    """Up to three known models whose names are like this one's, those of its own provider first."""
    found: list[ModelRef] = []
    for same in (True, False):
        names = {r.model: r for r in known if (r.provider == ref.provider) is same and r != ref}
        found += (names[name] for name in get_close_matches(ref.model, names, _MOST))
    return found[:_MOST]


def advised(event: Event, known: Callable[[], Sequence[ModelRef]]) -> Event:
    """The end of a turn that failed for want of its model, naming those that come closest; any other event as it is."""
    if not isinstance(event, TurnEnded) or event.failure is None or event.failure.kind is not Kind.NOT_FOUND:
        return event
    names = ", ".join(str(ref) for ref in closest(event.model, known()))
    if not names:
        return event
    return replace(event, failure=replace(event.failure, hint=say("Closest: {names}", names=safe_line(names))))
