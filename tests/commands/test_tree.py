"""Effects of /tree, /goto, /edit N, /history and /continue on a tree with branches."""

from __future__ import annotations

from typing import Any

import pytest

from termchat.commands.branches.tree import numbered_nodes, tree_branches
from termchat.commands.builtin import builtin
from termchat.commands.registry import CommandContext, Effects, rank_choices
from termchat.core.conversation import ContextMarks, Conversation, Node
from termchat.core.effects import (
    Choose,
    MoveHead,
    Print,
    PrintTree,
    RunCommand,
    Send,
    ShowInPager,
    ShowMessages,
    TreeBranch,
)
from termchat.core.messages import Message, Role, Text, ToolCall, ToolResult, ToolStatus, user_message
from termchat.core.models import ModelRef
from termchat.core.outcomes import Outcome
from termchat.core.sanitize import Safe, safe_format
from termchat.core.session import TurnSettings


def answer_message(text: str) -> Message:
    return Message(Role.ASSISTANT, (Text(text),))


def tool_chat(*results: ToolResult, arguments: str = '{"command": "ls\\u001b -l"}') -> Conversation:
    """A question, calls of run_shell with these results, and an answer."""
    calls = Message(Role.ASSISTANT, tuple(ToolCall(result.call_id, "run_shell", arguments) for result in results))
    conversation = Conversation()
    for node in (
        Node("q", None, user_message("look")),
        Node("c", "q", calls),
        Node("r", "c", Message(Role.TOOL, results)),
        Node("a", "r", answer_message("done")),
    ):
        conversation = conversation.add(node)
    return conversation


def shell_result(*texts: str, **more: Any) -> ToolResult:
    return ToolResult(f"id{len(texts)}", "run_shell", tuple(Text(text) for text in texts), **more)


@pytest.fixture
def tree() -> Conversation:
    """One question, its answer, then two branches; the second has a tool call between question and answer."""
    call = Message(Role.ASSISTANT, (ToolCall("c1", "calculate", "{}"),))
    nodes = [
        Node("q1", None, user_message("first?")),
        Node("a1", "q1", answer_message("one")),
        Node("q2", "a1", user_message("left?")),
        Node("a2", "q2", answer_message("two")),
        Node("q3", "a1", user_message("right?\x1b[31m")),
        Node("c3", "q3", call),
        Node("r3", "c3", Message(Role.TOOL, ())),
        Node("a3", "r3", answer_message("three")),
    ]
    conversation = Conversation()
    for node in nodes:
        conversation = conversation.add(node)
    return conversation


class FakeSession:
    def __init__(self, conversation: Conversation, marks: ContextMarks = ContextMarks()) -> None:  # noqa: B008, a value
        self.conversation = conversation
        self.settings = TurnSettings(ModelRef("fake", "one"), marks=marks)


def run(tree: Conversation, text: str, *, keys: bool = True) -> Effects:
    registry = builtin()
    context = CommandContext(FakeSession(tree), None, registry, keys=keys)  # pyright: ignore[reportArgumentType]
    return registry.run(context, text)


def test_tree_numbers_branches_and_marks_path(tree: Conversation) -> None:
    assert [node.id for node in numbered_nodes(tree)] == ["q1", "a1", "q2", "a2", "q3", "a3"]
    assert tree_branches(tree) == (
        TreeBranch(0, ((Safe("*  1 ❯ first?"), True), (Safe("*  2   one"), True))),
        TreeBranch(1, ((Safe("   3 ❯ left?"), False), (Safe("   4   two"), False))),
        TreeBranch(1, ((Safe("*  5 ❯ right?␛[31m"), True), (Safe("▸  6   three"), True))),
    )


def test_tree_branch_of_tool_calls_alone_adds_no_level() -> None:
    call = Message(Role.ASSISTANT, (ToolCall("c1", "calculate", "{}"),))
    conversation = Conversation()
    for node in (
        Node("q", None, user_message("ask")),
        Node("c", "q", call),
        Node("d", "q", call),
        Node("r", "d", Message(Role.TOOL, ())),
        Node("x", "r", answer_message("one")),
        Node("y", "r", answer_message("two")),
    ):
        conversation = conversation.add(node)
    assert [branch.depth for branch in tree_branches(conversation)] == [0, 1, 1]


def test_goto_moves_to_answer_and_prefills_question(tree: Conversation) -> None:
    assert run(tree, "/goto 4")[0] == MoveHead("a2")
    assert run(tree, "/goto 3")[0] == MoveHead("a1", prefill=user_message("left?"))
    assert isinstance(run(tree, "/goto 9")[0], Print)
    for typed in ("x", "²", "1" * 5000):
        assert isinstance(run(tree, f"/goto {typed}")[0], Print)
        assert isinstance(run(tree, f"/edit {typed}")[0], Print)
        assert isinstance(run(tree, f"/drop {typed}")[0], Print)


