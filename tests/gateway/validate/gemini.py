"""The rules of Gemini's generateContent. Field names may be camelCase or snake_case, which the SDK mixes."""

from __future__ import annotations

import re
from typing import Any

from tests.gateway.signatures import Origin
from tests.gateway.validate.common import GEMINI, Json, Report, names
from tests.gateway.validate.gemini_contents import check_content_parts, check_contents
from tests.gateway.validate.gemini_names import camel

_FIELDS = names(
    "contents systemInstruction generationConfig tools toolConfig safetySettings cachedContent labels serviceTier"
    " store model"
)
_CONFIG = names(
    "temperature topP topK candidateCount maxOutputTokens stopSequences responseMimeType responseSchema"
    " responseJsonSchema seed presencePenalty frequencyPenalty thinkingConfig responseModalities responseLogprobs"
    " logprobs mediaResolution speechConfig imageConfig audioTimestamp"
)
_DECLARED = names("name description parameters parametersJsonSchema response responseJsonSchema behavior")
_TOOL_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_.:-]{0,127}")
_LEVELS = ("MINIMAL", "LOW", "MEDIUM", "HIGH", "XHIGH", "THINKING_LEVEL_UNSPECIFIED", None)


def problems(body: Json, origin: Origin) -> list[str]:
    """Complaints about the body of a generateContent request."""
    report = Report(GEMINI)
    body = camel(body)
    report.only(body, _FIELDS)
    if not origin.model:
        report.say("* GenerateContentRequest.model: unexpected model name format")
    _check_system(report, body, origin)
    _check_config(report, body)
    _check_tools(report, body, origin)
    check_contents(report, body, origin)
    return report.found


def _check_system(report: Report, body: Json, origin: Origin) -> None:
    system = report.may(body, "systemInstruction", dict)
    if system is None:
        return
    report.only(system, ("role", "parts"), "systemInstruction")
    check_content_parts(report, system, "systemInstruction", ("text",), origin)


def _check_config(report: Report, body: Json) -> None:
    config = report.may(body, "generationConfig", dict)
    if config is None:
        return
    where = "generationConfig"
    report.only(config, _CONFIG, where)
    report.between(report.may(config, "temperature", (int, float), where), 0, 2, f"{where}.temperature")
    report.between(report.may(config, "topP", (int, float), where), 0, 1, f"{where}.topP")
    report.between(report.may(config, "maxOutputTokens", int, where), 1, 10_000_000, f"{where}.maxOutputTokens")
    report.may(config, "seed", int, where)
    if len(report.may(config, "stopSequences", list, where) or ()) > 5:
        report.say(f"{where}.stopSequences: at most five are allowed")
    if "responseSchema" in config and "responseJsonSchema" in config:
        report.say(f"{where}: responseSchema and responseJsonSchema are mutually exclusive")
    if ("responseSchema" in config or "responseJsonSchema" in config) and not config.get("responseMimeType"):
        report.say(f"{where}: responseMimeType is required with a response schema")
    _check_thinking(report, config, where)


def _check_thinking(report: Report, config: Json, where: str) -> None:
    thinking = report.may(config, "thinkingConfig", dict, where)
    if thinking is None:
        return
    inside = f"{where}.thinkingConfig"
    report.only(thinking, ("includeThoughts", "thinkingBudget", "thinkingLevel"), inside)
    report.may(thinking, "includeThoughts", bool, inside)
    report.between(report.may(thinking, "thinkingBudget", int, inside), -1, 100_000, f"{inside}.thinkingBudget")
    level = thinking.get("thinkingLevel")
    report.one_of(level.upper() if isinstance(level, str) else level, _LEVELS, f"{inside}.thinkingLevel")
    if "thinkingBudget" in thinking and "thinkingLevel" in thinking:
        report.say("You can only set only one of thinking budget and thinking level.")


def _check_tools(report: Report, body: Json, origin: Origin) -> None:
    declared: list[Any] = []
    for where, tool in report.each(report.may(body, "tools", list), "tools"):
        report.only(tool, ("functionDeclarations", "googleSearch", "urlContext", "codeExecution"), where)
        for place, one in report.each(tool.get("functionDeclarations"), f"{where}.functionDeclarations"):
            declared.append(one.get("name"))
            _check_declaration(report, one, place)
    searches = any("googleSearch" in tool for tool in body.get("tools") or () if isinstance(tool, dict))
    if searches and declared:
        report.say("Built-in tools ({google_search}) and Function Calling cannot be combined in the same request.")
    older = origin.model.startswith(("gemini-1", "gemini-2"))
    json_only = (body.get("generationConfig") or {}).get("responseMimeType") == "application/json"
    if older and json_only and (searches or declared):
        report.say("Tool use with a response mime type: 'application/json' is unsupported")
    report.tool_names(declared, _TOOL_NAME)
    config = report.may(body, "toolConfig", dict)
    calling = (config or {}).get("functionCallingConfig")
    if isinstance(calling, dict):
        where = "toolConfig.functionCallingConfig"
        report.only(calling, ("mode", "allowedFunctionNames", "streamFunctionCallArguments"), where)
        report.one_of(calling.get("mode"), ("AUTO", "ANY", "NONE", "VALIDATED", None), f"{where}.mode")
        if any(name not in declared for name in calling.get("allowedFunctionNames") or ()):
            report.say(f"{where}.allowedFunctionNames: not all of them are declared")


def _check_declaration(report: Report, one: Json, where: str) -> None:
    report.only(one, _DECLARED, where)
    report.want(one, "description", str, where)
    if "parameters" in one and "parametersJsonSchema" in one:
        report.say(f"{where}: parameters and parametersJsonSchema are mutually exclusive")
    schema = one.get("parametersJsonSchema", one.get("parameters"))
    if schema is None:
        return
    if isinstance(schema.get("type"), str):
        schema = schema | {"type": schema["type"].lower()}
    report.tool_schema(schema, f"{where}.parameters")
    for name in schema.get("properties") or {}:
        if len(name) > 64:
            report.say(f"{where}.parameters: the name of a parameter may have 64 characters at most: {name!r}")
