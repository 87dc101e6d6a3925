"""End of a turn: a failed one of a buggy front end, similar names of a model that was not found, and /compact."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing, suppress
from dataclasses import replace

from termchat.core.errors import Failure, FailureKind, ProviderError, internal_error
from termchat.core.events import Event, Timing, TurnEnded
from termchat.core.messages import Role
from termchat.core.models import ModelRef
from termchat.core.outcomes import Outcome
from termchat.core.provider import Providers
from termchat.core.sanitize import EMPTY, Safe, safe, safe_format, safe_line
from termchat.core.session import Session, Turn
from termchat.core.usage import Usage

_MAX_FOUND = 3
_LIST_TIMEOUT = 2.0  # seconds for a provider to list its models; the failure is shown only afterwards
FULL = 80  # percent of the context, from which on /compact is offered


async def follow_turn(
    turn: Turn, session: Session, question: str, show: Callable[[Event], Awaitable[None]]
) -> TurnEnded | None:
    """Show the events of the turn that answers the node `question`; return None if all of them were shown.

    An exception of `show` stops the turn, so that its text so far is saved. The end of the turn is then returned with
    the failure, which /error shows; the caller shows it.
    """
    ended: TurnEnded | None = None
    failure: Failure | None = None
    try:
        async with aclosing(turn.events()) as events:
            async for event in events:
                ended = event if isinstance(event, TurnEnded) else ended
                if failure:
                    continue
                try:
                    await show(event)
                except Exception as error:
                    failure = internal_error(error)
                    turn.cancel()
    except Exception as error:
        failure = internal_error(error)
    if failure is None:
        return None
    session.note_failure(failure)
    ended = ended or _unended(turn, session, question)
    return replace(ended, outcome=Outcome.FAILED, failure=failure)


def _unended(turn: Turn, session: Session, question: str) -> TurnEnded:
    """Return the end of a turn that stopped without one; its question is taken back."""
    node = session.conversation.nodes[question]
    if session.conversation.head == question and node.message.role is Role.USER:
        session.move_head(node.parent)
    return TurnEnded(turn.id, Outcome.FAILED, session.model, Usage(), None, Timing(None, 0), steps=0, has_content=False)


async def with_suggestions(ended: TurnEnded, providers: Providers) -> TurnEnded:
    """Add similar models to the end of a turn whose model was not found; return any other end unchanged."""
    failure = ended.failure
    if failure is None or failure.kind is not FailureKind.NOT_FOUND:
        return ended
    found = tuple(similar_models(ended.model, await _offered(providers, ended.model.provider)))
    return replace(ended, failure=replace(failure, suggestions=found)) if found else ended


def similar_models(ref: ModelRef, known: Sequence[ModelRef]) -> list[ModelRef]:
    """Return up to three known models with similar names, those of the same provider first."""
    from difflib import get_close_matches  # for errors only

    found: list[ModelRef] = []
    for same in (True, False):
        names = {r.model: r for r in known if (r.provider == ref.provider) is same and r != ref}
        found += (names[name] for name in get_close_matches(ref.model, names, _MAX_FOUND))
    return found[:_MAX_FOUND]


async def _offered(providers: Providers, provider: str) -> list[ModelRef]:
    """Return the models that the provider lists, and the known models of all providers with a key."""
    listed: list[ModelRef] = []
    with suppress(ProviderError, TimeoutError):
        async with asyncio.timeout(_LIST_TIMEOUT):
            listed = [info.ref for info in await providers.models(provider)]
    usable = set(providers.usable_providers())
    return list(dict.fromkeys([*listed, *(ref for ref in providers.known_models() if ref.provider in usable)]))


class ContextOffer:
    """Offers /compact when a reply has filled the context, and again only after the chat was shorter."""

    def __init__(self, session: Session, providers: Providers) -> None:
        self._session = session
        self._providers = providers
        self._offered = False

    def after_turn(self) -> Safe:
        """Return the offer, EMPTY if there is nothing to offer or it was made already."""
        messages = reversed(self._session.conversation.history())
        usage = next((m.usage for m in messages if m.role is Role.ASSISTANT and m.usage), None)
        info = self._providers.model_info(self._session.model)
        limit = (info.context if info else None) or 0
        percent = 100 * (usage.input + usage.output) // limit if usage and limit else 0
        offers, self._offered = percent >= FULL and not self._offered, percent >= FULL
        if not offers:
            return EMPTY
        return safe_format(
            "This chat fills {n}% of the context of {model}: /compact goes on from a summary.",
            n=safe(str(percent)), model=safe_line(self._session.model.model),
        )  # fmt: skip
