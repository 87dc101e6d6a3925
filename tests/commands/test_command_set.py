"""Every command that the interface promises exists, has help, and completes its argument."""

from __future__ import annotations

import pytest

from termchat.commands.builtin import builtin
from termchat.commands.registry import Command, CommandContext, file_argument
from termchat.core.messages import Message, Role, Text, ToolCall, ToolResult, user_message
from tests.ui.fakes import FakeProviders, fake_session

COMMANDS = (
    *("help", "keys", "model", "login", "logout", "new", "clear", "chats", "resume", "open", "rename", "retry", "edit"),
    *("undo", "redo", "tree", "goto", "label", "fork", "continue", "drop", "copy", "save", "export", "system", "role"),
    *("set", "think", "tools", "tool", "usage", "budget", "context", "compact", "theme", "multiline", "history"),
    *("redraw", "vs", "adopt", "btw", "incognito", "attach", "error", "doctor", "exit", "quit"),
)
FREE_TEXT = frozenset(("chats", "btw"))  # words that nothing can complete
COMPLETED = (
    ("/model tw", "/model fake/two"),
    ("/retry tw", "/retry fake/two"),
    ("/vs fake/one tw", "/vs fake/one fake/two"),
    ("/edit ", "/edit 1"),
    ("/goto 2", "/goto 2"),
    ("/label ", "/label 2 off"),
    ("/tree par", "/tree parting"),
    ("/drop ", "/drop 2"),
    ("/context d", "/context drop"),
    ("/context pin ", "/context pin 2"),
    ("/compact k", "/compact keep"),
    ("/tool ", "/tool 1"),
    ("/copy ", "/copy 1"),
    ("/save code ", "/save code 1"),
    ("/export ", "/export chat.md"),
    ("/system n", "/system none"),
    ("/rename ", "/rename rain"),
    ("/incognito o", "/incognito off"),
    ("/budget d", "/budget day"),
    ("/doctor ", "/doctor full"),
    ("/help re", "/help retry"),
    ("/clear", "/new"),
    ("/resume", "/chats"),
)


def context() -> CommandContext:
    """A chat with a call, a code block and a label."""
    session = fake_session()
    call = ToolCall("id1", "look", '{"city": "Bonn"}')
    at = None
    for message in (
        user_message("weather?"),
        Message(Role.ASSISTANT, (call,)),
        Message(Role.TOOL, (ToolResult("id1", "look", (Text("rain"),)),)),
        Message(Role.ASSISTANT, (Text("it rains\n\n```sh\nexit\n```"),)),
    ):
        at = session.add(message, at)
    assert at
    session.label(at, "parting")
    session.rename("rain")
    return CommandContext(session, FakeProviders(), builtin())


@pytest.mark.parametrize("name", COMMANDS)
def test_command_exists_with_help_and_completion(name: str) -> None:
    made = context()
    command = made.registry.find(name)
    assert isinstance(command, Command) and name in (command.name, *command.aliases)
    assert command.help and (command.details or command.argument == "" or command.complete)
    completes = command.complete or file_argument(f"/{command.name} ")
    assert not command.argument or completes or command.name in FREE_TEXT
    assert made.registry.menu(made, f"/{name}")[0].text.strip() == f"/{command.name}"  # an exact name always wins


def test_command_set_has_no_command_without_a_row() -> None:
    assert {command.name for command in builtin().commands} <= set(COMMANDS)


@pytest.mark.parametrize(("typed", "first"), COMPLETED)
def test_menu_completes_argument_of_command(typed: str, first: str) -> None:
    made = context()
    assert made.registry.menu(made, typed)[0].text.strip() == first


def test_menu_rows_of_free_text_wait_for_tab() -> None:
    made = context()
    rows = {
        typed: made.registry.menu(made, typed)[0].by_tab for typed in ("/rename r", "/tree p", "/system n", "/copy ")
    }
    assert rows == {"/rename r": True, "/tree p": True, "/system n": True, "/copy ": False}


@pytest.mark.parametrize(
    ("typed", "at"), [("/open c", 6), ("/attach ", 8), ("/system @a", 9), ("/system a", 0), ("", 0)]
)
def test_file_argument_is_offset_of_file_name(typed: str, at: int) -> None:
    assert file_argument(typed) == at


TYPED_WINS = (
    # a model that no list has
    "/model fake/tw",
    "/retry fake/t",
    "/vs fake/two fake/o",
    "/fork tell me @fake/t",
    # a number is not the beginning of another one
    "/drop 1",
    "/context drop 1",
    "/label 1",
    # any text is a label
    "/label o",
)


def branched() -> CommandContext:
    """A chat whose first two messages are not on the branch of the others, with a label on the last."""
    session = fake_session()
    session.add(Message(Role.ASSISTANT, (Text("hello"),)), session.add(user_message("hi"), None))
    at = None
    for number in range(10):
        at = session.add(user_message(f"number {number}"), at)
    assert at
    session.label(at, "last")
    return CommandContext(session, FakeProviders(), builtin())


@pytest.mark.parametrize("typed", TYPED_WINS)
def test_enter_takes_the_argument_that_was_typed(typed: str) -> None:
    made = branched()
    found = made.registry.menu(made, typed)
    assert found[0].text.startswith(typed) and found[0].text != typed
    assert found[0].by_tab


def test_enter_completes_an_argument_that_means_nothing_as_typed() -> None:
    made = context()
    for typed in ("/budget o", "/help retr", "/doctor f", "/incognito o", "/export chat"):
        assert not made.registry.menu(made, typed)[0].by_tab, typed
