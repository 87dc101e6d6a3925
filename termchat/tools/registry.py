"""The tool registry: `@tool` turns a function into a `Tool`.

    @tool(effect=ToolEffect.NETWORK, subject=Subject.HOST, subject_argument="url", plan=plan_fetch)
    async def fetch_url(context: ToolContext, url: Annotated[str, "An http or https address"]) -> ToolOutput:
        "The readable text of a web page."

The model reads the function's name, docstring and parameters; the parameter `context` is filled in by the toolbox.
Tools are discovered in all modules of `tools/builtin`. A tool declares its effect, the subject that rules name, and
may plan a call: what a person should see before it runs.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import field
from datetime import datetime, tzinfo
from enum import StrEnum
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any, TypeAlias

from termchat.core.approval import Ask, Permit, PreviewKind, ToolEffect
from termchat.core.messages import Image, Text, ToolStatus
from termchat.core.provider import ToolSpec
from termchat.late_dataclass import dataclass
from termchat.tools.schema import parameters_schema


def _now(zone: tzinfo | None) -> datetime:
    return datetime.now(zone).astimezone(zone)


def _no_output(text: str) -> None:
    pass


@dataclass(frozen=True, slots=True)
class ToolContext:
    """The environment of a call.

    cwd           the working directory
    private       paths that no tool touches: configuration and saved chats
    now           the clock
    permit        what was approved; without it a tool stays inside the working directory and public addresses
    output        receives live output as the call produces it, any number of times
    environment   variables of the process that runs termchat; programs get them without secrets
    outputs       the directory of results that were too long, which `read_file` may read; None if there is none
    ask           asks the user while the call runs; None where nobody can be asked
    call          the id of the call
    """

    cwd: Path
    private: tuple[Path, ...] = ()
    now: Callable[[tzinfo | None], datetime] = field(default=_now)
    permit: Permit = field(default_factory=Permit)
    output: Callable[[str], None] = field(default=_no_output)
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    outputs: Path | None = None
    ask: Ask | None = None
    call: str = ""


@dataclass(frozen=True, slots=True)
class ToolError:
    """The error of a tool, as a message for the model; `status` tells an end from outside, such as a timeout."""

    words: str
    status: ToolStatus = ToolStatus.RAN


class FailedOutput(str):
    """The output of a call that ran and failed, such as a command with an exit code: no error of the tool itself."""

    __slots__ = ()


class Subject(StrEnum):
    """The kind of thing that a rule for a tool names."""

    NOTHING = "nothing"
    PATH = "path"
    HOST = "host"
    COMMAND = "command"


@dataclass(frozen=True, slots=True)
class Plan:
    """A call before it runs, for the person who approves it; made without any effect.

    preview         the command, diff or text, whole and unsanitized
    facts           short phrases, such as "new file" or "no network"
    edit_argument   the argument that a person edits as plain text; "" for the JSON of all
    seen            a hash of what the preview was made from, such as the file to replace; it goes to `Permit.seen`
    question        why a person has to approve the call whatever rules allow, "" for no reason
    """

    preview: str = ""
    kind: PreviewKind = PreviewKind.TEXT
    facts: tuple[str, ...] = ()
    edit_argument: str = ""
    seen: str = ""
    question: str = ""


ToolOutput: TypeAlias = str | FailedOutput | ToolError | tuple[Text | Image, ...]
PlanCall: TypeAlias = Callable[[ToolContext, Mapping[str, Any]], Awaitable[Plan | ToolError]]


@dataclass(frozen=True, slots=True)
class Tool:
    """A function that a model may call, with its schema.

    subject_argument   the argument that holds the subject, "" for `Subject.NOTHING`
    plan               makes the preview of a call, or the error that it would end with; None for its arguments
    any_arguments      the function checks its arguments itself: any JSON object will do
    source             its origin, as shown to people: "built in", a file, an MCP server
    question           returns why a call has to be approved whatever rules allow, "" for no reason
    """

    spec: ToolSpec
    function: Callable[..., Awaitable[ToolOutput]]
    wants_context: bool
    effect: ToolEffect = ToolEffect.READ
    subject: Subject = Subject.NOTHING
    subject_argument: str = ""
    plan: PlanCall | None = None
    any_arguments: bool = False
    source: str = "built in"
    question: Callable[[], str] | None = None


def tool(
    *,
    effect: ToolEffect,
    subject: Subject = Subject.NOTHING,
    subject_argument: str = "",
    plan: PlanCall | None = None,
) -> Callable[[Callable[..., Awaitable[ToolOutput]]], Tool]:
    """Turn a coroutine function into a tool. Raises TypeError for a parameter that no schema can describe."""

    def declare(function: Callable[..., Awaitable[ToolOutput]]) -> Tool:
        wants_context = "context" in inspect.signature(function).parameters
        description = " ".join((inspect.getdoc(function) or "").split())
        spec = ToolSpec(function.__name__, description, parameters_schema(function, frozenset({"context"})))
        return Tool(spec, function, wants_context, effect, subject, subject_argument, plan)

    return declare


def builtin_tools() -> tuple[Tool, ...]:
    """Return the built-in tools by name, a fixed order: the tools of a request are part of its prompt cache key."""
    from termchat.tools import builtin

    modules = [import_module(f"{builtin.__name__}.{m.name}") for m in iter_modules(builtin.__path__)]
    found = (value for module in modules for value in vars(module).values() if isinstance(value, Tool))
    return tuple(sorted(found, key=lambda tool: tool.spec.name))
