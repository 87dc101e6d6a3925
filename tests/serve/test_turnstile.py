"""Requests that come at once begin a few at a time, in their order."""

from __future__ import annotations

import asyncio

from termchat.serve.web_app import Turnstile


async def begun_by_round(
    turnstile: Turnstile, callers: int, cancelled: frozenset[int] = frozenset()
) -> list[list[int]]:
    """Let callers come at once; return those that began in each round of the loop until all have."""
    begun: list[int] = []

    async def call(n: int) -> None:
        await turnstile.turn()
        begun.append(n)

    tasks = [asyncio.create_task(call(n)) for n in range(callers)]
    rounds: list[list[int]] = []
    async with asyncio.timeout(10):
        while not all(task.done() for task in tasks):
            before = len(begun)
            await asyncio.sleep(0)
            rounds.append(begun[before:])
            for n in cancelled:
                tasks[n].cancel()
    return [names for names in rounds if names]


async def test_turnstile_lets_burst_through_in_groups_in_order() -> None:
    assert await begun_by_round(Turnstile(3), 8) == [[0, 1, 2], [3, 4, 5], [6, 7]]


async def test_turnstile_gives_turn_of_cancelled_caller_to_next() -> None:
    assert await begun_by_round(Turnstile(2), 7, frozenset((2, 3))) == [[0, 1], [4, 5], [6]]


async def test_turnstile_after_burst_does_not_hold_single_caller() -> None:
    turnstile = Turnstile(2)
    await begun_by_round(turnstile, 5)
    await asyncio.sleep(0)
    assert await begun_by_round(turnstile, 1) == [[0]]
