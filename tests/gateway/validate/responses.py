"""The rules of OpenAI Responses, without storage at the server."""

from __future__ import annotations

from typing import Any

from tests.gateway.signatures import Origin
from tests.gateway.validate.common import OPENAI, Json, Report, check_sampling, names
from tests.gateway.validate.responses_input import check_input

_FIELDS = names(
    "background context_management include input instructions max_output_tokens max_tool_calls metadata model"
    " moderation parallel_tool_calls prompt_cache_key prompt_cache_options prompt_cache_retention reasoning"
    " safety_identifier service_tier store stream stream_options temperature text tool_choice tools"
    " top_logprobs top_p truncation user"
)
_EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max", None)
_SUMMARIES = ("auto", "concise", "detailed", None)
_INCLUDES = (
    "reasoning.encrypted_content",
    "message.output_text.logprobs",
    "message.input_image.image_url",
    "web_search_call.action.sources",
)


def problems(body: Json, origin: Origin) -> list[str]:
    """Complaints about the body of a Responses request."""
    report = Report(OPENAI)
    for name in ("previous_response_id", "conversation"):
        if body.get(name) is not None:
            report.say(f"'{name}' refers to what is kept at the server, and nothing is.")
    report.only(body, _FIELDS | {"previous_response_id", "conversation"})
    report.want(body, "model", str)
    report.may(body, "stream", bool)
    if body.get("store") is not False:
        report.say("store: must be false, or the server keeps the conversation for 30 days.")
    instructions = report.may(body, "instructions", str, null=True)
    if instructions == "":
        report.say("instructions: empty string.")
    report.between(report.may(body, "max_output_tokens", int), 16, 10_000_000, "max_output_tokens")
    check_sampling(report, body, origin.model, ("temperature", "top_p"))
    _check_reasoning(report, body)
    _check_tools(report, body)
    _check_text(report, body)
    searches = any(isinstance(tool, dict) and tool.get("type") == "web_search" for tool in body.get("tools") or ())
    check_input(report, body.get("input"), origin, searches=searches)
    return report.found


def _check_reasoning(report: Report, body: Json) -> None:
    reasoning = report.may(body, "reasoning", dict, null=True)
    if reasoning is not None:
        report.only(reasoning, ("effort", "summary", "context", "generate_summary"), "reasoning")
        report.one_of(reasoning.get("effort"), _EFFORTS, "reasoning.effort")
        report.one_of(reasoning.get("summary"), _SUMMARIES, "reasoning.summary")
    for name in report.may(body, "include", list, null=True) or ():
        report.one_of(name, _INCLUDES, "include")
    options = report.may(body, "stream_options", dict)
    if options is not None:
        report.only(options, ("include_obfuscation",), "stream_options")


def _check_tools(report: Report, body: Json) -> None:
    tools = report.may(body, "tools", list)
    named: list[Any] = []
    for where, tool in report.each(tools, "tools"):
        if tool.get("type") == "web_search":
            report.only(tool, ("type", "filters", "search_context_size", "user_location", "external_web_access"), where)
            continue
        report.one_of(tool.get("type"), ("function",), f"{where}.type")
        report.only(tool, ("type", "name", "description", "parameters", "strict"), where)
        named.append(report.want(tool, "name", str, where))
        report.may(tool, "description", str, where, null=True)
        strict = report.want(tool, "strict", bool, where)
        if report.want(tool, "parameters", dict, where) is not None:
            report.tool_schema(tool["parameters"], f"{where}.parameters", strict=strict is True)
    report.tool_names(named)
    choice = body.get("tool_choice")
    if isinstance(choice, dict):
        if choice.get("type") != "function" or choice.get("name") not in named:
            report.say(f"Tool choice {choice} does not name a tool of 'tools'.")
    elif choice is not None:
        report.one_of(choice, ("auto", "none", "required"), "tool_choice")
        if choice == "required" and not named:
            report.say("Tool choice 'required' must be specified with 'tools' parameter.")


def _check_text(report: Report, body: Json) -> None:
    text = report.may(body, "text", dict)
    if text is None:
        return
    report.only(text, ("format", "verbosity"), "text")
    if "verbosity" in text:
        report.one_of(text["verbosity"], ("low", "medium", "high"), "text.verbosity")
    wanted = report.may(text, "format", dict, "text")
    if wanted is None:
        return
    report.one_of(wanted.get("type"), ("text", "json_object", "json_schema"), "text.format.type")
    if wanted.get("type") == "json_schema":
        report.only(wanted, ("type", "name", "description", "schema", "strict"), "text.format")
        report.want(wanted, "name", str, "text.format")
        report.reply_schema(wanted.get("schema"), "text.format.schema", strict=wanted.get("strict") is True)
