"""Functions in the toolbox: offered, approved, called, reloaded."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from termchat.core.approval import ApprovalRequest, Permit, ToolEffect
from termchat.core.messages import Image, ToolCall, ToolResult
from termchat.tools.functions.function_source import FunctionSource
from termchat.tools.functions.source_files import FunctionFiles
from termchat.tools.policy.rules import Rule, Rules
from termchat.tools.toolbox import Toolbox, ToolboxConfig
from tests.tools.functions.conftest import launch, write

WEATHER = """
    from termchat.functions import reads

    def forecast(city: str, days: int = 1, context: str = "") -> str:
        "Forecast the weather."
        return f"{city} {days} {context}"

    @reads
    def stations() -> list[str]: return ["Bern"]

    def chart() -> bytes: return b"\\x89PNG\\r\\n\\x1a\\n1"
    def hello() -> None: print("hello")
    def fail() -> None:
        print("trying")
        raise ValueError("no")
    def read_file() -> str: return "mine"
    def never() -> None: ...
    def untyped(x): ...
"""

WAIT = """
    import os, time

    def wait_for(file: str) -> str:
        open(file + ".begun", "w").close()
        while not os.path.exists(file):
            time.sleep(0.005)
        return "found"
"""


@pytest.fixture
async def toolbox(tmp_path: Path) -> AsyncIterator[Toolbox]:
    """A toolbox with the functions of a folder, of which nothing is turned on but the group `read`."""
    write(tmp_path / "tools", "weather.py", WEATHER)
    box = Toolbox(ToolboxConfig(tmp_path, rules=Rules(allow=(Rule("hello"),), deny=(Rule("never"),))))
    box.add_source(source(tmp_path))
    yield box
    await box.close()


def source(tmp_path: Path, **more: bool) -> FunctionSource:
    return FunctionSource(FunctionFiles(folder=tmp_path / "tools"), launch(tmp_path), taken={"read_file"}, **more)


async def load(box: Toolbox) -> list[str]:
    pending = box.prepare()
    assert pending is not None
    return list(await pending)


def call(name: str, **arguments: object) -> ToolCall:
    return ToolCall("id", name, json.dumps(arguments))


async def run(box: Toolbox, wanted: ToolCall) -> ToolResult:
    judged = await box.judge(wanted)
    if isinstance(judged, ToolResult):
        return judged
    permit = judged if isinstance(judged, Permit) else judged.permit
    return await box.run(wanted, permit, lambda text: None)


def offered(box: Toolbox) -> set[str]:
    return {spec.name for spec in box.specs} & {"forecast", "stations", "chart", "hello", "fail", "untyped"}


async def test_functions_are_offered_by_name_group_or_effect(toolbox: Toolbox) -> None:
    assert toolbox.offer(["forecast"], on=True) == ""  # known before it is loaded
    assert toolbox.offer(["forcast"], on=True) == "forcast"
    await load(toolbox)
    assert offered(toolbox) == {"forecast", "stations"}
    toolbox.offer(["functions"], on=True)
    assert offered(toolbox) == {"forecast", "stations", "chart", "hello", "fail"}
    toolbox.offer(["functions"], on=False)
    assert offered(toolbox) == set()
    toolbox.offer(["run"], on=True)
    assert offered(toolbox) == {"forecast", "chart", "hello", "fail"}


async def test_functions_of_the_command_line_are_turned_on(tmp_path: Path) -> None:
    write(tmp_path / "tools", "weather.py", WEATHER)
    box = Toolbox(ToolboxConfig(tmp_path, offered=()))
    box.add_source(source(tmp_path, turned_on=True))
    await load(box)
    assert offered(box) == {"forecast", "stations", "chart", "hello", "fail"}
    await box.close()


async def test_functions_ask_unless_they_read_or_a_rule_decides(toolbox: Toolbox) -> None:
    toolbox.offer(["functions"], on=True)
    await load(toolbox)
    asked = await toolbox.judge(call("forecast", city="Bern", days=2, context="c"))
    assert isinstance(asked, ApprovalRequest)
    assert (asked.effect, asked.rules) == (ToolEffect.RUN, ("forecast",))
    assert json.loads(asked.preview) == {"city": "Bern", "days": 2, "context": "c"}
    assert asked.facts[0].endswith("tools/weather.py:4")
    assert asked.facts[1] == "not sandboxed"
    assert isinstance(await toolbox.judge(call("stations")), Permit)
    assert isinstance(await toolbox.judge(call("hello")), Permit)
    denied = await toolbox.judge(call("never"))
    assert isinstance(denied, ToolResult) and denied.is_error


async def test_functions_invalid_arguments_are_answered_before_the_question(toolbox: Toolbox) -> None:
    toolbox.offer(["functions"], on=True)
    await load(toolbox)
    answer = await toolbox.judge(call("forecast", city="Bern", days="two"))
    assert isinstance(answer, ToolResult)
    assert answer.text.startswith("Error: the argument 'days': input should be a valid integer")
    answer = await toolbox.judge(ToolCall("id", "forecast", '{"city": "Be'))
    assert isinstance(answer, ToolResult)
    assert "not valid JSON" in answer.text


async def test_functions_results_go_to_the_model(toolbox: Toolbox) -> None:
    toolbox.offer(["functions"], on=True)
    await load(toolbox)
    assert (await run(toolbox, call("forecast", city="Bern", context="c"))).text == "Bern 1 c"
    assert (await run(toolbox, call("stations"))).text == '["Bern"]'
    assert (await run(toolbox, call("hello"))).text == "hello\n"
    failed = await run(toolbox, call("fail"))
    assert failed.is_error
    assert failed.text.startswith("Error: fail failed: ValueError: no\n  at ")
    assert failed.text.endswith('raise ValueError("no")\ntrying')
    assert (await run(toolbox, call("chart"))).parts == (Image("image/png", b"\x89PNG\r\n\x1a\n1"),)


async def test_functions_problems_are_noticed_once_with_file_and_line(toolbox: Toolbox, tmp_path: Path) -> None:
    file = tmp_path / "tools" / "weather.py"
    assert await load(toolbox) == [
        f"{file}:18: untyped: the parameter x has no type; write x: str, or rename the function to begin with _",
        f"{file}:16: read_file: another tool has this name; rename the function",
    ]
    assert await load(toolbox) == []
    assert "mine" not in {row.description for row in toolbox.tools()}


async def test_functions_of_a_changed_file_are_loaded_again(toolbox: Toolbox, tmp_path: Path) -> None:
    toolbox.offer(["functions"], on=True)
    await load(toolbox)
    write(tmp_path / "tools", "weather.py", "from _shared import WORDS\ndef hello() -> str: return WORDS\n")
    write(tmp_path / "tools", "_shared.py", "WORDS = 'good day'\n")
    assert await load(toolbox) == []
    assert offered(toolbox) == {"hello"}
    assert (await run(toolbox, call("hello"))).text == "good day"
    write(tmp_path / "tools", "_shared.py", "WORDS = 'good evening'\n")
    await load(toolbox)
    assert (await run(toolbox, call("hello"))).text == "good evening"
    (tmp_path / "tools" / "weather.py").unlink()
    await load(toolbox)
    assert offered(toolbox) == set()


async def test_functions_of_a_running_call_survive_a_change(toolbox: Toolbox, tmp_path: Path) -> None:
    file = write(tmp_path / "tools", "wait.py", WAIT)
    toolbox.offer(["functions"], on=True)
    await load(toolbox)
    permit = await toolbox.judge(wanted := call("wait_for", file=str(tmp_path / "mark")))
    assert isinstance(permit, ApprovalRequest)
    running = asyncio.create_task(toolbox.run(wanted, permit.permit, lambda text: None))
    async with asyncio.timeout(30):
        while not (tmp_path / "mark.begun").exists():
            await asyncio.sleep(0.005)
        file.write_text("def other() -> str: return 'other'\n")
        await load(toolbox)
        (tmp_path / "mark").touch()
        assert (await running).text == "found"
    assert (await run(toolbox, call("other"))).text == "other"


async def test_functions_of_given_files_are_read_once_and_alone(tmp_path: Path) -> None:
    file = write(
        tmp_path / "work", "given.py", "def given() -> str: return 'first'\ndef near() -> None: import _near\n"
    )
    write(tmp_path / "work", "_near.py", "")
    box = Toolbox(ToolboxConfig(tmp_path, offered=()))
    files = FunctionFiles({file: file.read_bytes()})
    box.add_source(FunctionSource(files, launch(tmp_path), turned_on=True))
    file.write_text("def given() -> str: return 'second'\n")
    await load(box)
    assert (await run(box, call("given"))).text == "first"
    await load(box)
    assert (await run(box, call("given"))).text == "first"
    failed = (await run(box, call("near"))).text
    assert "ModuleNotFoundError: No module named '_near'" in failed
    assert "given.py:2 in near: def near() -> None: import _near" in failed
    await box.close()


async def test_tools_list_names_functions_that_are_not_loaded(toolbox: Toolbox) -> None:
    rows = {row.name: row for row in toolbox.tools()}
    assert rows["forecast"].source.startswith("functions in ")
    assert not rows["forecast"].offered
