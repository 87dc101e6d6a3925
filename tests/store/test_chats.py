"""Lists, names, deletion, restoring, forks and drafts of chats."""

from __future__ import annotations

import time
from contextlib import closing

from termchat.core.chat_store import ChatStore, Recorder, Resumed
from termchat.core.chats import ChatState, Location
from termchat.core.errors import Failure, FailureKind
from termchat.core.messages import File, Image, attached_text, user_message
from termchat.store import chats, deletion
from termchat.store.sqlite import db
from tests.store.conftest import StoreFixture
from tests.store.helpers import HERE, STATE, answer, ask, query


async def chat_with_question(store: ChatStore, text: str, place: Location = HERE) -> Recorder:
    """A chat with one question."""
    recorder = store.new_recorder(STATE, place)
    ask(recorder, text)
    await recorder.close()
    return recorder


async def titles(store: ChatStore, **how: object) -> list[str]:
    return [chat.title for chat in (await store.chats(**how)).chats]  # type: ignore[arg-type]


async def test_chats_list_pages_newest_first(stores: StoreFixture) -> None:
    store = stores.open()
    for n in range(7):
        await chat_with_question(store, f"chat {n}")
    pages, more = [], ""
    while True:
        page = await store.chats(after=more, limit=3)
        pages.append([chat.title for chat in page.chats])
        more = page.more
        if not more:
            break

    assert pages == [["chat 6", "chat 5", "chat 4"], ["chat 3", "chat 2", "chat 1"], ["chat 0"]]


async def test_chats_list_filters_by_directory(stores: StoreFixture) -> None:
    store = stores.open()
    await chat_with_question(store, "here")
    await chat_with_question(store, "there", Location("tty1", "/elsewhere"))

    assert await titles(store, directory="/elsewhere") == ["there"]


async def test_chats_list_containing_matches_title_and_text(stores: StoreFixture) -> None:
    store = stores.open()
    recorder = await chat_with_question(store, "about whales")
    await chat_with_question(store, "about ants")
    await answer(recorder, ask(recorder, "and?"), "they eat krill")

    assert await titles(store, containing="ants") == ["about ants"]
    assert await titles(store, containing="krill") == ["about whales"]
    assert await titles(store, containing="krill", directory=HERE.directory) == ["about whales"]
    assert await titles(store, containing="krill", directory="/elsewhere") == []
    assert await titles(store, containing="100%") == []


async def test_chat_title_is_shortened_first_message_or_file_name(stores: StoreFixture) -> None:
    store = stores.open()
    await chat_with_question(store, "  many\n words " + "and more " * 20)

    (title,) = await titles(store)
    assert title.startswith("many words and more")
    assert title.endswith("…")
    assert len(title) <= 60
    assert chats.title(user_message("", File("thesis.pdf", "application/pdf", b"x"))) == "thesis.pdf"
    notes, cat = attached_text("notes.txt", "row\n" * 50), Image("image/png", b"x", name="cat.png")
    assert chats.title(user_message("sum this up", notes)) == "sum this up"
    assert chats.title(user_message("", notes, cat)) == "notes.txt, cat.png"


async def test_chat_renamed_is_found_by_name_or_id_prefix(stores: StoreFixture) -> None:
    store = stores.open()
    recorder = await chat_with_question(store, "something")
    await chat_with_question(store, "else")
    await store.rename(recorder.chat_id, "Big Plan")

    for name in ("Big Plan", "big", recorder.chat_id, await store.short_id(recorder.chat_id)):
        found = await store.find(name)
        assert not isinstance(found, Failure)
        assert found.id == recorder.chat_id


async def test_chat_find_unknown_or_ambiguous_name_fails(stores: StoreFixture) -> None:
    store = stores.open()
    await chat_with_question(store, "same")
    await chat_with_question(store, "same")

    for name in ("same", "s", "nothing", "", "*", "[a-z]"):
        found = await store.find(name)
        assert isinstance(found, Failure)
        assert found.kind is FailureKind.NOT_FOUND


