"""Speed of the store on generated data: `python -m tests.bench.store [--messages N] [--chats N]`.

Opens a chat of 10,000 messages, searches a million messages, saves turns and lists fifty thousand chats. The database
is made once, which takes minutes, and kept in the temporary directory; each run measures a copy.
"""

from __future__ import annotations

import asyncio
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from uuid import uuid4

from termchat.store.chat_store import SqliteChatStore
from tests.bench.database import LONG, Words, database
from tests.bench.table import Goal, Plan, Row, middle, run
from tests.store.helpers import HERE, STATE, answer, ask


async def _timed(times: int, work: Callable[[], Awaitable[object]]) -> float:
    """The median in milliseconds of some runs."""
    taken: list[float] = []
    for _ in range(times):
        began = time.perf_counter()
        await work()
        taken.append(time.perf_counter() - began)
    return middle(taken)


async def _opening(file: Path, times: int) -> AsyncIterator[Row]:
    async def cold() -> None:
        store = SqliteChatStore(file, print)
        await store.resume("long", HERE)
        await store.close()

    yield Row(f"open the store and a chat of {LONG:,} messages", await _timed(times, cold), goal=Goal(most=200))


async def _searching(store: SqliteChatStore, words: Words, times: int, count: int) -> AsyncIterator[Row]:
    common, middling, rare = words.vocabulary[0], words.vocabulary[300], words.vocabulary[20_000]
    for name, typed in (
        ("the most common word", f"{common} "),
        ("a usual word", f"{middling} "),
        ("a rare word", f"{rare} "),
        ("three words", f"{common} {middling} {words.vocabulary[3]} "),
        ("the beginning of a word, one letter", "a"),
        ("the beginning of a word, two letters", common[:2]),
        ("the beginning of a word, all but one letter", common[:-1] if len(common) > 4 else middling[:-1]),
        ("天气", "天气 "),
        ("a phrase", f'"{words.vocabulary[0]} {words.vocabulary[1]}"'),
        ("nothing", "xqzzyw "),
    ):
        took = await _timed(times, lambda typed=typed: store.search(typed))
        yield Row(f"search {count:,} messages: {name}", took, goal=Goal(most=100))
    took = await _timed(times, lambda: store.chats(middling))
    yield Row("chats by title and text, as one types", took, goal=Goal(most=100))


async def _saving(store: SqliteChatStore, words: Words, turns: int) -> AsyncIterator[Row]:
    recorder = store.new_recorder(STATE, HERE)
    parent = None
    texts = [(words.text(25), words.text(150)) for _ in range(turns)]
    held: list[float] = []
    began = time.perf_counter()
    cpu = time.process_time()
    for question, reply_text in texts:
        node = ask(recorder, question, parent)
        then = time.perf_counter()
        recording = await recorder.begin(uuid4().hex, node)
        held.append(time.perf_counter() - then)
        recording.close()
        parent = await answer(recorder, node, reply_text)
    await store.short_id(recorder.chat_id)
    whole, used = time.perf_counter() - began, time.process_time() - cpu
    yield Row("save a turn: a request is held back (with fsync)", statistics.median(held) * 1e3)
    yield Row("save a turn: everything, two fsyncs and more", whole / turns * 1e3)
    yield Row("save a turn: processor time", used / turns * 1e3, goal=Goal(most=2))


async def _listing(store: SqliteChatStore, times: int) -> AsyncIterator[Row]:
    for name, work in (
        ("list: the first page of chats", store.chats),
        ("list: a page in this directory", lambda: store.chats(directory=HERE.directory)),
        ("list: the last page", lambda: store.chats(after=f"{(1.7e9).hex()}:0")),
        ("the last chat of this terminal", lambda: store.last(HERE)),
        ("find a chat by its title", lambda: store.find("ab")),
    ):
        yield Row(name, await _timed(times, work), goal=Goal(most=100))


async def _measure(file: Path, times: int, count: int) -> list[Row]:
    words = Words(1)
    found = [row async for row in _opening(file, times)]
    store = SqliteChatStore(file, print)
    try:
        for figures in (
            _searching(store, words, times, count),
            _listing(store, 2 * times),
            _saving(store, words, 20 * times),
        ):
            found += [row async for row in figures]
    finally:
        await store.close()
    return found


def rows(plan: Plan, messages: int = 1_000_000, chats: int = 50_000) -> Iterator[Row]:
    """Open, search, list and save."""
    made = database(messages, chats)
    with tempfile.TemporaryDirectory(dir=made.parent) as folder:
        copy = Path(folder) / "termchat.db"
        shutil.copyfile(made, copy)
        yield from asyncio.run(_measure(copy, max(3, plan.rounds // 2), messages))


if __name__ == "__main__":
    sys.exit(run(rows, __doc__, messages=1_000_000, chats=50_000))
