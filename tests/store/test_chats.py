"""Chats: listing, naming, deleting, restoring and finding them."""

from __future__ import annotations

import time
from contextlib import closing

from termchat.core.chat_store import ChatStore, Recorder, Resumed
from termchat.core.chats import ChatState, Location
from termchat.core.errors import Failure, FailureKind
from termchat.core.messages import File, user_message
from termchat.store import chats, deletion
from termchat.store.sqlite import db
from tests.store.conftest import Shelf
from tests.store.helpers import HERE, STATE, answer, ask, look


async def told(library: ChatStore, text: str, place: Location = HERE) -> Recorder:
    """A chat with one question."""
    recorder = library.new_recorder(STATE, place)
    ask(recorder, text)
    await recorder.close()
    return recorder


async def titles(library: ChatStore, **how: object) -> list[str]:
    return [chat.title for chat in (await library.chats(**how)).chats]  # type: ignore[arg-type]


async def test_chats_list_pages_newest_first(shelf: Shelf) -> None:
    library = shelf.open()
    for n in range(7):
        await told(library, f"chat {n}")
    pages, more = [], ""
    while True:
        page = await library.chats(after=more, limit=3)
        pages.append([chat.title for chat in page.chats])
        more = page.more
        if not more:
            break

    assert pages == [["chat 6", "chat 5", "chat 4"], ["chat 3", "chat 2", "chat 1"], ["chat 0"]]


async def test_chats_list_filters_by_directory(shelf: Shelf) -> None:
    library = shelf.open()
    await told(library, "here")
    await told(library, "there", Location("tty1", "/elsewhere"))

    assert await titles(library, directory="/elsewhere") == ["there"]


async def test_chats_search_matches_title_and_text(shelf: Shelf) -> None:
    library = shelf.open()
    recorder = await told(library, "about whales")
    await told(library, "about ants")
    await answer(recorder, ask(recorder, "and?"), "they eat krill")

    assert await titles(library, containing="ants") == ["about ants"]
    assert await titles(library, containing="krill") == ["about whales"]
    assert await titles(library, containing="krill", directory=HERE.directory) == ["about whales"]
    assert await titles(library, containing="krill", directory="/elsewhere") == []
    assert await titles(library, containing="100%") == []


async def test_chat_title_starts_with_first_message(shelf: Shelf) -> None:
    library = shelf.open()
    await told(library, "  many\n words " + "and more " * 20)

    (title,) = await titles(library)
    assert title.startswith("many words and more") and title.endswith("…") and len(title) <= 60
    assert chats.title(user_message("", File("thesis.pdf", "application/pdf", b"x"))) == "thesis.pdf"


async def test_chat_renamed_is_found_by_name_or_id_prefix(shelf: Shelf) -> None:
    library = shelf.open()
    recorder = await told(library, "something")
    await told(library, "else")
    await library.rename(recorder.chat_id, "Big Plan")

    for name in ("Big Plan", "big", recorder.chat_id, await library.short_id(recorder.chat_id)):
        found = await library.find(name)
        assert not isinstance(found, Failure) and found.id == recorder.chat_id


async def test_chat_find_unknown_or_ambiguous_name_fails(shelf: Shelf) -> None:
    library = shelf.open()
    await told(library, "same")
    await told(library, "same")

    for name in ("same", "s", "nothing", "", "*", "[a-z]"):
        found = await library.find(name)
        assert isinstance(found, Failure) and found.kind is FailureKind.NOT_FOUND


async def test_last_chat_prefers_this_terminal_then_directory(shelf: Shelf) -> None:
    library = shelf.open()
    mine = await told(library, "mine")
    other = await told(library, "other window", Location("tty2", HERE.directory))
    await told(library, "elsewhere", Location("tty1", "/elsewhere"))

    for place, chat in ((HERE, mine), (Location("tty9", HERE.directory), other), (Location("", HERE.directory), other)):
        found = await library.last(place)
        assert found and found.id == chat.chat_id
    assert await library.last(Location("tty1", "/nowhere")) is None


async def test_fork_shares_earlier_messages(shelf: Shelf) -> None:
    library = shelf.open()
    trunk = library.new_recorder(STATE, HERE)
    question = ask(trunk, "one")
    node = await answer(trunk, question, "two")
    forked = await library.fork(trunk.chat_id, node, HERE, "a branch")
    assert isinstance(forked, Resumed)
    ask(forked.recorder, "three", node)
    ask(trunk, "four", node)

    found = await library.resume(forked.recorder.chat_id, HERE)
    assert isinstance(found, Resumed)
    assert [n.message.text for n in found.conversation.path()] == ["one", "two", "three"]
    assert (found.info.title, found.state) == ("a branch", STATE)
    assert look(shelf.file, "SELECT count(*) FROM nodes") == [(4,)]


