"""Full-text search over saved messages."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from termchat.core.conversation import Node
from termchat.core.messages import File, Message, Reasoning, Role, Text, ToolCall, ToolResult, user_message
from termchat.store import messages, search
from termchat.store.full_text import parse_query, searchable_text, snippet, to_fts_text
from termchat.store.sqlite import db
from tests.store.conftest import StoreFixture
from tests.store.helpers import HERE, STATE, ask

TEXTS = (
    "今天的天气很好，我们去公园。",
    "Füße und Café, naïve",
    "snake_case and kebab-case, x86-64, C++",
    "こんにちは世界",
    "안녕하세요 세계",
    "สวัสดีชาวโลก",
    "the quick brown fox",
)


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("天气", 0),
        ("气", 0),
        ("天气 公园", 0),
        ("fusse", None),
        ("cafe", 1),
        ("CAFÉ", 1),
        ("snake_case", 2),
        ("kebab", 2),
        ("x86-64", 2),
        ("世界", 3),
        ("세계", 4),
        ("하세요", 4),
        ("โลก", 5),
        ("qui", 6),
        ("quick bro", 6),
        ("brown quick", 6),
        ('"quick brown"', 6),
        ('"brown quick"', None),
        ("qui*", 6),
        ("qui fox", None),
        ("qui* fox", 6),
        ("气天", None),
        ("fox \udcff", 6),
    ],
)
async def test_search_finds_words_prefixes_and_phrases(stores: StoreFixture, typed: str, found: int | None) -> None:
    store = stores.in_memory()
    recorder = store.new_recorder(STATE, HERE)
    for text in TEXTS:
        ask(recorder, text)

    hits = await store.search(typed)
    assert [hit.snippet for hit in hits] == ([] if found is None else [TEXTS[found]])


@given(st.text(max_size=40))
def test_search_any_query_in_empty_store_finds_nothing(typed: str) -> None:
    connection = db.open_memory().connection
    assert search.search(connection, typed, 10) == ()
    connection.close()


@given(st.lists(st.text(min_size=1, max_size=20), min_size=1, max_size=3))
def test_search_finds_any_text_by_its_own_words(words: list[str]) -> None:
    text = " ".join(words).encode("utf-8", "replace").decode()
    parsed = parse_query(f'"{text.replace(chr(34), " ")}"')
    if not parsed or "\x00" in text:
        return
    connection = db.open_memory().connection
    connection.execute("INSERT INTO words (rowid, text) VALUES (1, ?)", (to_fts_text(text),))
    found = connection.execute("SELECT rowid FROM words WHERE words MATCH ?", (parsed.match,)).fetchall()
    tokens = connection.execute("SELECT count(*) FROM words WHERE words MATCH ?", (parsed.match,)).fetchone()
    connection.close()
    assert found == [(1,)] or tokens == (0,)


async def test_search_covers_every_part_of_a_message(stores: StoreFixture) -> None:
    store = stores.in_memory()
    recorder = store.new_recorder(STATE, HERE)
    result = ToolResult("c", "ls", (Text("outputword"),))
    calls = ToolCall("c", "toolword", '{"path": "argumentword"}')
    recorder.add(Node("a", None, user_message("userword", File("fileword.pdf", "application/pdf", b"x"))))
    recorder.add(Node("b", "a", Message(Role.ASSISTANT, (Reasoning("thoughtword"), Text("replyword"), calls))))
    recorder.add(Node("c", "b", Message(Role.TOOL, (result,))))

    for word in ("userword", "fileword", "thoughtword", "replyword", "toolword", "argumentword", "outputword"):
        assert len(await store.search(word)) == 1, word


async def test_search_orders_by_rank_then_newest(stores: StoreFixture) -> None:
    store = stores.in_memory()
    recorder = store.new_recorder(STATE, HERE)
    for text in ("whale old", "whale new", "whale whale whale", "of many other things and a whale too here"):
        ask(recorder, text)

    found = [hit.snippet for hit in await store.search("whale")]
    assert found == ["whale whale whale", "whale new", "whale old", "of many other things and a whale too here"]


async def test_search_orders_phrase_by_count_length_then_newest(stores: StoreFixture) -> None:
    store = stores.open()
    recorder = store.new_recorder(STATE, HERE)
    for text in ("long: blue whale" + " and more" * 40, "blue, whale", "blue whale", "blue whale, blue whale"):
        ask(recorder, text)
    found = [hit.snippet for hit in await store.search('"Blue whale"')]

    assert found[:3] == ["blue whale, blue whale", "blue whale", "blue, whale"]
    assert found[3].startswith("long: blue whale")
    assert [hit.snippet for hit in await store.search('"blue whale"', limit=1)] == found[:1]


@given(st.text(max_size=500), st.text("ab天 é", min_size=1, max_size=3))
def test_snippet_marks_lie_within_one_short_line(text: str, piece: str) -> None:
    parsed = parse_query(piece)
    if not parsed:
        return
    shown, marks = snippet(f"{text}{piece}", parsed.highlights)

    assert "\n" not in shown
    assert len(shown) <= 162
    assert all(0 <= begin < end <= len(shown) for begin, end in marks)


async def test_snippet_surrounds_first_match(stores: StoreFixture) -> None:
    store = stores.in_memory()
    ask(store.new_recorder(STATE, HERE), "x " * 500 + "needle\nin a haystack" + " y" * 500)

    (hit,) = await store.search("Needle")
    assert "needle in a haystack" in hit.snippet
    assert [hit.snippet[a:b] for a, b in hit.marks] == ["needle"]


def test_reindex_and_unindex_keep_index_consistent() -> None:
    connection = db.open_memory().connection
    connection.execute("INSERT INTO chats (id, created, updated) VALUES ('c', 0, 0)")
    for n, text in enumerate(TEXTS):
        messages.insert_message(connection, 1, messages.encode_node(Node(f"n{n}", None, user_message(text)), 0.0))
    messages.reindex(connection)
    connection.execute("INSERT INTO words(words) VALUES ('integrity-check')")
    messages.unindex(connection, connection.execute("SELECT n, author, message FROM nodes").fetchall())

    assert search.search(connection, "天气", 10) == ()
    assert connection.execute("SELECT count(*) FROM words").fetchone() == (0,)
    connection.close()


def test_search_without_a_hit_reads_no_messages() -> None:
    connection = db.open_memory().connection
    connection.execute("INSERT INTO chats (id, created, updated) VALUES ('c', 0, 0)")
    for n in range(1000):
        messages.insert_message(connection, 1, messages.encode_node(Node(f"n{n}", None, user_message("tea")), 0.0))
    steps = 0

    def count() -> None:
        nonlocal steps
        steps += 1

    connection.set_progress_handler(count, 100)  # called after each hundred instructions of SQLite
    assert search.search(connection, "coffee", 10) == ()
    assert steps < 20
    connection.close()


def test_searchable_text_joins_file_name_and_text() -> None:
    assert searchable_text(user_message("a", File("b.pdf", "application/pdf", b""))) == "b.pdf\na"


async def test_search_in_one_chat_finds_only_its_messages(stores: StoreFixture) -> None:
    store = stores.in_memory()
    first, second = store.new_recorder(STATE, HERE), store.new_recorder(STATE, HERE)
    wanted = ask(first, "a whale in the first chat")
    ask(second, "a whale in the second chat")
    assert [hit.node for hit in await store.search("whale", chat=first.chat_id)] == [wanted]
    assert len(await store.search("whale")) == 2
    assert await store.search("second", chat=first.chat_id) == ()


async def test_chats_containing_finds_id_then_exact_title_then_words(stores: StoreFixture) -> None:
    store = stores.in_memory()
    texts = ("a talk about ants", "ants", "nothing", "ants and bees")
    recorders = [store.new_recorder(STATE, HERE) for _ in texts]
    for recorder, text in zip(recorders, texts, strict=True):
        ask(recorder, text)
    ask(recorders[2], "yes, ants")
    found = await store.chats("Ants")
    assert found.chats[0].title == "ants"
    assert found.chats[-1].title == "nothing"
    for name in (recorders[2].chat_id, recorders[2].chat_id[:6]):
        assert [chat.title for chat in (await store.chats(name)).chats] == ["nothing"]
    for name in ("*", recorders[2].chat_id[:3]):
        assert (await store.chats(name)).chats == ()