@pytest.mark.parametrize("number", range(1, 7))
def test_edit_and_goto_take_the_same_numbers(tree: Conversation, number: int) -> None:
    edited = run(tree, f"/edit {number}")
    is_question = numbered_nodes(tree)[number - 1].message.role is Role.USER
    assert edited == (
        run(tree, f"/goto {number}")
        if is_question
        else (Print(safe_format("/edit takes the number of a question in /tree: 1, 3, 5.")),)
    )


def test_goto_shows_the_turn_where_it_lands(tree: Conversation) -> None:
    assert run(tree, "/goto 6")[-1] == ShowMessages(tree.history("a3")[2:])
    assert run(tree, "/goto 3")[-1] == ShowMessages(tree.history("a1"))
    assert not any(isinstance(effect, ShowMessages) for effect in run(tree, "/goto 1"))


def test_tree_picker_marks_the_head_and_goes_to_the_chosen_message(tree: Conversation) -> None:
    (pick,) = run(tree, "/tree")
    assert isinstance(pick, Choose)
    assert pick.at == 5
    assert [choice.label for choice in pick.choices] == [
        "*  1 ❯ first?", "*  2   one", "   3   ❯ left?", "   4     two", "*  5   ❯ right?␛[31m", "▸  6     three",
    ]  # fmt: skip
    assert [choice.effects for choice in pick.choices] == [(RunCommand(f"/goto {n}"),) for n in range(1, 7)]
    assert rank_choices(pick.choices, "4")[0] == pick.choices[3]


def test_tree_without_menus_prints_all_branches(tree: Conversation) -> None:
    assert run(tree, "/tree", keys=False) == (PrintTree(tree_branches(tree)),)


def test_history_command_shows_current_path_sanitized(tree: Conversation) -> None:
    assert run(tree, "/history") == (ShowInPager("❯ first?\n\none\n\n❯ right?␛[31m\n\nthree"),)  # pyright: ignore


@pytest.mark.parametrize("outcome", ["cut", "stalled", "length", "cancelled"])
def test_continue_resumes_only_interrupted_reply(tree: Conversation, outcome: str) -> None:
    assert isinstance(run(tree, "/continue")[0], Print)
    half = Message(Role.ASSISTANT, (Text("half a"),), outcome=Outcome(outcome))
    assert run(tree.add(Node("h", "a3", half)), "/continue") == (Send("h"),)


def test_redraw_shows_all_messages_of_the_path(tree: Conversation) -> None:
    half = Message(Role.ASSISTANT, (Text("half"),), outcome=Outcome.CUT)
    conversation = tree.add(Node("q4", "a3", user_message("more"))).add(Node("a4", "q4", half))
    assert run(conversation, "/redraw")[1:] == (ShowMessages(conversation.history()),)


@pytest.mark.parametrize(
    ("result", "card"),
    [
        (shell_result("a.txt\n\nb\x1b"), "● run_shell ls␛ -l\n    a.txt\n    b␛"),
        (shell_result("Error: no", is_error=True), "✗ run_shell ls␛ -l\n    no"),
        (
            shell_result("Error: declined", "not now", is_error=True, status=ToolStatus.DECLINED),
            "○ run_shell ls␛ -l · declined\n    not now",
        ),
        (shell_result("x", is_error=True, status=ToolStatus.CANCELLED), "◌ run_shell ls␛ -l · cancelled"),
        (
            shell_result("stopped", is_error=True, status=ToolStatus.TIMED_OUT),
            "⧖ run_shell ls␛ -l · timed out\n    stopped",
        ),
        (shell_result("note", "b", edited='{"command": "pwd"}'), "● run_shell pwd · edited\n    b"),
        (shell_result(""), "● run_shell ls␛ -l"),
    ],
)
def test_history_command_shows_calls_and_results(result: ToolResult, card: str) -> None:
    assert run(tool_chat(result), "/history") == (ShowInPager(Safe(f"❯ look\n\n{card}\n\ndone")),)


def test_history_command_shortens_long_result() -> None:
    long = shell_result("\n".join(map(str, range(30))))
    [shown] = run(tool_chat(shell_result("a", "b"), long), "/history")
    assert isinstance(shown, ShowInPager)
    rows = shown.text.split("\n")
    assert "    … 20 more lines · /tool 2" in rows
    assert [row for row in rows if row.strip().isdigit()] == [f"    {n}" for n in (*range(5), *range(25, 30))]


@pytest.mark.parametrize("argument", ["x", "99", "0"])
def test_tool_command_with_wrong_number_names_the_numbers(argument: str) -> None:
    one, two = shell_result("a"), shell_result("a", "b")
    assert run(tool_chat(one, two), f"/tool {argument}") == (Print(Safe("There are 2 tool calls: /tool 1 to 2.")),)
    assert run(tool_chat(one), f"/tool {argument}") == (Print(Safe("There is 1 tool call: /tool 1.")),)
