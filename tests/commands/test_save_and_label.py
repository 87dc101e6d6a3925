"""/save, /label, /tree WORDS and the folded tree."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from termchat.commands.branches.tree import numbered_nodes, tree_branches
from termchat.commands.builtin import builtin
from termchat.commands.registry import CommandContext
from termchat.core.conversation import Conversation, Node
from termchat.core.effects import ChatEffect, Choose, Effect, Print, RunCommand
from termchat.core.messages import Message, Role, Text, user_message
from termchat.ui.chat_effects import run_chat_effect
from tests.ui.fakes import FakeProviders, fake_session

ANSWER = "Two blocks:\n\n```py\nx = 1\n```\n\n```\n茶壶\n```\n"


@pytest.fixture
def context() -> CommandContext:
    """A chat with a branch: one -> (left -> left answer | right -> right answer), the head at the right answer."""
    session = fake_session()
    nodes = (
        ("q1", None, user_message("one?")),
        ("a1", "q1", Message(Role.ASSISTANT, (Text("first"),))),
        ("q2", "a1", user_message("left?")),
        ("a2", "q2", Message(Role.ASSISTANT, (Text("a kettle"),))),
        ("q3", "a1", user_message("right?")),
        ("a3", "q3", Message(Role.ASSISTANT, (Text(ANSWER),))),
    )
    for name, parent, message in nodes:
        session.conversation = session.conversation.add(Node(name, parent, message))
    return CommandContext(session, FakeProviders(), builtin())


async def run(context: CommandContext, line: str) -> str:
    """Run a command with its effects on chat and files; return what it prints, and the titles of its pickers."""
    return await perform(context, context.registry.run(context, line))


async def perform(context: CommandContext, effects: Sequence[Effect]) -> str:
    words: list[str] = []
    for effect in effects:
        if isinstance(effect, Print):
            words.append(effect.words)
        elif isinstance(effect, Choose):
            words.append(f"[{effect.title}]")
        elif isinstance(effect, ChatEffect):
            words.append(await perform(context, await run_chat_effect(context.session, effect)))
    return "\n".join(filter(None, words))


def picker(context: CommandContext, line: str) -> Choose:
    (effect,) = context.registry.run(context, line)
    assert isinstance(effect, Choose)
    return effect


@pytest.mark.parametrize(
    ("line", "text", "what"),
    [
        ("/save {file}", ANSWER, "the last answer"),
        ("/save 1 {file}", "one?\n", "message 1"),
        ("/save code {file}", "x = 1\n", "code block 1"),
        ("/save code 2 {file}", "茶壶\n", "code block 2"),
    ],
)
async def test_save_writes_part_to_new_private_file(
    context: CommandContext, tmp_path: Path, line: str, text: str, what: str
) -> None:
    file = tmp_path / "a file.md"
    words = await run(context, line.format(file=file))
    assert file.read_text("utf-8") == text
    assert words.startswith(f"Wrote {what} to {file} (")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == [file.name]


async def test_save_writes_file_with_longest_name(context: CommandContext, tmp_path: Path) -> None:
    file = tmp_path / ("名" * 85)  # 255 bytes
    assert (await run(context, f"/save {file}")).startswith("Wrote the last answer to ")
    assert file.read_text("utf-8") == ANSWER


async def test_save_asks_before_it_overwrites(context: CommandContext, tmp_path: Path) -> None:
    file = tmp_path / "notes.md"
    file.write_text("mine")
    file.chmod(0o644)
    (save,) = context.registry.run(context, f"/save {file}")
    assert isinstance(save, ChatEffect)
    (question,) = await run_chat_effect(context.session, save)
    assert isinstance(question, Choose)
    keep, overwrite = question.choices
    assert await perform(context, keep.effects) == f"{file} was not written."
    assert file.read_text() == "mine"
    assert "Wrote the last answer" in await perform(context, overwrite.effects)
    assert (file.read_text("utf-8"), stat.S_IMODE(file.stat().st_mode)) == (ANSWER, 0o644)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("/save 3", "Write /save FILE, /save N FILE or /save code N FILE."),
        ("/save code", "Write /save FILE, /save N FILE or /save code N FILE."),
        ("/save 99 x.md", "There is no message 99; /tree shows the numbers."),
        ("/save code 3 x.md", "The last answer has 2 code blocks."),
        ("/save /", "Cannot write /: is a directory."),
        ("/save /no/such/folder/x", "Cannot write /no/such/folder/x: no such file or directory."),
        ("/save /no\0name", "Cannot write /no␀name: embedded null byte."),
    ],
)
async def test_save_that_cannot_be_done_says_why(context: CommandContext, line: str, words: str) -> None:
    assert await run(context, line) == words


async def test_save_into_full_folder_leaves_nothing(context: CommandContext, tmp_path: Path) -> None:
    file = tmp_path / ("x" * (os.pathconf(tmp_path, "PC_NAME_MAX") + 1))
    assert "file name too long" in await run(context, f"/save {file}")
    assert list(tmp_path.iterdir()) == []


async def test_label_names_head_or_message_and_off_removes_it(context: CommandContext) -> None:
    assert await run(context, "/label") == "No message has a label; /label TEXT names the last one."
    assert await run(context, "/label the  answer") == 'Message 6 is labelled "the answer".'
    assert await run(context, "/label 1 start") == 'Message 1 is labelled "start".'
    assert await run(context, f"/label 1 {'x' * 61}") == "A label has at most 60 characters, not 61."
    assert context.session.conversation.labels == {"a3": "the answer", "q1": "start"}
    assert [(c.label, c.effects) for c in picker(context, "/label").choices] == [
        ("start", (RunCommand("/goto 1"),)),
        ("the answer", (RunCommand("/goto 6"),)),
    ]
    rows = [line for branch in tree_branches(context.session.conversation) for line, _ in branch.lines]
    assert "[start] one?" in rows[0]
    assert "[the answer] Two blocks" in rows[-1]
    assert await run(context, "/label off") == 'The label "the answer" of message 6 is removed.'
    assert await run(context, "/label off") == "Message 6 has no label."
    assert await run(context, "/label 9 x") == (
        "Write /label TEXT, or /label N TEXT with a number from 1 to 6; /tree shows them."
    )
    assert await run(context, "/label 1") == (
        "Write /label TEXT, or /label N TEXT with a number from 1 to 6; /tree shows them."
    )
    assert [item.text for item in context.registry.menu(context, "/label ")] == ["/label 1 off"]


def test_label_without_messages_says_so() -> None:
    empty = CommandContext(fake_session(), FakeProviders(), builtin())
    (effect,) = empty.registry.run(empty, "/label x")
    assert effect == Print(effect.words) and "no message to label" in effect.words  # type: ignore[union-attr]


async def test_tree_with_words_shows_messages_and_labels_that_contain_them(context: CommandContext) -> None:
    await run(context, "/label 4 teapot")
    assert [choice.name for choice in picker(context, "/tree KETTLE a").choices] == ["4"]
    assert [choice.name for choice in picker(context, "/tree teapot").choices] == ["4"]
    assert [choice.name for choice in picker(context, "/tree ?").choices] == ["1", "3", "5"]
    assert await run(context, "/tree coffee") == "No message of this chat contains coffee."


async def test_tree_folds_branches_that_head_is_not_on(context: CommandContext) -> None:
    shown = picker(context, "/tree")
    assert [(choice.name, choice.detail) for choice in shown.folded] == [
        ("1", ""), ("2", ""), ("3", "1 more"), ("5", ""), ("6", ""),
    ]  # fmt: skip
    await run(context, "/label 4 kept")
    assert picker(context, "/tree").folded == ()


@given(st.lists(st.integers(0, 9), min_size=1, max_size=12), st.integers(0, 11), st.sets(st.integers(0, 11)))
def test_folded_tree_keeps_path_labels_and_one_row_of_each_branch(
    parents: list[int], head: int, labelled: set[int]
) -> None:
    tree = Conversation()
    for n, parent in enumerate(parents):
        tree = tree.add(Node(str(n), str(parent % n) if n else None, user_message(f"m{n}")))
    tree = tree.move(str(head % len(parents)))
    for n in labelled & set(range(len(parents))):
        tree = tree.label(str(n), "x")
    session = fake_session()
    session.conversation = tree
    shown = picker(CommandContext(session, FakeProviders(), builtin()), "/tree")
    if not shown.folded:
        return
    names = {choice.name for choice in shown.folded}
    numbers = {str(n): node.id for n, node in enumerate(numbered_nodes(tree), 1)}
    kept = {numbers[name] for name in names}
    assert {node.id for node in tree.path()} | set(tree.labels) <= kept
    assert len(shown.folded) < len(shown.choices)