async def test_fork_of_fork_survives_purge_of_both_sources(shelf: Shelf) -> None:
    library = shelf.open()
    trunk = library.new_recorder(STATE, HERE)
    node = await answer(trunk, ask(trunk, "one"), "two")
    first = await library.fork(trunk.chat_id, node, HERE)
    assert isinstance(first, Resumed)
    last = await answer(first.recorder, ask(first.recorder, "three", node), "four")
    second = await library.fork(first.recorder.chat_id, last, HERE, "second")
    assert isinstance(second, Resumed)
    await library.delete(trunk.chat_id)
    await library.delete(first.recorder.chat_id)
    await shelf.close()
    with closing(db.open_file(shelf.file).connection) as connection:
        deletion.purge(connection, time.time() + 1)
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        connection.execute("INSERT INTO words(words) VALUES ('integrity-check')")

    library = shelf.open()
    found = await library.resume(second.recorder.chat_id, HERE)
    assert isinstance(found, Resumed)
    assert [n.message.text for n in found.conversation.path()] == ["one", "two", "three", "four"]
    assert [hit.title for hit in await library.search("three")] == ["second"]


async def test_deleted_chat_is_hidden_until_restored(shelf: Shelf) -> None:
    library = shelf.open()
    recorder = await told(library, "secret plan")
    await library.delete(recorder.chat_id)

    assert await titles(library) == []
    assert await library.search("secret") == ()
    assert [chat.title for chat in await library.deleted_chats()] == ["secret plan"]
    await library.restore(recorder.chat_id)
    assert await titles(library) == ["secret plan"]
    assert len(await library.search("secret")) == 1


async def test_deleted_chat_after_thirty_days_is_purged_entirely(shelf: Shelf) -> None:
    library = shelf.open()
    recorder = library.new_recorder(STATE, HERE)
    from termchat.core.conversation import Node

    recorder.add(Node("n", None, user_message("unspeakable", File("x.pdf", "application/pdf", b"contents"))))
    await library.delete(recorder.chat_id)
    await shelf.close()
    long_ago = time.time() - deletion.RETENTION - 1
    with closing(db.open_file(shelf.file).connection) as connection:
        connection.execute("UPDATE chats SET deleted = ?", (long_ago,))
    library = shelf.open()

    assert await library.deleted_chats() == ()
    for table in ("chats", "nodes", "blobs", "attachments"):
        assert look(shelf.file, f"SELECT count(*) FROM {table}") == [(0,)]
    assert look(shelf.file, "SELECT count(*) FROM words WHERE words MATCH 'unspeakable'") == [(0,)]


async def test_deleted_chat_new_message_restores_it(shelf: Shelf) -> None:
    library = shelf.open()
    recorder = library.new_recorder(STATE, HERE)
    first = ask(recorder, "one")
    await library.delete(recorder.chat_id)
    ask(recorder, "two", first)

    assert await titles(library) == ["one"]


async def test_resume_and_fork_unknown_chat_fail(shelf: Shelf) -> None:
    library = shelf.open()

    assert isinstance(await library.resume("nobody", HERE), Failure)
    assert isinstance(await library.fork("nobody", None, HERE), Failure)


async def test_draft_of_unstarted_chat_moves_to_next_chat(shelf: Shelf) -> None:
    library = shelf.open()
    recorder = library.new_recorder(ChatState(), HERE)
    recorder.draft("unfinished")
    await recorder.close()
    assert await library.recover_draft(HERE) == ""  # who typed it still runs
    await shelf.close()
    with closing(db.open_file(shelf.file).connection) as connection:
        connection.execute("UPDATE drafts SET owner = replace(owner, '|', '|gone')")
    library = shelf.open()
    assert await library.recover_draft(Location("tty1", "/elsewhere")) == ""
    assert await library.recover_draft(HERE) == "unfinished"
    heir = library.new_recorder(STATE, HERE)

    assert await library.recover_draft(HERE) == ""
    assert look(shelf.file, "SELECT chat, text FROM drafts") == [(heir.chat_id, "unfinished")]
    heir.draft("")
    await heir.close()
    assert look(shelf.file, "SELECT count(*) FROM drafts") == [(0,)]


async def test_draft_restored_can_be_cleared(shelf: Shelf) -> None:
    library = shelf.open()
    recorder = await told(library, "hello")
    recorder.draft("and")
    await recorder.close()
    found = await library.resume(recorder.chat_id, HERE)
    assert isinstance(found, Resumed) and found.draft == "and"
    found.recorder.draft("")
    await found.recorder.close()

    found = await library.resume(recorder.chat_id, HERE)
    assert isinstance(found, Resumed) and found.draft == ""


async def test_prompt_history_is_unique_with_this_directory_first(shelf: Shelf) -> None:
    library = shelf.open()
    for text, where in (("ls", "/a"), ("ls", "/a"), ("cat", "/b"), ("ls", "/a"), (" private", "/a"), ("100%", "/b")):
        library.remember(text, Location("", where))
    library.remember("cleared", Location("", "/a"), draft=True)

    found = await library.prompts(directory="/b")
    assert [prompt.text for prompt in found] == ["100%", "cat", "cleared", "ls"]
    assert [prompt.draft for prompt in found] == [False, False, True, False]
    assert [prompt.text for prompt in await library.prompts("0%")] == ["100%"]
