"""Tools made of functions, and results of calls."""

from __future__ import annotations

import json
import re
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

import pytest

from termchat.core.approval import ApprovalRequest, ToolEffect
from termchat.core.messages import ToolCall, ToolResult
from termchat.tools.output_files import OUTPUT_BYTES
from termchat.tools.registry import Tool, ToolContext, ToolOutput, builtin_tools, tool
from termchat.tools.toolbox import Toolbox, ToolboxConfig


@tool(effect=ToolEffect.READ)
async def sample(
    context: ToolContext,
    text: Annotated[str, "The text"],
    times: int = 1,
    loud: bool = False,
    ratio: float | None = None,
    mode: Literal["a", "b"] = "a",
    items: list[str] | None = None,
) -> ToolOutput:
    """Repeat
    the text."""
    return f"{context.cwd.name} {text} {times} {loud} {ratio} {mode} {items}"


@tool(effect=ToolEffect.READ)
async def broken() -> ToolOutput:
    """Fail."""
    raise RuntimeError("out of luck")


@tool(effect=ToolEffect.READ)
async def endless() -> ToolOutput:
    """Return more than a result may hold."""
    return "é" * OUTPUT_BYTES


def toolbox(tmp_path: Path) -> Toolbox:
    return Toolbox(ToolboxConfig(tmp_path), tools=(sample, broken, endless))


async def run(toolbox: Toolbox, name: str, arguments: object = "") -> ToolResult:
    text = arguments if isinstance(arguments, str) else json.dumps(arguments)
    call = ToolCall("id-1", name, text)
    judged = await toolbox.judge(call)
    assert not isinstance(judged, ApprovalRequest)
    result = judged if isinstance(judged, ToolResult) else await toolbox.run(call, judged, lambda text: None)
    assert (result.call_id, result.name) == ("id-1", name)
    return result


def test_schema_follows_annotations() -> None:
    assert sample.spec.name == "sample"
    assert sample.spec.description == "Repeat the text."
    assert sample.spec.parameters == {
        "type": "object",
        "properties": {
            "text": {"type": "string", "description": "The text"},
            "times": {"type": "integer"},
            "loud": {"type": "boolean"},
            "ratio": {"type": "number"},
            "mode": {"type": "string", "enum": ["a", "b"]},
            "items": {"type": "array", "items": {"type": "string"}},
        },
        "required": ["text"],
        "additionalProperties": False,
    }


def test_schema_unsupported_parameter_is_refused() -> None:
    async def odd(when: datetime) -> ToolOutput:
        return str(when)

    with pytest.raises(TypeError):
        tool(effect=ToolEffect.READ)(odd)


def test_registry_lists_builtin_tools_in_fixed_order() -> None:
    names = "calculate current_time edit_file fetch_url list_directory read_file run_shell search_files write_file"
    assert [t.spec.name for t in builtin_tools()] == names.split()
    assert all(isinstance(t, Tool) and t.spec.description for t in builtin_tools())


async def test_registry_runs_call_with_arguments(tmp_path: Path) -> None:
    result = await run(toolbox(tmp_path), "sample", {"text": "hi", "times": 2.0, "ratio": 1, "mode": None})
    assert result.text == f"{tmp_path.name} hi 2 False 1 a None"
    assert not result.is_error


@pytest.mark.parametrize(
    ("name", "arguments", "fault"),
    [
        ("simple", {}, "there is no tool 'simple'; known tools are sample"),
        ("sample", "{", "sample: the arguments are not valid JSON"),
        ("sample", "[" * 100_000, "not valid JSON"),
        ("sample", '{"text": "a", "times": ' + "9" * 5000 + "}", "not valid JSON"),
        ("sample", "[]", "the arguments must be a JSON object"),
        ("sample", "", "the argument 'text' is missing"),
        ("sample", {"text": 1}, "the argument 'text' must be a string"),
        ("sample", {"text": "a", "tex": 1}, "there is no argument 'tex'; known arguments are text"),
        ("sample", {"text": "a", "times": "2"}, "'times' must be a whole number"),
        ("sample", {"text": "a", "times": True}, "'times' must be a whole number"),
        ("sample", {"text": "a", "loud": 1}, "'loud' must be true or false"),
        ("sample", {"text": "a", "ratio": "x"}, "'ratio' must be a number"),
        ("sample", {"text": "a", "mode": "c"}, "'mode' must be one of a, b"),
        ("sample", {"text": "a", "items": [1]}, "'items' must be an array in which each item is a string"),
        ("broken", {}, "broken failed: RuntimeError: out of luck"),
    ],
)
async def test_registry_invalid_call_returns_error_result(
    tmp_path: Path, name: str, arguments: object, fault: str
) -> None:
    result = await run(toolbox(tmp_path), name, arguments)
    assert result.is_error
    assert fault in result.text


async def test_registry_long_result_is_cut_with_notice(tmp_path: Path) -> None:
    box = toolbox(tmp_path)
    text = (await run(box, "endless")).text
    found = re.search(r"\n\[cut: 64000 of 128000 bytes of endless; read_file reads the whole from (\S+)\]\n", text)
    assert found
    assert Path(found[1]).stat().st_size == 2 * OUTPUT_BYTES
    assert len(text.encode()) < OUTPUT_BYTES + 200
    await box.close()
    assert not Path(found[1]).exists()


def fixed_now(zone: tzinfo | None) -> datetime:
    return datetime(2026, 11, 21, 12, 0, tzinfo=ZoneInfo("UTC")).astimezone(zone or ZoneInfo("Europe/Berlin"))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({}, "2026-11-21 13:00:00 Saturday, CET (UTC+01:00)"),
        ({"timezone": "Asia/Kolkata"}, "2026-11-21 17:30:00 Saturday, Asia/Kolkata (UTC+05:30)"),
        ({"timezone": "Asia/Shangai"}, "close are Asia/Shanghai"),
        ({"timezone": "../../etc/passwd"}, "there is no time zone"),
        ({"timezone": "America"}, "there is no time zone"),
    ],
)
async def test_current_time_in_named_zone_or_error(tmp_path: Path, arguments: dict[str, str], words: str) -> None:
    clock = next(t for t in builtin_tools() if t.spec.name == "current_time")
    answer = await clock.function(context=ToolContext(tmp_path, now=fixed_now), **arguments)
    assert words in str(answer)


async def test_current_time_matches_system_clock(tmp_path: Path) -> None:
    result = await run(Toolbox(ToolboxConfig(tmp_path)), "current_time", {"timezone": "UTC"})
    shown = datetime.strptime(result.text[:19], "%Y-%m-%d %H:%M:%S").replace(tzinfo=ZoneInfo("UTC"))
    assert abs((datetime.now(ZoneInfo("UTC")) - shown).total_seconds()) < 60


async def test_calculate_tool_returns_value_or_error(tmp_path: Path) -> None:
    assert (await run(Toolbox(ToolboxConfig(tmp_path)), "calculate", {"expression": "2*(3+4)"})).text == "2*(3+4) = 14"
    wrong = await run(Toolbox(ToolboxConfig(tmp_path)), "calculate", {"expression": "2*"})
    assert wrong.is_error
    assert "invalid syntax" in wrong.text
