"""The end of an item from the result of its row in a vendor's batch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from termchat.batch.batch_result import BatchResult
from termchat.batch.items import BatchItem
from termchat.batch.vendors import RowResult
from termchat.core.errors import Failure
from termchat.core.events import Finished
from termchat.core.messages import Reasoning, Text
from termchat.core.models import ModelRef
from termchat.core.outcomes import Outcome
from termchat.core.provider import Prices
from termchat.core.usage import Usage
from termchat.core.wire.assemble import MessageBuilder
from termchat.engine.outcome import turn_end
from termchat.late_dataclass import dataclass

Check = Callable[[Mapping[str, Any], str], Failure | None]


@dataclass(slots=True)
class _Received:
    """Implements `engine.outcome.ReceivedReply`."""

    failure: Failure | None
    finished: Finished | None = None
    cancelled: bool = False


async def batch_result_of(
    result: RowResult, model: ModelRef, item: BatchItem | None, seconds: float, prices: Prices, check: Check
) -> BatchResult:
    """Return the end of an item, priced as a reply in a batch.

    item      None if it has left the input
    seconds   since the batch was handed over
    check     returns what is wrong with a complete reply to a schema
    """
    builder = MessageBuilder()
    for delta in result.deltas:
        builder.add(delta)
    end = turn_end(_Received(result.failure, builder.finished), builder, has_tools=False)
    parts, usage, finished = builder.parts(), builder.usage, builder.finished
    text = "".join(part.text for part in parts if isinstance(part, Text))
    failure, schema = end.failure, item.request.params.schema if item else None
    if end.outcome is Outcome.COMPLETE and schema:
        failure = check(schema, text)
    return BatchResult(
        end.outcome,
        model,
        text,
        "".join(part.text for part in parts if isinstance(part, Reasoning)),
        end.finish,
        usage or Usage(),
        await _cost(usage, model, prices),
        seconds,
        finished.reply_id if finished else "",
        failure,
    )


async def _cost(usage: Usage | None, model: ModelRef, prices: Prices) -> Decimal | None:
    if usage is None:
        return None
    return usage.cost if usage.cost is not None else await prices.cost(model, usage)
