"""/vs, /adopt, /btw, /fork PROMPT @MODEL and !command as values."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from termchat.commands.branches.tree import tree_branches
from termchat.commands.compare.background import background_fork
from termchat.commands.compare.several_models import split_question
from termchat.commands.compare.shell_line import ShellLine, parse_shell_line
from termchat.commands.registry import CommandContext
from termchat.core.effects import Adopt, AskAside, Choose, Compare, ForkAside
from termchat.core.errors import Failure
from termchat.core.messages import Message, Origin, Role, Text, user_message
from termchat.core.models import ApiProtocol, ModelRef
from termchat.core.outcomes import Outcome
from termchat.core.session import Offer
from tests.commands.test_commands import context, run, two_questions_session, words
from tests.ui.fakes import FAKE, OTHER

WORD = st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=8)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a b", (["a", "b"], "")),
        ("a -- what is it?", (["a"], "what is it?")),
        ("a b -- x -- y", (["a", "b"], "x -- y")),
        ("a --\n  two\nlines", (["a"], "two\nlines")),
        ("-- only", ([], "only")),
        ("  ", ([], "")),
    ],
)
def test_split_question_ends_names_at_two_dashes(text: str, expected: tuple[list[str], str]) -> None:
    assert split_question(text) == expected


@given(st.lists(WORD, max_size=5), st.text(max_size=20))
def test_split_question_returns_names_and_question(names: list[str], question: str) -> None:
    assert split_question(f"{' '.join(names)} -- {question}") == (names, question.strip())


def test_vs_asks_last_question_of_each_model() -> None:
    session = two_questions_session()
    question = session.conversation.head
    assert run("/vs one two", session) == (Compare((FAKE, OTHER), (None, None), question=question or ""),)
    assert run("/vs one -- why?", session) == (Compare((FAKE,), (None,), message=user_message("why?")),)


def test_vs_without_a_question_or_with_an_unknown_model_says_so() -> None:
    assert "-- QUESTION asks one" in words(run("/vs one"))
    assert words(run("/vs one nope", two_questions_session())).startswith("No model of that name.")
    assert "up to 8" in words(run(f"/vs {'one ' * 9}", two_questions_session()))
    assert "/vs needs" in words(run("/vs -- what?"))


def test_vs_completes_the_last_of_several_models() -> None:
    command_context = context(two_questions_session())
    rows = command_context.registry.menu(command_context, "/vs fake/one t")
    assert [row.text for row in rows] == ["/vs fake/one fake/two"]
    assert not command_context.registry.menu(command_context, "/vs fake/one -- t")


def test_adopt_takes_numbers_of_replies_that_exist() -> None:
    session = two_questions_session()
    assert "no reply to adopt" in words(run("/adopt", session))
    answer = session.add(Message(Role.ASSISTANT, (Text("an answer"),)), session.conversation.head)
    session.offer(Offer(1, FAKE))
    session.offer(Offer(2, OTHER, node=answer))
    side = (user_message("by the way"), Message(Role.ASSISTANT, (Text("yes"),)))
    session.offer(Offer(3, FAKE, messages=side))
    assert run("/adopt 2", session) == (Adopt(2),)
    assert words(run("/adopt 1", session)) == "/adopt takes the number of a reply: 2, 3."
    assert words(run("/adopt ²", session)) == "/adopt takes the number of a reply: 2, 3."
    (choose,) = run("/adopt", session)
    assert isinstance(choose, Choose)
    assert [(str(choice.label), str(choice.detail)) for choice in choose.choices] == [
        ("2 fake/two", "an answer"),
        ("3 fake/one", "by the way"),
    ]


def test_btw_asks_aside() -> None:
    assert run("/btw what is it?") == (AskAside(user_message("what is it?")),)
    assert "needs an argument" in words(run("/btw"))
    registry = context().registry
    command = registry.find("btw")
    assert command and command.allowed_while_busy


@pytest.mark.parametrize("argument", ["", "a title", "@two", "mail me@home", "x @", "@two words"])
def test_fork_with_any_other_argument_is_a_title(argument: str) -> None:
    assert background(context(two_questions_session()), argument) is None


def test_fork_with_prompt_and_known_model_runs_in_the_background() -> None:
    command_context = context(two_questions_session())
    assert background(command_context, "try it in Rust @two") == ForkAside(user_message("try it in Rust"), OTHER)
    assert background(command_context, "write to a@b.c @x/y") == ForkAside(
        user_message("write to a@b.c"), ModelRef("x", "y")
    )


@pytest.mark.parametrize("name", ["fake", "nowhere"])
def test_fork_with_name_of_no_or_several_models_is_refused(name: str) -> None:
    assert isinstance(background(context(two_questions_session()), f"try it in Rust @{name}"), Failure)


def background(command_context: CommandContext, argument: str) -> object:
    return background_fork(command_context, argument)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("!git diff", ShellLine("git diff", shared=True)),
        ("!!git diff", ShellLine("git diff", shared=False)),
        ("! ls | wc", ShellLine("ls | wc", shared=True)),
        ("!", ShellLine("", shared=True)),
        ("!!", ShellLine("", shared=False)),
        (" !important", None),
        ("wow!", None),
        ("/model", None),
        ("", None),
    ],
)
def test_shell_line_begins_with_exclamation_mark(text: str, expected: ShellLine | None) -> None:
    assert parse_shell_line(text) == expected


def test_tree_names_the_models_of_replies_beside_each_other() -> None:
    session = two_questions_session()
    question = session.conversation.head
    for ref in (FAKE, OTHER):
        origin = Origin(ref.provider, ApiProtocol.CHAT, ref.model)
        session.add(Message(Role.ASSISTANT, (Text("an answer"),), origin, Outcome.COMPLETE), question)
    rows = [str(words) for branch in tree_branches(session.conversation) for words, _ in branch.lines]
    assert [row.strip("▸* 0123456789") for row in rows] == [
        "❯ first", "one", "❯ second question", "one: an answer", "two: an answer",
    ]  # fmt: skip


def test_fork_completes_the_model_after_an_at_sign() -> None:
    command_context = context(two_questions_session())
    rows = command_context.registry.menu(command_context, "/fork try it @t")
    assert next(row.text for row in rows) == "/fork try it @fake/two"
    assert not command_context.registry.menu(command_context, "/fork a title")
