"""Slash commands and the effects they return."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from termchat.commands.builtin import builtin
from termchat.commands.registry import (
    CommandContext,
    CommandGroup,
    CommandRegistry,
    Effects,
    is_command,
    normalise,
    rank_matches,
    unescape_slash,
)
from termchat.core.effects import (
    Choose,
    Completion,
    ListModels,
    MoveHead,
    NewChat,
    Print,
    PrintTable,
    Quit,
    RunCommand,
    Send,
    ShowInPager,
    UseModel,
)
from termchat.core.errors import Failure
from termchat.core.messages import Message, Role, Text, ToolCall, ToolResult, user_message
from termchat.core.models import ModelRef
from termchat.core.sanitize import safe_format
from termchat.core.session import ModelUsage
from termchat.core.usage import Usage
from termchat.engine.session import ChatSession
from tests.ui.fakes import FAKE, OTHER, FakeProviders, fake_session


def context(session: ChatSession | None = None) -> CommandContext:
    return CommandContext(session or fake_session(), FakeProviders(), builtin())


def run(text: str, session: ChatSession | None = None) -> Effects:
    command_context = context(session)
    return command_context.registry.run(command_context, text)


def words(effects: Effects) -> str:
    return "\n".join(effect.words for effect in effects if isinstance(effect, Print))


def two_questions_session() -> ChatSession:
    session = fake_session()
    question = session.add(user_message("first"), None)
    answer = session.add(Message(Role.ASSISTANT, (Text("one"),)), question)
    session.add(user_message("second question"), answer)
    return session


def test_model_command_matches_part_of_name() -> None:
    effects = run("/model two", two_questions_session())
    assert effects[0] == UseModel(OTHER)
    assert words(effects) == "→ fake/two"


class _Longer(FakeProviders):
    """Knows a model whose name begins with that of one it does not list."""

    def known_models(self) -> Sequence[ModelRef]:
        return [ModelRef("fake", "mini-2"), ModelRef("fake", "mini-3")]

    def resolve(self, name: str) -> ModelRef | Failure:
        return ModelRef.parse(name) or super().resolve(name)


def test_model_command_takes_typed_name_and_names_a_listed_one() -> None:
    made = CommandContext(fake_session(), _Longer(), builtin())
    effects = made.registry.run(made, "/model fake/mini")
    assert effects[0] == UseModel(ModelRef("fake", "mini"))
    assert words(effects) == "→ fake/mini\nfake/mini is in no list; /model fake/mini-2 takes a listed one."
    assert words(made.registry.run(made, "/model fake/mini-2")) == "→ fake/mini-2"


def test_model_command_without_argument_lists_models() -> None:
    assert run("/model") == (ListModels(),)
    assert run("/model fake/") == (ListModels("fake/"),)


def test_model_command_unknown_name_hints_next_step() -> None:
    assert words(run("/model nope")) == "No model of that name.\nTry /model."


def test_retry_resends_last_question_to_chosen_model() -> None:
    session = two_questions_session()
    question = session.conversation.head
    assert run("/retry", session) == (Send(question),)
    assert run("/retry two", session) == (Send(question, model=OTHER),)
    assert words(run("/retry")) == "No question has been asked yet."


def test_undo_moves_before_question_and_prefills_it() -> None:
    session = two_questions_session()
    effects = run("/undo", session)
    question = session.conversation.last_question()
    assert question is not None
    assert effects[0] == MoveHead(question.parent, prefill=question.message)


def test_new_and_exit_have_aliases() -> None:
    assert NewChat() in run("/new")
    assert NewChat() in run("/clear")
    assert run("/exit") == run("/quit") == run("/q") == (Quit(),)


def test_usage_command_prints_table_with_total() -> None:
    session = fake_session()
    assert words(run("/usage", session)) == "No usage yet."
    session._totals = {FAKE: ModelUsage(2, Usage(1200, 34)), OTHER: ModelUsage(1, Usage(10, 5), None, 1)}
    (table,) = run("/usage", session)
    assert isinstance(table, PrintTable)
    assert [row[0] for row in table.rows] == ["fake/one", "fake/two", "total"]
    assert table.rows[0][2] == "1,200"
    assert [row[-1] for row in table.rows] == ["", "unpriced", "$0 + 1 unpriced"]


def test_usage_command_shows_why_prompt_cache_was_missed() -> None:
    session = fake_session()
    session._totals = {FAKE: ModelUsage(1, Usage(10, 5, cache_miss="tools_changed")), OTHER: ModelUsage(1, Usage(1, 1))}
    assert words(run("/usage", session)).endswith("fake/one missed its prompt cache: tools changed.")


def test_help_lists_every_command_and_describes_one() -> None:
    listed = next(effect for effect in run("/help") if isinstance(effect, PrintTable))
    assert len(listed.rows) == len(builtin().commands)
    assert "also /m" in words(run("/help model"))
    assert "Did you mean /model?" in words(run("/help modl"))
    assert "Did you mean" not in words(run("/help bogus"))


@pytest.mark.parametrize(("typed", "suggestion"), [("/modl", "/model"), ("/retyr", "/retry"), ("/exti", "/exit")])
def test_unknown_command_suggests_nearest_name(typed: str, suggestion: str) -> None:
    assert words(run(typed)) == f"No command {typed}. Did you mean {suggestion}?"


def test_menu_matches_prefix_alias_and_letters() -> None:
    command_context = context()
    assert next(item.text for item in command_context.registry.menu(command_context, "/m")) == "/model"
    assert next(item.text for item in command_context.registry.menu(command_context, "/qu")) == "/exit"
    assert "/retry" in [item.text for item in command_context.registry.menu(command_context, "/rty")]
    assert command_context.registry.menu(command_context, "hello") == ()
    assert command_context.registry.menu(command_context, "//x") == ()
    assert next(item.text for item in command_context.registry.menu(command_context, "／mod")) == "/model"


def test_menu_completes_arguments() -> None:
    command_context = context()
    assert [item.text for item in command_context.registry.menu(command_context, "/model tw")] == ["/model fake/two"]
    assert "/help retry" in [item.text for item in command_context.registry.menu(command_context, "/help re")]


def test_double_slash_escapes_command() -> None:
    assert not is_command("//etc/hosts what is it")
    assert unescape_slash("//etc") == "/etc"
    assert unescape_slash("/etc") == "/etc"
    assert is_command("/help")


def test_registry_extend_keeps_builtin_command() -> None:
    family = CommandGroup()

    @family.command("model", safe_format("mine"))
    def mine(context: CommandContext, argument: str) -> Effects:
        return ()

    registry = builtin()
    registry.extend(family.commands)
    found = registry.find("model")
    assert found is not None
    assert found.help != "mine"
    assert isinstance(registry, CommandRegistry)


def test_edit_offers_newest_message_first_and_redo_moves_forward() -> None:
    session = two_questions_session()
    (pick,) = run("/edit", session)
    assert isinstance(pick, Choose)
    assert [choice.label for choice in pick.choices] == ["second question", "first"]
    assert [choice.effects for choice in pick.choices] == [(RunCommand("/edit 3"),), (RunCommand("/edit 1"),)]
    head = session.conversation.head
    session.move_head(None)
    assert MoveHead(head) in run("/redo", session)
    session.move_head(head)
    assert words(run("/redo", session)) == "There is nothing to redo."


def test_tool_command_shows_call_by_number() -> None:
    session = fake_session()
    question = session.add(user_message("q"), None)
    call = ToolCall("c1", "echo", '{"text": "hi"}')
    asked = session.add(Message(Role.ASSISTANT, (call,)), question)
    session.add(Message(Role.TOOL, (ToolResult("c1", "echo", (Text("row 0"),)),)), asked)
    assert run("/tool 1", session) == (ShowInPager(safe_format('echo {{"text": "hi"}}\n\nrow 0')),)
    assert run("/tool", session) == run("/tool 1", session)
    assert words(run("/tool 2", session)) == "There is 1 tool call: /tool 1."
    assert words(run("/tool")) == "No tool has been called yet."


@pytest.mark.parametrize(
    ("typed", "command"),
    [
        ("/ㅡㅐㅇ디", "/model"), ("／ㅗ디ㅔ", "/help"), ("/もらしいり 中", "/model 中"), ("／help", "/help"),
        ("/new", "/new"), ("말 /ㅡ", "말 /ㅡ"), ("/中文", "/中文"),
    ],
)  # fmt: skip
def test_command_typed_with_active_input_method_is_recognised(typed: str, command: str) -> None:
    assert normalise(typed) == command


async def test_error_command_shows_details_of_last_failure() -> None:
    session = fake_session()
    assert words(run("/error", session)) == "No errors yet."
    for question in ("cut", "refuse", "hello"):
        async for _ in session.send(session.add(user_message(question), session.conversation.head)).events():
            pass
        if question == "cut":
            assert words(run("/error", session)) == "The stream ended before its end. There are no further details."
    (page,) = run("/error", session)
    assert isinstance(page, ShowInPager)
    assert (
        page.text
        == """Fake refused the key (401).
Set FAKE_KEY.

host        api.fake
model       one
status      401
request id  req_7f

Server message:

{"error": "bad key"}"""
    )


@pytest.mark.parametrize(
    ("text", "private"),
    [
        ("/incognito", True),
        ("/INCOGNITO\nsecret", True),
        ("/incognito secret", True),
        ("/new", False),
        ("incognito", False),
    ],
)
def test_registry_is_private_for_incognito_and_the_text_after_it(text: str, *, private: bool) -> None:
    assert builtin().is_private(text) is private


def test_rank_matches_puts_exact_name_first_and_unusable_last() -> None:
    names = [Completion("openai/x-2"), Completion("openai/x"), Completion("off/x", usable=False), Completion("my/xy")]
    assert [c.text for c in rank_matches(names, "openai/x")] == ["openai/x", "openai/x-2"]
    assert [c.text for c in rank_matches(names, "x")] == ["openai/x-2", "openai/x", "my/xy", "off/x"]
    assert rank_matches(names, "off/x")[0].text == "off/x"
    assert [c.text for c in rank_matches(names, "")][-1] == "off/x"
