"""The outcome of a live check in words: the finding, the next step, and the part that is probably wrong."""

from __future__ import annotations

from decimal import Decimal
from enum import Enum, auto
from typing import NamedTuple

from termchat.core.errors import Failure, FailureKind
from termchat.core.models import ProviderConfig
from termchat.core.sanitize import EMPTY, Safe, safe_format, safe_line


class Suspect(Enum):
    """The part of a provider's configuration that a failed check points at."""

    KEY = auto()
    ADDRESS = auto()
    CONNECTION = auto()  # the network, a proxy, a certificate, or a server that does not run
    ACCOUNT = auto()  # the key is accepted
    SERVER = auto()  # it may work later


class OutcomeWords(NamedTuple):
    """The finding, the next step, the suspect."""

    words: Safe
    step: Safe
    suspect: Suspect


def outcome_words(failure: Failure, config: ProviderConfig, *, keyless: bool = False) -> OutcomeWords:
    """Return the words for a failed check of a provider.

    keyless   the check sent no key, so that the server refused none
    """
    page = safe_line(config.key_page)
    match failure.kind:
        case FailureKind.AUTH | FailureKind.NO_KEY if keyless:
            step = safe_format("Keys are made at {page}", page=page) if page else EMPTY
            words = safe_format("{title} wants a key.", title=safe_line(config.title))
            return OutcomeWords(words, step, Suspect.KEY)
        case FailureKind.AUTH | FailureKind.NO_KEY:
            step = safe_format("Paste another key")
            step = safe_format("{step}; keys are made at {page}", step=step, page=page) if page else step
            return OutcomeWords(failure.message, _sentence(step), Suspect.KEY)
        case FailureKind.PERMISSION:
            step = safe_format("Check what the key may do in the account, or paste another one.")
            return OutcomeWords(failure.message, step, Suspect.KEY)
        case FailureKind.QUOTA:
            where = failure.url or page
            step = safe_format("The key is accepted. Buy credit at {page}", page=where) if where else EMPTY
            return OutcomeWords(failure.message, _sentence(step or Safe("The key is accepted")), Suspect.ACCOUNT)
        case FailureKind.RATE_LIMITED | FailureKind.OVERLOADED:
            return OutcomeWords(failure.message, safe_format("Try again in a moment."), Suspect.SERVER)
        case FailureKind.NETWORK | FailureKind.TIMEOUT:
            step = failure.hint
            if config.local:
                step = safe_format("Start {title}, or change the address.", title=safe_line(config.title))
            return OutcomeWords(failure.message, step, Suspect.CONNECTION)
        case FailureKind.NOT_FOUND | FailureKind.BAD_RESPONSE | FailureKind.BAD_CONFIG | FailureKind.CUT:
            return OutcomeWords(failure.message, failure.hint or safe_format("Check the base URL."), Suspect.ADDRESS)
        case _:
            return OutcomeWords(failure.message, safe_format("Try again."), Suspect.SERVER)


def price_words(price: Decimal | None, config: ProviderConfig) -> Safe:
    """Return the price of a request: `nothing`, `about $0.0002`, or that it is not known."""
    if price is None:
        return safe_format("nothing") if config.local else safe_format("an unknown amount")
    if not price:
        return safe_format("nothing")
    if price < Decimal("0.0001"):
        return safe_format("less than $0.0001")
    return safe_format("about ${sum}", sum=Safe(f"{price:.4f}" if price < 1 else f"{price:.2f}"))


def _sentence(words: Safe) -> Safe:
    """End the words with a full stop, unless they end with an address, which a full stop would change."""
    return words if "://" in words.rpartition(" ")[2] else Safe(f"{words}.")
