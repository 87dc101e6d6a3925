"""The rules of Anthropic Messages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from tests.gateway.signatures import Origin
from tests.gateway.validate.anthropic_messages import check_messages, check_text
from tests.gateway.validate.common import ANTHROPIC, Json, Report, family, names

_FIELDS = names(
    "cache_control container diagnostics inference_geo max_tokens messages metadata model output_config service_tier"
    " speed stop_sequences stream system thinking tool_choice tools"
)
_SAMPLING = ("temperature", "top_p", "top_k")
_OLDER = re.compile(r"claude-(?:[23]|instant|(?:opus|sonnet|haiku)-4(?:[-.][0-6])?(?:-\d{8}|-latest)?$)")
_EFFORTS = ("low", "medium", "high", "xhigh", "max", None)


def problems(body: Json, origin: Origin) -> list[str]:
    """Complaints about the body of a Messages request."""
    report = Report(ANTHROPIC)
    report.only(body, _FIELDS | set(_SAMPLING))
    report.want(body, "model", str)
    report.may(body, "stream", bool)
    limit = report.want(body, "max_tokens", int)
    if limit is not None and limit < 1:
        report.say("max_tokens: Input should be greater than or equal to 1")
    if (asked := body.get("diagnostics")) is not None:
        report.only(asked, ("previous_message_id",), "diagnostics")
        earlier = asked.get("previous_message_id")
        if earlier is not None and not str(earlier).startswith("msg_"):
            report.say("diagnostics.previous_message_id: Input should be a message id")
    _check_sampling(report, body, origin.model)
    _check_system(report, body)
    _check_thinking(report, body, limit)
    _check_output(report, body)
    _check_tools(report, body)
    _check_caching(report, body)
    check_messages(report, body, origin)
    return report.found


def takes_sampling(model: str) -> bool:
    """True for models that accept sampling parameters: Anthropic's older ones, and other vendors' models."""
    return not family(model).startswith("claude") or bool(_OLDER.match(family(model)))


def _check_sampling(report: Report, body: Json, model: str) -> None:
    given = [name for name in _SAMPLING if name in body]
    if given and not takes_sampling(model):
        report.say(f"`{given[0]}` is not supported for this model.")
    report.between(report.may(body, "temperature", (int, float)), 0, 1, "temperature")
    for stop in report.may(body, "stop_sequences", list) or ():
        if not str(stop).strip():
            report.say("stop_sequences: each stop sequence must contain non-whitespace")


def _check_system(report: Report, body: Json) -> None:
    system = report.may(body, "system", (str, list))
    if isinstance(system, str):
        check_text(report, system, "system")
    for where, block in report.each(system, "system"):
        report.only(block, ("type", "text", "cache_control", "citations"), where)
        report.one_of(block.get("type"), ("text",), f"{where}.type")
        check_text(report, report.want(block, "text", str, where), where)


def _check_thinking(report: Report, body: Json, limit: int | None) -> None:
    thinking = report.may(body, "thinking", dict)
    if thinking is None:
        return
    kind = thinking.get("type")
    report.one_of(kind, ("enabled", "disabled", "adaptive", "between_tools"), "thinking.type")
    fields = {"enabled": ("budget_tokens", "display"), "adaptive": ("display", "block_binding")}
    report.only(thinking, ("type", *fields.get(str(kind), ())), "thinking")
    if kind == "enabled":
        budget = report.want(thinking, "budget_tokens", int, "thinking.enabled")
        if budget is not None and budget < 1024:
            report.say("thinking.enabled.budget_tokens: Input should be greater than or equal to 1024")
        if budget is not None and limit is not None and budget >= limit:
            report.say("`max_tokens` must be greater than `thinking.budget_tokens`.")
    if kind in ("enabled", "adaptive"):
        if body.get("temperature", 1) != 1:
            report.say("`temperature` may only be set to 1 when thinking is enabled.")
        if (body.get("tool_choice") or {}).get("type") in ("any", "tool"):
            report.say("Thinking may not be enabled when tool_choice forces tool use.")


def _check_output(report: Report, body: Json) -> None:
    config = report.may(body, "output_config", dict)
    if config is None:
        return
    report.only(config, ("effort", "format"), "output_config")
    report.one_of(config.get("effort"), _EFFORTS, "output_config.effort")
    wanted = report.may(config, "format", dict, "output_config")
    if wanted is not None:
        report.only(wanted, ("type", "schema"), "output_config.format")
        report.one_of(wanted.get("type"), ("json_schema",), "output_config.format.type")
        report.reply_schema(wanted.get("schema"), "output_config.format.schema", closed=True)


def _check_tools(report: Report, body: Json) -> None:
    tools = report.may(body, "tools", list)
    named: list[Any] = []
    known = ("name", "description", "input_schema", "type", "cache_control", "strict", "eager_input_streaming")
    for where, tool in report.each(tools, "tools"):
        if str(tool.get("type")).startswith("web_search_"):
            _check_search(report, tool, where, named)
            continue
        report.only(tool, known, where)
        named.append(report.want(tool, "name", str, where))
        report.may(tool, "description", str, where)
        if report.want(tool, "input_schema", dict, where) is not None:
            strict = tool.get("strict") is True
            report.tool_schema(tool["input_schema"], f"{where}.input_schema", strict=strict)
    report.tool_names(named)
    choice = report.may(body, "tool_choice", dict)
    if choice is None:
        return
    report.only(choice, ("type", "name", "disable_parallel_tool_use"), "tool_choice")
    report.one_of(choice.get("type"), ("auto", "any", "tool", "none"), "tool_choice.type")
    if not named:
        report.say("tool_choice: may only be specified while providing `tools`.")
    if choice.get("type") == "tool" and choice.get("name") not in named:
        report.say(f"tool_choice: tool '{choice.get('name')}' not found in provided tools")


def _check_search(report: Report, tool: Json, where: str, named: list[Any]) -> None:
    """Check the web search tool: a dated type, and the matching name."""
    fields = ("type", "name", "max_uses", "allowed_domains", "blocked_domains", "user_location", "cache_control")
    report.only(tool, fields, where)
    report.one_of(tool["type"], ("web_search_20250305", "web_search_20260209", "web_search_20260318"), f"{where}.type")
    report.one_of(tool.get("name"), ("web_search",), f"{where}.name")
    named.append(tool.get("name"))


def _check_caching(report: Report, body: Json) -> None:
    """Allow at most four cache breakpoints, and none on thinking blocks."""
    marks = list(_marks(body, ""))
    if len(marks) > 4:
        report.say(f"A maximum of 4 blocks with cache_control may be provided. Found {len(marks)}.")
    for where, block in marks:
        mark = block["cache_control"]
        if block.get("type") in ("thinking", "redacted_thinking"):
            report.say(f"{where}: thinking blocks cannot have cache_control")
        if not isinstance(mark, dict) or mark.get("type") != "ephemeral" or mark.get("ttl") not in (None, "5m", "1h"):
            report.say(f"{where}.cache_control: Input should be 'ephemeral' with a ttl of '5m' or '1h'")


def _marks(value: Any, where: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every object with a breakpoint and its path; tool inputs and schemas are skipped."""
    if isinstance(value, dict):
        if value.get("cache_control") is not None:
            yield where, value
        for name, one in value.items():
            if name not in ("input", "input_schema", "cache_control", "schema"):
                yield from _marks(one, f"{where}.{name}" if where else name)
    if isinstance(value, list):
        for index, one in enumerate(value):
            yield from _marks(one, f"{where}.{index}")
