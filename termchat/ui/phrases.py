"""Numbers, times and outcomes in the words that users read; nothing here knows of a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import assert_never

from termchat.core.errors import Failure, FailureKind
from termchat.core.events import Retrying, TurnEnded
from termchat.core.outcomes import Outcome
from termchat.core.sanitize import EMPTY, Safe, join, safe, safe_line, say
from termchat.core.usage import Usage

_WORTH_SAYING = Decimal("0.0001")  # US dollars


def count(number: int) -> Safe:
    """`812`, `4.1k`, `128k`, `1.2M`."""
    if number < 1000:
        return safe(str(number))
    if number < 999_950:
        return safe(f"{_short(number / 1000)}k")
    return safe(f"{_short(number / 1_000_000)}M")


def size(number: int) -> Safe:
    """A number of bytes: `812 B`, `4.8 kB`, `1.2 MB`."""
    if number < 1000:
        return safe(f"{number} B")
    if number < 999_950:
        return safe(f"{_short(number / 1000)} kB")
    return safe(f"{_short(number / 1_000_000)} MB")


def duration(seconds: float) -> Safe:
    """`0.8s`, `12s`, `3m 05s`, `1h 02m`."""
    if seconds < 9.95:
        return safe(f"{max(0.0, seconds):.1f}s")
    whole = round(seconds)
    if whole < 60:
        return safe(f"{whole}s")
    if whole < 3600:
        return safe(f"{whole // 60}m {whole % 60:02d}s")
    return safe(f"{whole // 3600}h {whole % 3600 // 60:02d}m")


def money(cost: Decimal | None) -> Safe:
    """`$0.0042`, `$1.20`; nothing when the cost is unknown, `$0` only when it is truly nothing."""
    if cost is None:
        return EMPTY
    if cost == 0:
        return safe("$0")
    if cost < Decimal("0.0001"):
        return safe("<$0.0001")
    return safe(f"${cost:.2f}" if cost >= 1 else f"${cost:.4f}")


def usage_words(ended: TurnEnded) -> Safe:
    """`gpt-5.2 · 4.1k in (3.2k cached, saved $0.0036) · 310 out (120 thinking) · 0.8s first · 6.2s · $0.0042`."""
    parts = [safe_line(ended.model.model), *_tokens(ended.usage, ended.saved)]
    if ended.steps > 1:
        parts.append(say("{n} steps", n=safe(str(ended.steps))))
    if ended.timing.first is not None:
        parts.append(say("{t} first", t=duration(ended.timing.first)))
    parts.append(duration(ended.timing.total))
    if speed := rate(ended.usage.output, ended.timing.streaming):
        parts.append(speed)
    if ended.cost is not None and ended.model.provider != "demo":
        parts.append(money(ended.cost))
    return join(" · ", parts)


def rate(tokens: int, seconds: float) -> Safe:
    """`61 tok/s`; nothing when there is too little to tell."""
    if seconds < 0.05 or tokens < 2:
        return EMPTY
    return say("{n} tok/s", n=safe(str(round(tokens / seconds))))


def _tokens(usage: Usage, saved: Decimal) -> list[Safe]:
    about = safe("~" if usage.estimated else "")
    given = say("{a}{n} in", a=about, n=count(usage.input))
    if usage.cached:
        worth = say(", saved {sum}", sum=money(saved)) if saved >= _WORTH_SAYING else EMPTY
        given = say("{given} ({n} cached{worth})", given=given, n=count(usage.cached), worth=worth)
    taken = say("{a}{n} out", a=about, n=count(usage.output))
    if usage.reasoning:
        taken = say("{taken} ({n} thinking)", taken=taken, n=count(usage.reasoning))
    return [given, taken]


def outcome_words(ended: TurnEnded) -> Safe:
    """The mark of a reply that is not complete, `■ stopped · 214 tok · 3.1s`; nothing when it is."""
    word = _outcome(ended.outcome, ended.failure)
    if not word:
        return EMPTY
    parts = [say("■ {word}", word=word)]
    if ended.received and ended.usage.output:
        about = safe("~" if ended.usage.estimated else "")
        parts.append(say("{a}{n} tok", a=about, n=count(ended.usage.output)))
    parts.append(duration(ended.timing.total))
    return join(" · ", parts)


def _outcome(outcome: Outcome, failure: Failure | None) -> Safe:
    match outcome:
        case Outcome.COMPLETE:
            return EMPTY
        case Outcome.LENGTH:
            return say("cut off by the token limit")
        case Outcome.FILTERED:
            return say("stopped by the provider's filter")
        case Outcome.REFUSED:
            return say("the model declined")
        case Outcome.CUT:
            return say("the reply was cut off")
        case Outcome.STALLED:
            return say("no data in time")
        case Outcome.CANCELLED:
            return say("stopped")
        case Outcome.BUDGET:
            return say("the budget is reached")
        case Outcome.LIMIT:
            return say("stopped at a limit")
        case Outcome.FAILED:
            return EMPTY if failure else say("failed")
    assert_never(outcome)


def again_words(ended: TurnEnded) -> Safe:
    """What stands where a reply was stopped to be asked again."""
    if not ended.received:
        return say("↻ nothing came for {t}, asked again", t=duration(ended.timing.total))
    return say("↻ stopped after {t}, asked again", t=duration(ended.timing.total))


def trouble(failure: Failure) -> Safe:
    """A failure in a word or two, for a line that has room for no more."""
    match failure.kind:
        case FailureKind.RATE_LIMITED:
            return say("rate limited")
        case FailureKind.OVERLOADED:
            return say("overloaded")
        case FailureKind.NETWORK:
            return say("no connection")
        case _:
            return Safe(failure.message.removesuffix("."))


def retry_words(retry: Retrying) -> Safe:
    """`Rate limited by Anthropic (429). Retrying in 4.0s (2/3).`."""
    if not retry.tries:
        return say("{what}.", what=away_words(retry))
    tries = safe(f"{retry.attempt}/{retry.tries}")
    wait = duration(retry.delay)
    return say("{what} Retrying in {wait} ({tries}).", what=retry.failure.message, wait=wait, tries=tries)


def away_words(retry: Retrying) -> Safe:
    """`waiting for api.example.com`, where its answer is waited for however long that takes."""
    details = retry.failure.details
    return say("waiting for {host}", host=details.host if details and details.host else say("the host"))


def searched_words(queries: Sequence[str]) -> Safe:
    """`● searched the web · tea · 茶`."""
    return say("● searched the web · {queries}", queries=preview(" · ".join(queries), 200))


def preview(text: str, limit: int = 60) -> Safe:
    """The beginning of a text on one line, for a hint."""
    flat = " ".join(text.split())
    return safe_line(flat if len(flat) <= limit else flat[: limit - 1] + "…")


def _short(number: float) -> str:
    return f"{number:.1f}".removesuffix(".0") if number < 99.95 else f"{number:.0f}"
