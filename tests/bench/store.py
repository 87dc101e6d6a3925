"""Speed of the store on generated data: `python -m tests.bench.store [--messages N] [--chats N]`.

Prints the time to open a chat of 10,000 messages, to search a million messages, to save a turn and to list fifty
thousand chats. The goals assume a quiet machine with two cores; no measurement fails by the clock.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import closing
from itertools import accumulate
from pathlib import Path
from random import Random
from uuid import uuid4

from termchat.core.conversation import Node
from termchat.core.messages import user_message
from termchat.store import chats, messages
from termchat.store.chat_store import SqliteChatStore
from termchat.store.chats import PendingChat
from termchat.store.sqlite import db
from tests.store.helpers import HERE, STATE, answer, ask, reply

LONG = 10_000
BATCH = 20_000
HAN = "天气今明我你他的是在有人这中大来上国个到说们为子和"


class Words:
    """Random text with word frequencies like a language: few frequent words, many rare ones."""

    def __init__(self, seed: int) -> None:
        self._chance = Random(seed)
        letters = "abcdefghijklmnopqrstuvwxyz"
        self.vocabulary = ["".join(self._chance.choices(letters, k=self._chance.randint(3, 9))) for _ in range(30_000)]
        self._weights = list(accumulate(1 / (n + 1) for n in range(len(self.vocabulary))))

    def text(self, count: int) -> str:
        words = self._chance.choices(self.vocabulary, cum_weights=self._weights, k=count)
        if self._chance.random() < 0.1:
            words.append("".join(self._chance.choices(HAN, k=12)))
        return " ".join(words)


def generate(file: Path, messages: int, listed: int) -> Words:
    """Create a store of `listed` chats that share `messages` messages; the last chat is long. Return its vocabulary."""
    words = Words(1)
    connection = db.open_file(file).connection
    with closing(connection):
        made = 0
        sizes = [max(0, messages - LONG) // listed] * listed + [LONG]
        at = 1.7e9
        while sizes:
            with db.transaction(connection):
                while sizes and made < BATCH:
                    size = sizes.pop(0)
                    at += 60
                    chat(connection, words, size, at)
                    made += size + 1
            made = 0
        connection.execute("DELETE FROM holders")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return words


def chat(connection, words: Words, size: int, at: float) -> None:
    name = "long" if size == LONG else uuid4().hex[:16]
    n = chats.create(connection, PendingChat(name, HERE), STATE, None, at)
    parent = None
    for m in range(size):
        message = user_message(words.text(25)) if m % 2 == 0 else reply(words.text(60))
        node = Node(uuid4().hex, parent, message)
        chats.add_message(connection, n, messages.encode_node(node, at + m), follow=True)
        parent = node.id
    connection.execute("UPDATE chats SET title = ? WHERE n = ?", (words.text(5), n))


async def timed(what: str, goal: str, times: int, work: Callable[[], Awaitable[object]]) -> None:
    """Print the median and the worst of some runs."""
    taken: list[float] = []
    for _ in range(times):
        began = time.perf_counter()
        await work()
        taken.append(time.perf_counter() - began)
    print(f"{what:<58} {statistics.median(taken) * 1000:8.2f} ms   worst {max(taken) * 1000:8.2f}   goal {goal}")


async def opening(file: Path) -> None:
    async def cold() -> None:
        store = SqliteChatStore(file, print)
        await store.resume("long", HERE)
        await store.close()

    await timed("open the store and a chat of 10,000 messages", "< 300", 5, cold)


async def searching(store: SqliteChatStore, words: Words) -> None:
    common, middle, rare = words.vocabulary[0], words.vocabulary[300], words.vocabulary[20_000]
    for what, typed in (
        ("the most common word", f"{common} "),
        ("a usual word", f"{middle} "),
        ("a rare word", f"{rare} "),
        ("three words", f"{common} {middle} {words.vocabulary[3]} "),
        ("the beginning of a word, one letter", "a"),
        ("the beginning of a word, two letters", common[:2]),
        ("the beginning of a word, all but one letter", common[:-1] if len(common) > 4 else middle[:-1]),
        ("天气", "天气 "),
        ("a phrase", f'"{words.vocabulary[0]} {words.vocabulary[1]}"'),
        ("nothing", "xqzzyw "),
    ):
        await timed(f"search: {what}", "< 100", 5, lambda typed=typed: store.search(typed))
    await timed("chats by title and text, as one types", "< 100", 5, lambda: store.chats(middle))


async def saving(store: SqliteChatStore, words: Words) -> None:
    recorder = store.new_recorder(STATE, HERE)
    parent = None
    texts = [(words.text(25), words.text(150)) for _ in range(200)]
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
    print(f"{'save a turn: a request is held back (with fsync)':<58} {statistics.median(held) * 1000:8.2f} ms")
    print(f"{'save a turn: everything, two fsyncs and more':<58} {whole / len(texts) * 1000:8.2f} ms")
    print(f"{'save a turn: processor time':<58} {used / len(texts) * 1000:8.2f} ms   goal < 2")


async def listing(store: SqliteChatStore) -> None:
    async def middle() -> None:
        await store.chats(after=f"{(1.7e9).hex()}:0")

    await timed("list: the first page of chats", "instant", 20, store.chats)
    await timed("list: a page in this directory", "instant", 20, lambda: store.chats(directory=HERE.directory))
    await timed("list: the last page", "instant", 20, middle)
    await timed("the last chat of this terminal", "instant", 20, lambda: store.last(HERE))
    await timed("find a chat by its title", "instant", 20, lambda: store.find("ab"))


async def measure(file: Path, words: Words) -> None:
    await opening(file)
    store = SqliteChatStore(file, print)
    await searching(store, words)
    await listing(store)
    await saving(store, words)
    await store.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--chats", type=int, default=50_000)
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "termchat" / "termchat.db"
        began = time.perf_counter()
        words = generate(file, wanted.messages, wanted.chats)
        print(f"{wanted.messages:,} messages in {wanted.chats:,} chats, {file.stat().st_size / 1e6:,.0f} MB,", end=" ")
        print(f"made in {time.perf_counter() - began:.0f} s\n")
        asyncio.run(measure(file, words))


if __name__ == "__main__":
    main()
