"""The toolbox: which tools are offered, how calls are judged, and that what was judged is what runs."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from termchat.core.approval import ApprovalRequest, ApprovalScope, Permit, PreviewKind
from termchat.core.messages import ToolCall, ToolResult, ToolStatus, call_mark
from termchat.tools.policy.rules import Rule, Rules
from termchat.tools.toolbox import Toolbox, ToolboxConfig

ENVIRONMENT = {"PATH": os.environ["PATH"], "HOME": "/nonexistent"}


def toolbox(
    cwd: Path, *, offered: tuple[str, ...] = ("all",), rules: Rules | None = None, approve_all: bool = False
) -> Toolbox:
    config = ToolboxConfig(
        cwd, environment=ENVIRONMENT, offered=offered, rules=rules or Rules(), approve_all=approve_all
    )
    return Toolbox(config)


def call(name: str, **arguments: object) -> ToolCall:
    return ToolCall("id", name, json.dumps(arguments))


async def judged(box: Toolbox, name: str, **arguments: object) -> Permit | ApprovalRequest | ToolResult:
    return await box.judge(call(name, **arguments))


async def run(box: Toolbox, permit: Permit, name: str, **arguments: object) -> ToolResult:
    return await box.run(call(name, **arguments), permit, lambda text: None)


def names(box: Toolbox) -> set[str]:
    return {spec.name for spec in box.specs}


def test_toolbox_offers_reading_tools_unless_others_are_turned_on(tmp_path: Path) -> None:
    box = toolbox(tmp_path, offered=("read",))
    assert names(box) == {"calculate", "current_time", "list_directory", "read_file", "search_files"}
    assert box.offer(["run", "write_file"], on=True) == ""
    assert {"run_shell", "write_file"} <= names(box)
    assert "edit_file" not in names(box)
    assert box.offer(["all"], on=False) == ""
    assert names(box) == set()
    assert box.offer(["run_shel"], on=True) == "run_shel"


async def test_toolbox_call_of_tool_turned_off_says_how_to_turn_it_on(tmp_path: Path) -> None:
    result = await judged(toolbox(tmp_path, offered=("read",)), "run_shell", command="ls")
    assert isinstance(result, ToolResult)
    assert result.is_error
    assert "/tools on run_shell" in result.text


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("read_file", {"path": "a.txt"}),
        ("list_directory", {}),
        ("search_files", {"pattern": "x"}),
        ("calculate", {"expression": "1+1"}),
        ("current_time", {}),
    ],
)
async def test_toolbox_reading_inside_working_directory_runs_at_once(
    tmp_path: Path, name: str, arguments: dict[str, str]
) -> None:
    (tmp_path / "a.txt").write_text("text\n")
    box = toolbox(tmp_path)
    permit = await judged(box, name, **arguments)
    assert isinstance(permit, Permit)
    assert not (await run(box, permit, name, **arguments)).is_error


@pytest.mark.parametrize(
    ("name", "arguments", "rules"),
    [
        ("read_file", {"path": "/etc/hostname"}, ("read_file(/etc/hostname)",)),
        ("write_file", {"path": "a.txt", "text": "new"}, ("write_file(a.txt)",)),
        ("run_shell", {"command": "ls -l"}, ("run_shell(ls)",)),
        ("run_shell", {"command": "ls && id"}, ()),
        ("run_shell", {"command": "python3 -c 1"}, ()),
        ("fetch_url", {"url": "https://example.org/x"}, ("fetch_url(example.org)",)),
    ],
)
async def test_toolbox_other_call_asks_and_offers_exact_rule(
    tmp_path: Path, name: str, arguments: dict[str, str], rules: tuple[str, ...]
) -> None:
    request = await judged(toolbox(tmp_path), name, **arguments)
    assert isinstance(request, ApprovalRequest)
    assert request.rules == rules
    assert bool(request.reason) == (not rules)


async def test_toolbox_rule_for_chat_allows_until_next_chat(tmp_path: Path) -> None:
    box = toolbox(tmp_path)
    assert await box.add_rule("run_shell(ls)", ApprovalScope.CHAT) == ""
    assert isinstance(await judged(box, "run_shell", command="ls"), Permit)
    assert [(row.text, row.saved) for row in box.rules()] == [("run_shell(ls)", False)]
    box.begin_chat()
    assert isinstance(await judged(box, "run_shell", command="ls"), ApprovalRequest)


async def test_toolbox_saved_rule_reaches_file_and_is_removed_from_it(tmp_path: Path) -> None:
    saved: list[tuple[str, bool]] = []

    async def save(rule: str, *, remove: bool) -> str:
        saved.append((rule, remove))
        return ""

    box = Toolbox(ToolboxConfig(tmp_path, environment=ENVIRONMENT, offered=("all",), save_rule=save))
    assert await box.add_rule("run_shell(ls)", ApprovalScope.SAVED) == ""
    box.begin_chat()
    assert isinstance(await judged(box, "run_shell", command="ls"), Permit)
    assert await box.remove_rule("run_shell(ls)") == ""
    assert saved == [("run_shell(ls)", False), ("run_shell(ls)", True)]
    assert isinstance(await judged(box, "run_shell", command="ls"), ApprovalRequest)
    assert await box.remove_rule("run_shell(ls)") == "there is no rule run_shell(ls)"


@pytest.mark.parametrize(
    ("rule", "problem"),
    [
        ("run_shell(ls", "is not a rule"),
        ("run_shel(ls)", "there is no tool run_shel"),
        ("run_shell", "run_shell allows nothing: name a command"),
        ("run_shell(python3 -c x)", "no rule can allow it"),
    ],
)
async def test_toolbox_rule_that_allows_nothing_is_refused(tmp_path: Path, rule: str, problem: str) -> None:
    box = toolbox(tmp_path)
    assert problem in await box.add_rule(rule, ApprovalScope.CHAT)
    assert box.rules() == ()


async def test_toolbox_deny_wins_over_allow_and_approve_all(tmp_path: Path) -> None:
    rules = Rules(deny=(Rule("run_shell", "curl"),), allow=(Rule("run_shell", "curl"),))
    result = await judged(toolbox(tmp_path, rules=rules, approve_all=True), "run_shell", command="curl x")
    assert isinstance(result, ToolResult)
    assert "denies" in result.text


async def test_toolbox_approve_all_runs_what_would_ask(tmp_path: Path) -> None:
    box = toolbox(tmp_path, approve_all=True)
    permit = await judged(box, "run_shell", command="echo $((1+2))")
    assert isinstance(permit, Permit)
    assert permit.by_person
    assert (await run(box, permit, "run_shell", command="echo $((1+2))")).text.strip() == "3"


@pytest.mark.parametrize("path", [".git/hooks/pre-commit", "sub/.git/config", ".envrc", ".vscode/tasks.json", ".env"])
@pytest.mark.parametrize("tool", ["write_file", "edit_file"])
async def test_toolbox_approve_all_leaves_protected_paths_to_a_person(tmp_path: Path, tool: str, path: str) -> None:
    (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / path).write_text("old")
    box = toolbox(tmp_path, approve_all=True, rules=Rules(allow=(Rule(tool), Rule(tool, "/**"))))
    given = {"text": "new"} if tool == "write_file" else {"old": "old", "new": "new"}
    asked = await judged(box, tool, path=path, **given)
    assert isinstance(asked, ApprovalRequest)
    assert (asked.rules, asked.only_person) == ((), True)
    assert "always asks" in asked.reason


async def test_toolbox_approve_all_writes_files_of_a_project(tmp_path: Path) -> None:
    box = toolbox(tmp_path, approve_all=True)
    for path in ("notes.txt", "Makefile", "src/app.py"):
        assert isinstance(await judged(box, "write_file", path=path, text="x"), Permit)


async def test_toolbox_command_allowed_by_rule_runs_without_shell(tmp_path: Path) -> None:
    box = toolbox(tmp_path, rules=Rules(allow=(Rule("run_shell", "echo"),)))
    permit = await judged(box, "run_shell", command="echo 'a  b' \"c\"")
    assert isinstance(permit, Permit)
    assert [argv[1:] for argv in permit.pipeline] == [("a  b", "c")]
    assert (await run(box, permit, "run_shell", command="echo 'a  b' \"c\"")).text.strip() == "a  b c"


async def test_toolbox_request_previews_command_and_diff(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("old\n")
    box = toolbox(tmp_path)
    command = await judged(box, "run_shell", command="make all")
    assert isinstance(command, ApprovalRequest)
    assert (command.kind, command.preview, command.edit_argument) == (PreviewKind.COMMAND, "make all", "command")
    change = await judged(box, "write_file", path="a.txt", text="new\n")
    assert isinstance(change, ApprovalRequest)
    assert change.kind is PreviewKind.DIFF
    assert {"-old", "+new"} <= set(change.preview.split("\n"))


async def test_toolbox_file_changed_after_question_is_not_overwritten(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_text("old\n")
    box = toolbox(tmp_path)
    request = await judged(box, "write_file", path="a.txt", text="new\n")
    assert isinstance(request, ApprovalRequest)
    file.write_text("somebody else's\n")
    approved = Permit(by_person=True, seen=request.permit.seen, path=request.permit.path)
    result = await run(box, approved, "write_file", path="a.txt", text="new\n")
    assert result.is_error
    assert file.read_text() == "somebody else's\n"


@pytest.mark.parametrize("arguments", ['{"command": ', "[]", '"ls"', '{"comand": "ls"}', '{"command": 5}', "\x00"])
async def test_toolbox_malformed_arguments_are_an_error_for_the_model(tmp_path: Path, arguments: str) -> None:
    result = await toolbox(tmp_path).judge(ToolCall("id", "run_shell", arguments))
    assert isinstance(result, ToolResult)
    assert result.is_error


async def test_toolbox_long_result_is_read_on_without_question(tmp_path: Path) -> None:
    box = toolbox(tmp_path, approve_all=True)
    permit = await judged(box, "run_shell", command="seq 1 40000")
    assert isinstance(permit, Permit)
    text = (await run(box, permit, "run_shell", command="seq 1 40000")).text
    file = next(word.rstrip("];,") for word in text.split() if "termchat-results-" in word)
    quiet = toolbox(tmp_path)
    quiet._outputs = box._outputs
    reading = await judged(quiet, "read_file", path=file, first_line=39_000)
    assert isinstance(reading, Permit)
    assert "39500" in (await run(quiet, reading, "read_file", path=file, first_line=39_000)).text
    await box.close()
    assert not Path(file).exists()


async def test_toolbox_long_result_without_temporary_files_is_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    box = toolbox(tmp_path)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "absent"))
    (tmp_path / "long.txt").write_text("word " * 40_000)
    permit = await judged(box, "read_file", path="long.txt")
    assert isinstance(permit, Permit)
    assert not (await run(box, permit, "read_file", path="long.txt")).is_error
    assert "no temporary file can be made" in box._outputs.shorten("x", "y" * 100_000)


PRIVATE = ("127.0.0.1", "[::1]", "localhost", "127.1", "0x7f000001", "169.254.169.254", "10.0.0.1", "[::ffff:10.0.0.1]")


@pytest.mark.parametrize("host", PRIVATE)
@pytest.mark.parametrize("approve_all", [False, True])
async def test_toolbox_fetch_of_private_address_always_asks_a_person(
    tmp_path: Path, host: str, approve_all: bool
) -> None:
    bare = host.strip("[]")
    rules = Rules(allow=(Rule("fetch_url"), Rule("fetch_url", bare)))
    for given in (Rules(), rules):
        asked = await judged(
            toolbox(tmp_path, rules=given, approve_all=approve_all), "fetch_url", url=f"http://{host}:8799/"
        )
        assert isinstance(asked, ApprovalRequest)
        assert (asked.rules, asked.only_person) == ((), True)
        assert "not public, so each fetch from it asks" in asked.reason
        assert asked.permit.seen


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "169.254.169.254"])
async def test_toolbox_adds_no_rule_for_private_address(tmp_path: Path, host: str) -> None:
    box = toolbox(tmp_path)
    assert "is not public" in await box.add_rule(f"fetch_url({host})", ApprovalScope.CHAT)
    assert box.rules() == ()


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("fetch_url", {"url": "https://example.org/x"}),
        ("fetch_url", {"url": "https://Example.org./x"}),
        ("fetch_url", {"url": "http://8.8.8.8/"}),
        ("fetch_url", {"url": "http://[2606:4700::1111]/"}),
        ("read_file", {"path": "/etc/hosts"}),
        ("write_file", {"path": "a.txt", "text": "x"}),
        ("run_shell", {"command": "touch a.txt"}),
        ("run_shell", {"command": "ls | wc -l"}),
        ("run_shell", {"command": "echo 'a;b' '$x'"}),
    ],
)
async def test_toolbox_offered_rules_allow_the_same_call(tmp_path: Path, name: str, arguments: dict[str, str]) -> None:
    box = toolbox(tmp_path)
    asked = await judged(box, name, **arguments)
    assert isinstance(asked, ApprovalRequest) and asked.rules
    for rule in asked.rules:
        assert await box.add_rule(rule, ApprovalScope.CHAT) == ""
    assert isinstance(await judged(box, name, **arguments), Permit)


@pytest.mark.parametrize(
    ("command", "status", "mark"), [("true", ToolStatus.RAN, "●"), ("echo no; exit 3", ToolStatus.FAILED, "✗")]
)
async def test_toolbox_command_with_exit_code_has_failed_without_tool_error(
    tmp_path: Path, command: str, status: ToolStatus, mark: str
) -> None:
    result = await run(toolbox(tmp_path), Permit(by_person=True), "run_shell", command=command)
    assert (result.status, result.is_error, call_mark(result)) == (status, False, mark)
