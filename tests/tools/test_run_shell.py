"""The tool `run_shell`: permits, plans and the words of its results."""

from __future__ import annotations

import ast
import asyncio
import os
import shutil
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from termchat.core.approval import Permit, PreviewKind, ToolEffect
from termchat.core.messages import ToolStatus
from termchat.tools.builtin.run_shell import LONGEST_COMMAND, plan_command, run_shell
from termchat.tools.process import run_command as module
from termchat.tools.process.process_limits import PROCESSES, memory_limit
from termchat.tools.process.sandbox import Sandbox, detect_sandbox, sandbox_words
from termchat.tools.registry import FailedOutput, Plan, Subject, ToolContext, ToolError

ARGV = str(Path(shutil.which("python3") or sys.executable).resolve())
PRINT_ARGV = (ARGV, "-c", "import sys; print(sys.argv[1:])")


@pytest.fixture(params=["sandboxed", "not sandboxed"])
async def sandbox(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Run with the sandbox of this system, if it has one, and without."""
    if request.param == "not sandboxed":

        async def none() -> None:
            return None

        monkeypatch.setattr(module, "detect_sandbox", none)
    elif await detect_sandbox() is None:
        pytest.skip("bubblewrap is missing or the system forbids its namespaces")
    return request.param


def context(cwd: Path, permit: Permit | None = None, **environment: str) -> ToolContext:
    home = {"PATH": os.environ["PATH"], "HOME": "/nonexistent"}
    return ToolContext(
        cwd,
        permit=permit or Permit(by_person=True),
        environment={**home, **environment},
        outputs=cwd.parent / "outputs",
    )


@pytest.fixture
def cwd(tmp_path: Path) -> Path:
    (tmp_path / "project").mkdir()
    return tmp_path / "project"


async def run(given: ToolContext, command: str, timeout: int = 60, network: bool = False) -> str | ToolError:
    answer = await run_shell.function(given, command, timeout, network)
    assert isinstance(answer, str | ToolError)
    return answer


def test_tool_declares_effect_subject_and_schema() -> None:
    assert run_shell.effect is ToolEffect.RUN
    assert (run_shell.subject, run_shell.subject_argument) == (Subject.COMMAND, "command")
    assert run_shell.spec.parameters["required"] == ["command"]
    assert list(run_shell.spec.parameters["properties"]) == ["command", "timeout", "network"]


async def test_plan_shows_command_directory_and_sandbox(cwd: Path, sandbox: str) -> None:
    plan = await plan_command(context(cwd, HOME=str(cwd.parent)), {"command": "ls | wc", "timeout": 5, "network": True})
    state = "sandboxed · network" if sandbox == "sandboxed" else "not sandboxed"
    assert isinstance(plan, Plan)
    assert (plan.preview, plan.kind, plan.edit_argument) == ("ls | wc", PreviewKind.COMMAND, "command")
    assert plan.facts == ("in ~/project", state)


async def test_plan_has_no_effect(cwd: Path) -> None:
    await plan_command(context(cwd), {"command": "touch made"})
    assert list(cwd.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"command": " \n"}, "empty"),
        ({"command": "ls\0id"}, "NUL"),
        ({"command": "x" * (LONGEST_COMMAND + 1)}, "longer than"),
        ({"command": "ls", "timeout": 0}, "timeout must be from 1"),
        ({"command": "ls", "timeout": 99999}, "timeout must be from 1"),
    ],
)
async def test_bad_arguments_are_refused_before_and_after_approval(
    cwd: Path, arguments: dict[str, object], words: str
) -> None:
    for answer in (await plan_command(context(cwd), arguments), await run_shell.function(context(cwd), **arguments)):
        assert isinstance(answer, ToolError) and words in answer.words


async def test_command_without_permit_runs_nothing(cwd: Path, sandbox: str) -> None:
    answer = await run(context(cwd, Permit()), "touch made")
    assert isinstance(answer, ToolError) and "approval" in answer.words
    assert list(cwd.iterdir()) == []


async def test_approved_text_runs_as_whole_in_bash(cwd: Path, sandbox: str) -> None:
    command = "x=1; for n in 1 2; do echo $((n + x)); done | tac; [[ $BASH_VERSION ]] && echo bash; pwd -P"
    assert await run(context(cwd), command) == f"3\n2\nbash\n{cwd.resolve()}"


@settings(max_examples=25)
@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12), max_size=5))
async def test_pipeline_runs_exactly_its_argv(words: list[str]) -> None:
    permit = Permit(pipeline=((*PRINT_ARGV, *words), ("cat",)))
    with tempfile.TemporaryDirectory() as folder:
        answer = await run(context(Path(folder), permit), "the text of the model; touch made")
        assert ast.literal_eval(str(answer)) == words  # the other Python may escape other characters
        assert not os.listdir(folder)


async def test_pipeline_gets_environment_of_permit(cwd: Path, sandbox: str) -> None:
    permit = Permit(pipeline=(("printenv", "A", "B", "TERM"),), environment={"A": "from the rule"})
    assert await run(context(cwd, permit, A="1", B="2", MY_TOKEN="secret"), "x") == "from the rule\n2\ndumb"


async def test_pipeline_of_rule_gets_no_network(cwd: Path) -> None:
    if await detect_sandbox() is None:
        pytest.skip("bubblewrap is missing or the system forbids its namespaces")
    permit = Permit(pipeline=(("cat", "/proc/net/dev"),))
    answer = await run(context(cwd, permit), "x", network=True)
    assert isinstance(answer, str) and "eth" not in answer and "lo:" in answer
    assert answer.endswith("[no network: only the user can allow it]")


async def test_rule_reads_no_secret_in_working_directory(cwd: Path) -> None:
    if await detect_sandbox() is None:
        pytest.skip("bubblewrap is missing or the system forbids its namespaces")
    (cwd / "sub").mkdir()
    for name in (".env", "sub/.env.local", "sub/server.key", ".env.example"):
        (cwd / name).write_text("WORD\n")
    (cwd / "link").symlink_to(".env")
    grep = ("grep", "-rhs", "WORD", ".", "link")
    assert await run(context(cwd, Permit(pipeline=(grep,))), "x") == "WORD\n[exit code 2]"
    assert await run(context(cwd), "cat .env") == "WORD"


async def test_changed_conditions_run_nothing(cwd: Path) -> None:
    plan = await plan_command(context(cwd), {"command": "touch made"})
    assert isinstance(plan, Plan)
    permit = Permit(by_person=True, seen=plan.seen)
    answer = await run(context(cwd, permit), "touch made", network=True)
    sandboxed = await detect_sandbox() is not None
    assert isinstance(answer, ToolError) is sandboxed
    assert (cwd / "made").exists() is not sandboxed
    assert await run(context(cwd, permit), "echo out") == "out"


@pytest.mark.parametrize(
    ("command", "result"),
    [
        ("true", "[no output]"),
        ("echo out; exit 3", "out\n[exit code 3]"),
        ("printf out; false", "out\n[exit code 1]"),
        ("sh -c 'kill -9 $$'; exit $?", "[exit code 137: ended by signal 9]"),
        ("no-such-program-here 2>/dev/null", "[no output]\n[exit code 127]"),
    ],
)
async def test_result_tells_end(cwd: Path, sandbox: str, command: str, result: str) -> None:
    answer = await run(context(cwd), command)
    assert isinstance(answer, str) and answer.endswith(result)
    assert isinstance(answer, FailedOutput) is (command != "true")


async def test_result_tells_signal(cwd: Path, sandbox: str) -> None:
    answer = await run(context(cwd), "echo out; kill -KILL $$")
    assert isinstance(answer, str) and "ended by signal 9]" in answer and answer.startswith("out\n")


async def test_result_tells_failed_process_within_pipeline(cwd: Path, sandbox: str) -> None:
    permit = Permit(pipeline=(("sh", "-c", "exit 4"), ("yes",), ("head", "-n", "1")))
    assert await run(context(cwd, permit), "x") == "y\n[exit code 4 of process 1 in the pipeline]"


async def test_timeout_is_an_error_with_output_so_far(cwd: Path, sandbox: str) -> None:
    answer = await run(context(cwd), "echo out; sleep 600", timeout=1)
    assert isinstance(answer, ToolError) and answer.status is ToolStatus.TIMED_OUT
    assert answer.words.startswith("[stopped after 1 s") and answer.words.endswith("\nout")


async def test_output_limit_names_itself(cwd: Path, sandbox: str) -> None:
    answer = await run(context(cwd), "yes")
    assert isinstance(answer, ToolError)
    assert answer.words.startswith("[stopped at the limit of 16 MB of output]\ny\n")
    (file,) = (cwd.parent / "outputs").iterdir()
    assert file.stat().st_size == 16_000_000
    assert f"the whole is in {file}]" in answer.words


async def test_output_is_live(cwd: Path, sandbox: str) -> None:
    live: list[str] = []
    await run(replace(context(cwd), output=live.append), "echo one; echo two >&2")
    assert "".join(live) == "one\ntwo\n"


async def test_gone_working_directory_is_told(cwd: Path, sandbox: str) -> None:
    cwd.rmdir()
    for answer in (await plan_command(context(cwd), {"command": "ls"}), await run(context(cwd), "ls")):
        assert answer == ToolError(f"the working directory is gone: {cwd}")


async def test_command_that_removes_working_directory_gets_its_result(cwd: Path, sandbox: str) -> None:
    answer = await run(context(cwd), 'rm -rf "$PWD"; echo out')
    assert isinstance(answer, str) and answer.endswith("out")
    assert cwd.exists() is (sandbox == "sandboxed")


async def test_program_that_cannot_start_is_an_error(cwd: Path, sandbox: str) -> None:
    answer = await run(context(cwd, Permit(pipeline=(("/no/such/program",),))), "x")
    assert isinstance(answer, ToolError if sandbox == "not sandboxed" else str)
    assert "/no/such/program" in (answer.words if isinstance(answer, ToolError) else answer)


async def test_sandbox_that_cannot_start_runs_nothing(cwd: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = cwd.parent / "bwrap"
    broken.write_text("#!/bin/sh\necho 'bwrap: No permissions to create new namespace' >&2\nexit 1\n")
    broken.chmod(0o755)

    async def detect() -> Sandbox:
        return Sandbox(str(broken))

    monkeypatch.setattr(module, "detect_sandbox", detect)
    answer = await run(context(cwd), "touch made")
    assert isinstance(answer, ToolError)
    assert answer.words == ("the command did not start in the sandbox: bwrap: No permissions to create new namespace")
    assert list(cwd.iterdir()) == []


async def test_calls_run_side_by_side(cwd: Path, sandbox: str) -> None:
    other = "while [ ! -e first ]; do sleep 0.01; done; touch second"
    command = "touch first; while [ ! -e second ]; do sleep 0.01; done; echo met"
    answers = await asyncio.gather(run(context(cwd), command), run(context(cwd), other))
    assert answers == ["met", "[no output]"]
    assert sorted(path.name for path in cwd.iterdir()) == ["first", "second"]


def test_sandbox_words_say_which_holds() -> None:
    assert sandbox_words(Sandbox("/x"), network=False) == "sandboxed · no network"
    assert sandbox_words(Sandbox("/x"), network=True) == "sandboxed · network"
    assert sandbox_words(None, network=True) == "not sandboxed"


async def test_sandboxed_program_has_limits(cwd: Path) -> None:
    if await detect_sandbox() is None:
        pytest.skip("bubblewrap is missing or the system forbids its namespaces")
    answer = await run(context(cwd), "cat /proc/self/oom_score_adj; ulimit -d -u -c | tr -dc '0-9\n'")
    assert answer == f"1000\n{memory_limit() // 1024}\n{PROCESSES}\n0"