async def test_last_chat_prefers_this_terminal_then_directory(stores: StoreFixture) -> None:
    store = stores.open()
    mine = await chat_with_question(store, "mine")
    other = await chat_with_question(store, "other window", Location("tty2", HERE.directory))
    await chat_with_question(store, "elsewhere", Location("tty1", "/elsewhere"))

    for place, chat in ((HERE, mine), (Location("tty9", HERE.directory), other), (Location("", HERE.directory), other)):
        found = await store.last(place)
        assert found
        assert found.id == chat.chat_id
    assert await store.last(Location("tty1", "/nowhere")) is None


async def test_fork_shares_earlier_messages(stores: StoreFixture) -> None:
    store = stores.open()
    trunk = store.new_recorder(STATE, HERE)
    question = ask(trunk, "one")
    node = await answer(trunk, question, "two")
    forked = await store.fork(trunk.chat_id, node, HERE, "a branch")
    assert isinstance(forked, Resumed)
    assert forked.info.title == "a branch"
    ask(forked.recorder, "three", node)
    ask(trunk, "four", node)

    found = await store.resume(forked.recorder.chat_id, HERE)
    assert isinstance(found, Resumed)
    assert [n.message.text for n in found.conversation.path()] == ["one", "two", "three"]
    assert (found.info.title, found.state) == ("a branch", STATE)
    assert query(stores.file, "SELECT count(*) FROM nodes") == [(4,)]


async def test_fork_counts_turns_that_it_shares(stores: StoreFixture) -> None:
    store = stores.open()
    trunk = store.new_recorder(STATE, HERE)
    node = await answer(trunk, ask(trunk, "one"), "two")
    last = await answer(trunk, ask(trunk, "three", node), "four")
    ask(trunk, "after the fork", last)
    first = await store.fork(trunk.chat_id, last, HERE, "copy")
    assert isinstance(first, Resumed)
    second = await store.fork(first.recorder.chat_id, last, HERE, "copy of the copy")
    assert isinstance(second, Resumed)
    await answer(second.recorder, ask(second.recorder, "five", last), "six")

    async def turns() -> dict[str, int]:
        return {chat.title: chat.turns for chat in (await store.chats()).chats}

    assert await turns() == {"copy of the copy": 3, "copy": 2, "one": 3}
    await store.delete(trunk.chat_id)
    await stores.close()
    with closing(db.open_file(stores.file).connection) as connection:
        deletion.purge(connection, time.time() + 1)
    store = stores.open()
    assert await turns() == {"copy of the copy": 3, "copy": 2}


async def test_fork_of_fork_survives_purge_of_both_sources(stores: StoreFixture) -> None:
    store = stores.open()
    trunk = store.new_recorder(STATE, HERE)
    node = await answer(trunk, ask(trunk, "one"), "two")
    first = await store.fork(trunk.chat_id, node, HERE)
    assert isinstance(first, Resumed)
    last = await answer(first.recorder, ask(first.recorder, "three", node), "four")
    second = await store.fork(first.recorder.chat_id, last, HERE, "second")
    assert isinstance(second, Resumed)
    await store.delete(trunk.chat_id)
    await store.delete(first.recorder.chat_id)
    await stores.close()
    with closing(db.open_file(stores.file).connection) as connection:
        deletion.purge(connection, time.time() + 1)
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        connection.execute("INSERT INTO words(words) VALUES ('integrity-check')")

    store = stores.open()
    found = await store.resume(second.recorder.chat_id, HERE)
    assert isinstance(found, Resumed)
    assert [n.message.text for n in found.conversation.path()] == ["one", "two", "three", "four"]
    assert [hit.title for hit in await store.search("three")] == ["second"]


async def test_deleted_chat_is_hidden_until_restored(stores: StoreFixture) -> None:
    store = stores.open()
    recorder = await chat_with_question(store, "secret plan")
    await store.delete(recorder.chat_id)

    assert await titles(store) == []
    assert await store.search("secret") == ()
    assert [chat.title for chat in await store.deleted_chats()] == ["secret plan"]
    await store.restore(recorder.chat_id)
    assert await titles(store) == ["secret plan"]
    assert len(await store.search("secret")) == 1


