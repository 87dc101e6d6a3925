"""The cost of going on with a chat on another model."""

from __future__ import annotations

from collections.abc import Sequence

from termchat.core.messages import Message, Role
from termchat.core.models import ModelRef
from termchat.core.provider import Prices
from termchat.core.session import SwitchCost
from termchat.core.usage import Usage
from termchat.engine.estimate import estimate_messages


async def switch_cost(
    messages: Sequence[Message], system: str, model: ModelRef, prices: Prices | None
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
    tokens = counted if spent.input else estimate_messages(messages, system)
    price = await prices.cost(model, Usage(input=tokens)) if prices else None
    origin = last.origin.ref if last.origin else None
    return SwitchCost(tokens, price, origin, spent.cached + spent.cache_write if origin else 0)
