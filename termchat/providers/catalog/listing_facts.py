"""Limits and capabilities of models, from the rows of model listings.

A listing says more than the tables of this package, but each server says it in its own form. Facts become the words
of `quirks.toml`: parts of a request that a model does not support, and quirks. A listing that does not mention a
capability says nothing about it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from termchat.core.provider import Effort
from termchat.providers.catalog.efforts import efforts_word
from termchat.providers.decoder import as_list, as_object, as_text

_CONTEXT = ("context_length", "context_window", "max_context_length", "max_model_len", "max_input_tokens")
_OUTPUT = ("max_output_tokens", "max_completion_tokens", "max_output_length")
# Part of a request -> names under which listings say that a model supports it.
_PARAMETERS = {
    "tools": ("tools", "tool_choice"),
    "temperature": ("temperature",),
    "top_p": ("top_p",),
    "stop": ("stop",),
    "seed": ("seed",),
    "schema": ("structured_outputs", "response_format"),
    "think": ("reasoning", "include_reasoning", "reasoning_effort"),
}
_CAPABILITIES = {
    "tools": ("function_calling", "tools", "tool_calls", "tool_use", "supports_function_calling"),
    "images": ("vision", "image_input", "images", "supports_vision"),
}
_ANTHROPIC = {"images": "image_input", "files": "pdf_input", "schema": "structured_outputs", "think": "thinking"}


class ListedModel(NamedTuple):
    """Facts about a model: limits in tokens, None when not listed, and words for `ModelInfo.known`."""

    context: int | None
    max_output: int | None
    known: tuple[str, ...]


def openai_row(row: Mapping[str, Any]) -> ListedModel:
    """Return the facts of a row of an OpenAI-compatible listing, such as that of OpenRouter, Mistral or vLLM."""
    top, abilities = as_object(row.get("top_provider")), row.get("capabilities")
    limits = as_object(as_object(abilities).get("limits"))
    context = _number(row, _CONTEXT) or _number(top, _CONTEXT) or _number(limits, ("max_context_window_tokens",))
    output = _number(row, _OUTPUT) or _number(top, _OUTPUT) or _number(limits, _OUTPUT)
    missing = {*_missing_parameters(row), *_missing_abilities(abilities)}
    modalities = as_list(as_object(row.get("architecture")).get("input_modalities")) or as_list(
        row.get("input_modalities")
    )
    if modalities and "image" not in modalities:
        missing.add("images")
    return ListedModel(context, output, tuple(sorted(missing)))


def anthropic_known(capabilities: Any) -> tuple[str, ...]:
    """Return the words about a model from the `capabilities` of Anthropic's listing; a gateway's has none."""
    listed = as_object(capabilities)
    known = [part for part, name in _ANTHROPIC.items() if _is_supported(listed.get(name)) is False]
    types = as_object(as_object(listed.get("thinking")).get("types"))
    levels = as_object(listed.get("effort"))
    off = any(_is_supported(types.get(name)) for name in ("disabled", "between_tools"))
    if _is_supported(types.get("adaptive")) is False and _is_supported(types.get("enabled")):
        known.append("thinking_budget")
    elif efforts := [effort for effort in Effort if _is_supported(levels.get(effort.value))]:
        known.append(efforts_word([Effort.OFF, *efforts] if off or not types else efforts))
    if _is_supported(types.get("disabled")) is False and _is_supported(types.get("between_tools")):
        known.append("between_tools")
    if types and not off:
        known.append("no_off")
    return tuple(known)


def _is_supported(value: Any) -> bool | None:
    """Return what a listing says about a capability, None when it says nothing."""
    supported = as_object(value).get("supported", value)
    return supported if isinstance(supported, bool) else None


def _missing_parameters(row: Mapping[str, Any]) -> list[str]:
    listed = {as_text(name) for name in as_list(row.get("supported_parameters"))}
    if not listed & {"temperature", "max_tokens"}:  # no list of sampling parameters, or not a list of parameters
        return []
    return [part for part, names in _PARAMETERS.items() if listed.isdisjoint(names)]


def _missing_abilities(abilities: Any) -> list[str]:
    """Return the parts that `capabilities` exclude: {"vision": false}, {"supports": {...}}, or a list of names."""
    if names := {as_text(name) for name in as_list(abilities)}:
        return (
            [part for part, known in _CAPABILITIES.items() if names.isdisjoint(known)] if "completion" in names else []
        )
    flags = as_object(abilities)
    flags |= as_object(flags.get("supports"))
    return [part for part, known in _CAPABILITIES.items() if _says_no([flags.get(name) for name in known])]


def _says_no(values: list[Any]) -> bool:
    said = [supported for value in values if (supported := _is_supported(value)) is not None]
    return bool(said) and not any(said)


def _number(row: Mapping[str, Any], names: tuple[str, ...]) -> int | None:
    values = (row.get(name) for name in names)
    return next((v for v in values if isinstance(v, int) and not isinstance(v, bool) and v > 0), None)
