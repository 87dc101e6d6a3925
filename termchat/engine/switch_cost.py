"""The prices of a model, and the cost of going on with a chat on another one."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from termchat.core.messages import Message, Role
from termchat.core.models import ModelRef
from termchat.core.provider import Prices, Tools
from termchat.core.session import Rates, SwitchCost
from termchat.core.usage import Usage
from termchat.engine.estimate import estimate_messages, estimate_tools

_SAMPLE = 1000  # tokens whose price is looked up; a long prompt has a higher rate with some vendors


async def rates(model: ModelRef, prices: Prices | None) -> Rates | None:
    """Return the prices of a model for short prompts, None if they are unknown."""
    if prices is None:
        return None
    if prices.is_free(model):
        return Rates(Decimal(0), Decimal(0), free=True)
    read = await prices.cost(model, Usage(input=_SAMPLE))
    written = await prices.cost(model, Usage(output=_SAMPLE))
    if read is None or written is None:
        return None
    million = Decimal(1_000_000) / _SAMPLE
    return Rates(read * million, written * million, about=prices.is_approximate(model))


async def switch_cost(
    messages: Sequence[Message], system: str, model: ModelRef, prices: Prices | None, tools: Tools | None = None
) -> SwitchCost | None:
    """Return what the next question sends to `model`; None if the last reply is its own, or there is none.

    The size is that of the last request and its reply, as its provider counted them, because every tokenizer counts
    about the same; an estimate where there is no count.
    """
    last = next((message for message in reversed(messages) if message.role is Role.ASSISTANT), None)
    if last is None or (last.origin and last.origin.ref == model):
        return None
    spent = last.usage or Usage()
    counted = spent.input + spent.output - spent.reasoning  # the reasoning of another model is not sent
    specs = tools.specs if tools else ()
    tokens = counted if spent.input else estimate_messages(messages, system) + estimate_tools(specs)
    price = await prices.cost(model, Usage(input=tokens)) if prices else None
    origin = last.origin.ref if last.origin else None
    return SwitchCost(tokens, price, origin, spent.cached + spent.cache_write if origin else 0)
