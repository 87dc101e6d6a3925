"""Numbers, times and outcomes as text for users."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import assert_never

from termchat.core.chats import ImportReport
from termchat.core.errors import Failure, FailureKind
from termchat.core.events import Retrying, TurnEnded
from termchat.core.messages import File, Image, Part, Text, attached_text, attachment_name
from termchat.core.models import ModelInfo, ModelRef
from termchat.core.numbers import moment as date_of
from termchat.core.outcomes import Outcome
from termchat.core.sanitize import EMPTY, Safe, counted, excerpt, join, safe, safe_format, safe_line
from termchat.core.session import SwitchCost
from termchat.core.usage import BudgetState, Spent, Usage, dollars

_UNITS = {"m": 60.0, "h": 3600.0, "d": 86400.0, "w": 7 * 86400.0}  # seconds
_LEAST_SAVED = Decimal("0.0001")  # US dollars; less is not mentioned
_CENT = Decimal("0.01")
_SHORTEST_STREAM, _FEWEST_TOKENS = 0.5, 10  # seconds, tokens: a speed of less depends on how the network cuts the reply


def internal_error_line(failure: Failure, more: Safe) -> Safe:
    """Return the line about an internal error that ends no turn; `more` is the key or command with its details."""
    return safe_format("{what} Nothing is lost; the chat continues. {more}", what=failure.message, more=more)


def count(number: int) -> Safe:
    """Return a short number: `812`, `4.1k`, `128k`, `1.2M`."""
    if number < 1000:
        return safe(str(number))
    if number < 999_950:
        return safe(f"{_short(number / 1000)}k")
    return safe(f"{_short(number / 1_000_000)}M")


def size(number: int) -> Safe:
    """Return a number of bytes: `812 B`, `4.8 kB`, `1.2 MB`."""
    if number < 1000:
        return safe(f"{number} B")
    if number < 999_950:
        return safe(f"{_short(number / 1000)} kB")
    return safe(f"{_short(number / 1_000_000)} MB")


def attachment_label(part: Part) -> Safe:
    """Return `@NAME (3.1 kB)`, `@cat.png (PNG 640×480, 12 kB)`; of an image on the web, its address alone."""
    from termchat.attachments.mentions import mention_text
    from termchat.attachments.pictures import picture_size

    given = attachment_name(part)
    name = safe_line(given if given.startswith("!") else mention_text(given))  # `!` is the output of a command
    match part:
        case Image() if part.data:
            wide, high = picture_size(part.data) or (0, 0)
            pixels = f" {wide}×{high}" if wide else ""
            kind = safe_line(f"{part.mime.rpartition('/')[2].upper()}{pixels}")
            return safe_format("{name} ({kind}, {size})", name=name, kind=kind, size=size(len(part.data)))
        case File() if part.data:
            kind = safe_line(part.mime.rpartition("/")[2].upper())
            return safe_format("{name} ({kind}, {size})", name=name, kind=kind, size=size(len(part.data)))
        case Text():
            frame = attached_text(given, "").text
            content = len(part.text.encode("utf-8", "replace")) - len(frame.encode("utf-8", "replace"))
            return safe_format("{name} ({size})", name=name, size=size(content))
        case _:
            return name


def duration(seconds: float) -> Safe:
    """Return a number of seconds: `0.8s`, `12s`, `3m 05s`, `1h 02m`."""
    if seconds < 9.95:
        return safe(f"{max(0.0, seconds):.1f}s")
    whole = round(seconds)
    if whole < 60:
        return safe(f"{whole}s")
    if whole < 3600:
        return safe(f"{whole // 60}m {whole % 60:02d}s")
    return safe(f"{whole // 3600}h {whole % 3600 // 60:02d}m")


def age(moment: float, now: float) -> Safe:
    """Return how long ago a moment was: `just now`, `5 min`, `3 h`, `2 days`; the date after 30 days.

    Both are seconds since 1970.
    """
    seconds = now - moment
    if seconds < 60:
        return safe_format("just now")
    if seconds < 3600:
        return safe_format("{n} min", n=safe(str(int(seconds // 60))))
    if seconds < 86400:
        return safe_format("{n} h", n=safe(str(int(seconds // 3600))))
    days = int(seconds // 86400)
    if days < 30:
        return safe_format("{n} day{s}", n=safe(str(days)), s=safe("" if days == 1 else "s"))
    return safe(f"{date_of(moment):%Y-%m-%d}")


def since(words: str, now: float) -> float | Failure:
    """Parse `12h`, `7d` or `2w` as so long before `now`, or a date like 2026-05-09 as its beginning.

    Return seconds since 1970, or the failure.
    """
    text = words.strip().lower()
    if found := re.fullmatch(r"(\d{1,6})\s*([mhdw])", text):
        return now - int(found[1]) * _UNITS[found[2]]
    try:
        return datetime.strptime(text, "%Y-%m-%d").timestamp()  # noqa: DTZ007, the user's own clock
    except ValueError:
        name = safe_line(words[:40])
        return Failure(
            FailureKind.BAD_CONFIG,
            safe_format('Not a time: "{name}".', name=name),
            safe_format("Use 12h, 7d, 2w, or a date such as 2026-05-09."),
        )


def money(cost: Decimal | None) -> Safe:
    """Return US dollars: `$0.0042`, `$0.04`, `$1.20`; empty if the cost is unknown, `$0` only if it is zero."""
    if cost is None:
        return EMPTY
    if cost == 0:
        return safe("$0")
    if cost < Decimal("0.0001"):
        return safe("<$0.0001")
    return safe(f"${cost:.2f}" if cost >= _CENT else f"${cost:.4f}")


def usage_line(ended: TurnEnded, *, full: bool = False) -> Safe:
    """Return the line below a reply, `gpt-6.1-sol · 4.1k in · 310 out · 6.2s · $0.04`.

    With `full`, also the tokens read from a cache and their worth, the tokens of the reasoning, the number of steps,
    the time to the first token and the speed.
    """
    parts = [safe_line(ended.model.model), *_tokens(ended.usage, ended.saved, full=full)]
    if full and ended.steps > 1:
        parts.append(safe_format("{n} steps", n=safe(str(ended.steps))))
    if full and ended.timing.first is not None:
        parts.append(safe_format("{t} to first token", t=duration(ended.timing.first)))
    parts.append(duration(ended.timing.total))
    if full and (speed := rate(ended.usage.output, ended.timing.streaming)):
        parts.append(speed)
    if ended.cost is not None and ended.model.provider != "demo":
        parts.append(safe_format("{a}{cost}", a=safe("~" if ended.about else ""), cost=money(ended.cost)))
    return join(" · ", parts)


def saved_usage_line(model: ModelRef, usage: Usage, *, full: bool = False) -> Safe:
    """Return the line below a saved reply, `gpt-6.1-sol · 4.1k in · 310 out`."""
    return join(" · ", [safe_line(model.model), *_tokens(usage, Decimal(0), full=full)])


def rate(tokens: int, seconds: float) -> Safe:
    """Return a speed, `61 tok/s`; empty for a reply too short to have one."""
    if seconds < _SHORTEST_STREAM or tokens < _FEWEST_TOKENS:
        return EMPTY
    return safe_format("{n} tok/s", n=safe(str(round(tokens / seconds))))


def _tokens(usage: Usage, saved: Decimal, *, full: bool) -> list[Safe]:
    about = safe("~" if usage.estimated else "")
    given = safe_format("{a}{n} in", a=about, n=count(usage.input)) if usage.input else EMPTY
    if full and usage.cached:
        worth = safe_format(", saved {sum}", sum=money(saved)) if saved >= _LEAST_SAVED else EMPTY
        given = safe_format("{given} ({n} cached{worth})", given=given, n=count(usage.cached), worth=worth)
    taken = safe_format("{a}{n} out", a=about, n=count(usage.output)) if usage.output else EMPTY
    if full and usage.reasoning:
        taken = safe_format("{taken} ({n} thinking)", taken=taken, n=count(usage.reasoning))
    return [part for part in (given, taken) if part]


def lacking_words(info: ModelInfo | None) -> list[Safe]:
    """Return what a model does not take, as its listing says and its server has refused: "no tools"."""
    if info is None:
        return []
    kinds = dict.fromkeys((*info.lacks, *info.refused))
    return [safe_format("no {what}", what=safe_line(kind)) for kind in kinds]


def switch_words(cost: SwitchCost, context: int | None) -> list[Safe]:
    """Return the cost of a switch of models: tokens and price, the lost cache, a context that is too small.

    `context` is that of the new model in tokens, None if unknown.
    """
    price = safe_format(", about {sum}", sum=money(cost.price)) if cost.price is not None else EMPTY
    words = [safe_format("the next message sends ~{n} tokens of this chat{price}", n=count(cost.tokens), price=price)]
    if cost.cached and cost.before:
        name = safe_line(cost.before.model)
        words.append(safe_format("{n} cached for {name} not reused", n=count(cost.cached), name=name))
    if context and cost.tokens > context:
        words.append(safe_format("exceeds its context of {n}", n=count(context)))
    return words


def outcome_line(ended: TurnEnded) -> Safe:
    """Return the mark of an incomplete reply, `■ stopped · 214 tok · 3.1s`; empty for a complete one."""
    word = _outcome(ended.outcome, ended.failure)
    if not word:
        return EMPTY
    parts = [safe_format("■ {word}", word=word)]
    if ended.has_content and ended.usage.output:
        about = safe("~" if ended.usage.estimated else "")
        parts.append(safe_format("{a}{n} tok", a=about, n=count(ended.usage.output)))
    parts.append(duration(ended.timing.total))
    return join(" · ", parts)


def _outcome(outcome: Outcome, failure: Failure | None) -> Safe:
    match outcome:
        case Outcome.COMPLETE:
            return EMPTY
        case Outcome.LENGTH:
            return safe_format("cut off by the token limit")
        case Outcome.FILTERED:
            return safe_format("stopped by the provider's filter")
        case Outcome.REFUSED:
            return safe_format("the model declined")
        case Outcome.CUT:
            return safe_format("the reply was cut off")
        case Outcome.STALLED:
            return safe_format("timed out")
        case Outcome.CANCELLED:
            return safe_format("stopped")
        case Outcome.BUDGET:
            return safe_format("budget reached")
        case Outcome.LIMIT:
            return safe_format("stopped at a limit")
        case Outcome.FAILED:
            return EMPTY if failure else safe_format("failed")
    assert_never(outcome)


def saved_outcome_line(outcome: Outcome) -> Safe:
    """Return the mark of a saved reply that is incomplete, `■ stopped`; empty for a complete one."""
    word = _outcome(outcome, None)
    return safe_format("■ {word}", word=word) if word else EMPTY


def retried_line(ended: TurnEnded) -> Safe:
    """Return the line in place of a reply that was stopped and retried."""
    if not ended.has_content:
        return safe_format("↻ no reply for {t}, retried", t=duration(ended.timing.total))
    return safe_format("↻ stopped after {t}, retried", t=duration(ended.timing.total))


def short_reason(failure: Failure) -> Safe:
    """Return a failure in a few words, for a short line."""
    match failure.kind:
        case FailureKind.RATE_LIMITED:
            return safe_format("rate limited")
        case FailureKind.OVERLOADED:
            return safe_format("overloaded")
        case FailureKind.NETWORK:
            return safe_format("no connection")
        case _:
            return Safe(failure.message.removesuffix("."))


def retrying_line(retry: Retrying) -> Safe:
    """Return the line of a retry, `Rate limited by Anthropic (429). Retrying in 4.0s (2/3).`."""
    if not retry.tries:
        return safe_format("{what}.", what=waiting_line(retry))
    tries = safe(f"{retry.attempt}/{retry.tries}")
    wait = duration(retry.delay)
    return safe_format("{what} Retrying in {wait} ({tries}).", what=retry.failure.message, wait=wait, tries=tries)


def waiting_line(retry: Retrying) -> Safe:
    """Return `waiting for api.example.com`, for retries without a limit."""
    details = retry.failure.details
    return safe_format("waiting for {host}", host=details.host if details and details.host else safe_format("the host"))


def searched_line(queries: Sequence[str]) -> Safe:
    """Return the line of a web search, `● searched the web · tea · 茶`."""
    return safe_format("● searched the web · {queries}", queries=excerpt(" · ".join(queries), 200))


def _short(number: float) -> str:
    return f"{number:.1f}".removesuffix(".0") if number < 99.95 else f"{number:.0f}"


def budget_lines(state: BudgetState) -> Iterator[Safe]:
    """Yield a line for this chat and one for this day, then what the figures leave out."""
    limits, spent = state.limits, state.spent
    if spent is None:
        return
    rows = (
        (safe_format("This chat"), spent.chat, spent.chat_reserved, limits.chat),
        (safe_format("Today"), spent.day, spent.reserved, limits.day),
    )
    for where, so_far, reserved, limit in rows:
        held = safe_format(", {sum} reserved", sum=dollars(reserved)) if reserved else EMPTY
        if limit is None:
            yield safe_format("{where}: {spent} spent{held}, no limit.", where=where, spent=dollars(so_far - reserved),
                              held=held)  # fmt: skip
        elif limit == 0:
            yield safe_format("{where}: nothing may be spent (limit $0), so only free models answer.", where=where)
        else:
            rest = max(limit - so_far, Decimal(0))
            yield safe_format(
                "{where}: {spent} of {limit} spent{held}, {rest} left.",
                where=where, spent=dollars(so_far - reserved), limit=dollars(limit), held=held, rest=dollars(rest),
            )  # fmt: skip
    if spent.reserved:
        yield safe_format("Reserved is the most that requests can cost that run, or whose termchat was killed.")
    if spent.uncounted:
        yield safe_format(
            "Requests of this chat without a known cost are not counted: {n}.", n=safe(str(spent.uncounted))
        )
    if not limits:
        yield safe_format("/budget 2 limits this chat to $2.00, /budget day 5 all chats of a day.")


def budget_share(state: BudgetState) -> Safe:
    """Return `$0.30 of $2.00`, the limit of the day if the chat has none; empty without a limit.

    What is reserved for running requests is not spent.
    """
    limits, spent = state.limits, state.spent or Spent()
    if limits.chat == 0 or (limits.chat is None and limits.day == 0):
        return safe_format("limit $0")
    if limits.chat is not None:
        return safe_format(
            "{spent} of {limit}", spent=dollars(spent.chat - spent.chat_reserved), limit=dollars(limits.chat)
        )
    if limits.day is None:
        return EMPTY
    if state.spent is None:
        return safe_format("{limit} a day", limit=dollars(limits.day))
    return safe_format("{spent} of {limit} today", spent=dollars(spent.day - spent.reserved), limit=dollars(limits.day))


def import_words(report: ImportReport) -> Safe:
    """Return the result of an import, such as `Imported 2 chats with 9 messages from Codex; ...`."""
    return safe_format(
        "Imported {chats} with {messages} from {source}; {known} existed already, {skipped} skipped.",
        source=safe_line(report.source),
        chats=counted(report.chats, "chat"),
        messages=counted(report.messages, "message"),
        known=safe(str(report.known)),
        skipped=safe(str(sum(not skipped.parts for skipped in report.skipped))),
    )
