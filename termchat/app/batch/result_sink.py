"""Write the results of a batch as lines, in the order of their ends or of the input."""

from __future__ import annotations

from functools import partial

from termchat.batch.batch_result import result_line
from termchat.batch.items import BatchItem
from termchat.batch.openai_result import openai_result_line
from termchat.ui.oneshot.batch.line_output import LineOrder, LineOutput


class ResultSink:
    """Implements `engine.batch.workers.BatchSink`; `shard` is the part of the input, "" for all of it."""

    def __init__(self, output: LineOutput, *, in_order: bool, window: int, openai: bool, shard: str) -> None:
        self._output = output
        self._order = LineOrder(output, window) if in_order else None
        self._line = openai_result_line if openai else partial(result_line, shard=shard)
        self._published = False

    @property
    def in_order(self) -> bool:
        return self._order is not None

    async def room(self, place: int) -> None:
        await self.replayed()
        if self._order:
            await self._order.room(place)

    async def put(self, place: int, item: BatchItem, kept: str) -> None:
        line = self._line(item, kept)
        if self._order:
            await self._order.put(place, line)
        else:
            await self._output.write(line)

    async def skip(self, place: int) -> None:
        if self._order:
            await self._order.put(place, None)

    async def replayed(self) -> None:
        if not self._published:
            self._published = True
            await self._output.publish()

    async def close(self) -> None:
        await self.replayed()
        if self._order:
            await self._order.close()
        await self._output.finish()
