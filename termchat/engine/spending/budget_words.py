"""The failures of requests that a budget stops: the figures, and the way on."""

from __future__ import annotations

from decimal import Decimal

from termchat.core.errors import Failure, FailureKind
from termchat.core.models import ModelRef
from termchat.core.sanitize import Safe, join, safe, safe_format, safe_line
from termchat.core.usage import Limits, Spent, dollars

IN_CHAT = safe_format("in this chat")
_STEPS = (1, 2, 3, 5, 8)  # of a suggested limit, times a power of ten
_CENT = Decimal("0.01")


def would_cross(
    limits: Limits, spent: Spent, least: Decimal, tokens: int, model: ModelRef, where: Safe = IN_CHAT
) -> Failure:
    """Return the failure of a request that cannot be sent within the limits.

    least    the most that the request costs with the shortest allowed reply, in US dollars
    tokens   the most tokens that the prompt can have
    where    the end of `$1.20 is spent in this chat`
    """
    words = safe_format(
        "A request to {model} may cost {least} ({n} tokens and the reply), and {spent}.",
        model=safe_line(str(model)), least=dollars(least), n=safe(f"{tokens:,}"),
        spent=spent_words(limits, spent, where),
    )  # fmt: skip
    return Failure(FailureKind.BUDGET, words, _way_on(limits, spent, least))


def unpriced_model(model: ModelRef, limits: Limits) -> Failure:
    """Return the failure of a request to a model without a known price."""
    most = dollars(min(limit for limit in (limits.chat, limits.day) if limit is not None))
    words = safe_format(
        "The price of {model} is unknown, so {most} cannot bound it.", model=safe_line(str(model)), most=most
    )
    hint = safe_format(
        "Allow it: /budget allow in a chat, --set unpriced=allow in a script; or set its prices in config.toml."
    )
    return Failure(FailureKind.BUDGET, words, hint)


def unbounded_search(model: ModelRef) -> Failure:
    """Return the failure of a request that allows web searches, which are billed apart."""
    words = safe_format(
        "Web searches of {model} are billed apart, so a budget cannot bound them.", model=safe_line(str(model))
    )
    hint = safe_format(
        "Turn them off: /set search off, or allow them: /budget allow in a chat, --set unpriced=allow in a script."
    )
    return Failure(FailureKind.BUDGET, words, hint)


def cannot_limit(model: ModelRef) -> Failure:
    """Return the failure of a request whose server takes no limit of the reply, when only a short reply fits."""
    words = safe_format(
        "The longest reply of {model} does not fit into the budget, and its server takes no limit.",
        model=safe_line(str(model)),
    )
    return Failure(FailureKind.BUDGET, words, safe_format("Raise the budget, or choose another model (/model, -m)."))


def spent_words(limits: Limits, spent: Spent, where: Safe = IN_CHAT) -> Safe:
    """Return `$1.20 of $2.00 is spent in this chat, $4.80 of $5.00 and $0.10 reserved today`.

    where   replaces `in this chat`
    """
    parts: list[Safe] = []
    for limit, so_far, reserved, place in (
        (limits.chat, spent.chat, spent.chat_reserved, where),
        (limits.day, spent.day, spent.reserved, safe_format("today")),
    ):
        if limit == 0:
            parts.append(safe_format("nothing may be spent {where}", where=place))
        elif limit is not None:
            verb = safe_format(" is spent") if not parts else safe("")
            held = safe_format(" and {sum} reserved", sum=dollars(reserved)) if reserved else safe("")
            parts.append(
                safe_format(
                    "{spent} of {limit}{verb}{held} {where}",
                    spent=dollars(so_far - reserved), limit=dollars(limit), verb=verb, held=held, where=place,
                )
            )  # fmt: skip
    return join(", ", parts)


def _way_on(limits: Limits, spent: Spent, least: Decimal) -> Safe:
    """Return how to raise each limit that the request crosses."""
    raised: dict[str, Safe] = {}
    for name, limit, so_far in (("chat", limits.chat, spent.chat), ("day", limits.day, spent.day)):
        if limit is not None and so_far + least > limit:
            raised[name] = safe(_round_up(max(so_far + 4 * least, limit)))
    match raised:
        case {"chat": chat, "day": day}:
            return safe_format(
                "Raise both: /budget {chat} and /budget day {day} in a chat, "
                "--max-cost {chat} --set max_cost_day={day} in a script.",
                chat=chat, day=day,
            )  # fmt: skip
        case {"day": day}:
            return safe_format("Raise it: /budget day {n} in a chat, --set max_cost_day={n} in a script.", n=day)
        case _:
            amount = raised.get("chat") or safe(_round_up(max(spent.chat + 4 * least, limits.chat or Decimal(0))))
            return safe_format("Raise it: /budget {n} in a chat, --max-cost {n} in a script.", n=amount)


def _round_up(amount: Decimal) -> str:
    """Return a round number of US dollars above an amount, in cents or more."""
    scale = _CENT
    while True:
        for step in _STEPS:
            if step * scale > amount:
                return f"{(step * scale).normalize():f}"
        scale *= 10