async def test_deleted_chat_after_thirty_days_is_purged_entirely(stores: StoreFixture) -> None:
    store = stores.open()
    recorder = store.new_recorder(STATE, HERE)
    from termchat.core.conversation import Node

    recorder.add(Node("n", None, user_message("unspeakable", File("x.pdf", "application/pdf", b"contents"))))
    await store.delete(recorder.chat_id)
    await stores.close()
    long_ago = time.time() - deletion.RETENTION - 1
    with closing(db.open_file(stores.file).connection) as connection:
        connection.execute("UPDATE chats SET deleted = ?", (long_ago,))
    store = stores.open()

    assert await store.deleted_chats() == ()
    for table in ("chats", "nodes", "blobs", "attachments"):
        assert query(stores.file, f"SELECT count(*) FROM {table}") == [(0,)]
    assert query(stores.file, "SELECT count(*) FROM words WHERE words MATCH 'unspeakable'") == [(0,)]


async def test_deleted_chat_new_message_restores_it(stores: StoreFixture) -> None:
    store = stores.open()
    recorder = store.new_recorder(STATE, HERE)
    first = ask(recorder, "one")
    await store.delete(recorder.chat_id)
    ask(recorder, "two", first)

    assert await titles(store) == ["one"]


async def test_resume_and_fork_unknown_chat_fail(stores: StoreFixture) -> None:
    store = stores.open()

    assert isinstance(await store.resume("nobody", HERE), Failure)
    assert isinstance(await store.fork("nobody", None, HERE), Failure)


async def test_draft_of_unstarted_chat_moves_to_next_chat(stores: StoreFixture) -> None:
    store = stores.open()
    recorder = store.new_recorder(ChatState(), HERE)
    recorder.draft("unfinished")
    await recorder.close()
    assert await store.recover_draft(HERE) == ""  # its owner is this process, which runs
    await stores.close()
    with closing(db.open_file(stores.file).connection) as connection:
        connection.execute("UPDATE drafts SET owner = replace(owner, '|', '|gone')")
    store = stores.open()
    assert await store.recover_draft(Location("tty1", "/elsewhere")) == ""
    assert await store.recover_draft(HERE) == "unfinished"
    next_recorder = store.new_recorder(STATE, HERE)

    assert await store.recover_draft(HERE) == ""
    assert query(stores.file, "SELECT chat, text FROM drafts") == [(next_recorder.chat_id, "unfinished")]
    next_recorder.draft("")
    await next_recorder.close()
    assert query(stores.file, "SELECT count(*) FROM drafts") == [(0,)]


async def test_draft_restored_can_be_cleared(stores: StoreFixture) -> None:
    store = stores.open()
    recorder = await chat_with_question(store, "hello")
    recorder.draft("and")
    await recorder.close()
    found = await store.resume(recorder.chat_id, HERE)
    assert isinstance(found, Resumed)
    assert found.draft == "and"
    found.recorder.draft("")
    await found.recorder.close()

    found = await store.resume(recorder.chat_id, HERE)
    assert isinstance(found, Resumed)
    assert found.draft == ""


async def test_prompt_history_is_unique_with_this_directory_first(stores: StoreFixture) -> None:
    store = stores.open()
    for text, where in (("ls", "/a"), ("ls", "/a"), ("cat", "/b"), ("ls", "/a"), (" private", "/a"), ("100%", "/b")):
        store.remember(text, Location("", where))
    store.remember("cleared", Location("", "/a"), draft=True)

    found = await store.prompts(directory="/b")
    assert [prompt.text for prompt in found] == ["100%", "cat", "cleared", "ls"]
    assert [prompt.draft for prompt in found] == [False, False, True, False]
    assert [prompt.text for prompt in await store.prompts("0%")] == ["100%"]


async def test_find_takes_no_blank_name_for_a_prefix(stores: StoreFixture) -> None:
    store = stores.open()
    await chat_with_question(store, "the only chat")
    for name in ("", "  "):
        assert isinstance(await store.find(name), Failure)
