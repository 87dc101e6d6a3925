"""The rules of OpenAI Chat Completions and of compatible servers."""

from __future__ import annotations

import json
import re
from typing import Any

from tests.gateway.signatures import Origin
from tests.gateway.validate.chat_messages import check_messages
from tests.gateway.validate.common import OPENAI, Json, Report, check_sampling, family, is_openai, names, reasons

_FIELDS = names(
    "audio frequency_penalty logit_bias logprobs max_completion_tokens max_tokens messages metadata modalities"
    " model moderation n parallel_tool_calls prediction presence_penalty prompt_cache_key prompt_cache_options"
    " prompt_cache_retention reasoning_effort response_format safety_identifier seed service_tier stop store"
    " stream stream_options temperature tool_choice tools top_logprobs top_p user verbosity"
    " web_search_options"
)
# Further fields of gateways and local servers, which OpenAI refuses.
_OTHERS_FIELDS = names(
    "thinking reasoning usage include_reasoning provider models transforms top_k min_p repetition_penalty"
    " enable_thinking thinking_budget chat_template_kwargs options keep_alive extra_body plugins"
)

_EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")


def problems(body: Json, origin: Origin) -> list[str]:
    """Complaints about the body of a chat request."""
    report = Report(OPENAI)
    report.only(body, _FIELDS if is_openai(origin.model) else _FIELDS | _OTHERS_FIELDS)
    report.want(body, "model", str)
    report.may(body, "stream", bool)
    _check_stream_options(report, body)
    _check_limits(report, body, origin.model)
    _check_tools(report, body)
    _check_format(report, body)
    _check_search(report, body, origin.model)
    check_messages(report, body.get("messages"), origin)
    return report.found


def _check_stream_options(report: Report, body: Json) -> None:
    options = report.may(body, "stream_options", dict)
    if options is None:
        return
    report.only(options, ("include_usage", "include_obfuscation"), "stream_options")
    if body.get("stream") is not True:
        report.say("The 'stream_options' parameter is only allowed when 'stream' is enabled.")


def _check_limits(report: Report, body: Json, model: str) -> None:
    check_sampling(report, body, model, ("temperature", "top_p", "presence_penalty", "frequency_penalty"))
    for name in ("max_tokens", "max_completion_tokens"):
        report.between(report.may(body, name, int), 1, 10_000_000, name)
    if "max_tokens" in body and "max_completion_tokens" in body:
        report.say("Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported.")
    if "max_tokens" in body and reasons(model):
        report.say(
            "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."
        )
    report.may(body, "seed", int)
    stop = report.may(body, "stop", (str, list), null=True)
    if isinstance(stop, list) and not 1 <= len(stop) <= 4:
        report.say("'stop': expected an array with one to four entries.")
    if stop and re.match(r"o\d", family(model)):
        report.say("Unsupported parameter: 'stop' is not supported with this model.")
    if "reasoning_effort" in body:
        report.one_of(body["reasoning_effort"], _EFFORTS, "reasoning_effort")


def _check_tools(report: Report, body: Json) -> None:
    tools = report.may(body, "tools", list)
    if tools == []:
        report.say("Invalid 'tools': empty array. Expected an array with minimum length 1.")
    if not tools:
        for name in ("tool_choice", "parallel_tool_calls"):
            if name in body:
                report.say(f"Invalid value for '{name}': '{name}' is only allowed when 'tools' are specified.")
    named: list[Any] = []
    for where, tool in report.each(tools, "tools"):
        report.only(tool, ("type", "function"), where)
        report.one_of(tool.get("type"), ("function",), f"{where}.type")
        function = report.want(tool, "function", dict, where) or {}
        inside = f"{where}.function"
        report.only(function, ("name", "description", "parameters", "strict"), inside)
        named.append(function.get("name"))
        report.may(function, "description", str, inside)
        if "parameters" in function:
            strict = function.get("strict") is True
            report.tool_schema(function["parameters"], f"{inside}.parameters", strict=strict)
    report.tool_names(named)
    _check_choice(report, body.get("tool_choice"), named)


def _check_choice(report: Report, choice: Any, named: list[Any]) -> None:
    if isinstance(choice, dict):
        wanted = (choice.get("function") or {}).get("name")
        if choice.get("type") != "function" or wanted not in named:
            report.say(f"Tool choice {choice} does not name a tool of 'tools'.")
    elif choice is not None:
        report.one_of(choice, ("auto", "none", "required"), "tool_choice")


def _check_search(report: Report, body: Json, model: str) -> None:
    """Allow web search only for search models, and no sampling parameters for them."""
    searches = "search" in family(model)
    options = report.may(body, "web_search_options", dict)
    if options is not None:
        report.only(options, ("search_context_size", "user_location"), "web_search_options")
        if not searches:
            report.say("Web search options not supported with this model.")
    for name in ("temperature", "top_p", "seed", "stop", "n") if searches else ():
        if name in body:
            report.say(f"Model incompatible request argument supplied: {name}")
    for where, plugin in report.each(report.may(body, "plugins", list), "plugins"):
        report.one_of(plugin.get("id"), ("web",), f"{where}.id")


def _check_format(report: Report, body: Json) -> None:
    wanted = report.may(body, "response_format", dict)
    if wanted is None:
        return
    report.one_of(wanted.get("type"), ("text", "json_object", "json_schema"), "response_format.type")
    if wanted.get("type") == "json_schema":
        spec = report.want(wanted, "json_schema", dict, "response_format") or {}
        report.only(spec, ("name", "description", "schema", "strict"), "response_format.json_schema")
        report.want(spec, "name", str, "response_format.json_schema")
        where = "response_format.json_schema.schema"
        report.reply_schema(spec.get("schema"), where, strict=spec.get("strict") is True)
    if wanted.get("type") == "json_object" and "json" not in json.dumps(body.get("messages")).lower():
        report.say("'messages' must contain the word 'json' in some form, to use 'response_format' 'json_object'.")
