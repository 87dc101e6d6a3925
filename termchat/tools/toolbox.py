"""The toolbox: offers tools to a model, judges its calls by rules and runs them."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from termchat.core import provider
from termchat.core.approval import ApprovalRequest, ApprovalScope, Ask, Permit, PromptRow, RuleRow, ToolEffect, ToolRow
from termchat.core.errors import Failure, FailureKind
from termchat.core.messages import Image, Text, ToolCall, ToolResult, ToolStatus
from termchat.core.provider import ToolSpec
from termchat.core.sanitize import Safe, safe_format, safe_line
from termchat.tools.output_files import OutputFiles
from termchat.tools.policy.rules import Rule, Rules, judge_tool, parse_rule
from termchat.tools.policy.verdicts import CommandVerdict, PathVerdict, Ruling, Verdict
from termchat.tools.registry import FailedOutput, Plan, Subject, Tool, ToolContext, ToolError, ToolOutput, builtin_tools
from termchat.tools.resources import SourceResources
from termchat.tools.schema import parse_arguments, parse_object
from termchat.tools.source import SourceInfo, ToolSource, ToolSources

GROUPS = ("read", "write", "run", "network", "functions", "mcp", "all", "none")  # names for several tools


async def _not_saved(rule: str, *, remove: bool) -> str:
    return "nothing is saved in this run"


def _no_sources(name: str) -> Iterable[ToolSource]:
    return ()


@dataclass(frozen=True, slots=True)
class ToolboxConfig:
    """The configuration of a toolbox.

    cwd           the working directory
    private       paths that no tool touches
    environment   variables of this process
    offered       names of tools and of groups
    rules         the saved rules
    approve_all   what a rule would ask about runs, except for writing to protected paths; denied stays denied
    save_rule     saves or removes a rule that allows; returns "" or why it could not
    find_sources  returns the sources of a name that no tool has, such as that of an installed package, each once
    """

    cwd: Path
    private: tuple[Path, ...] = ()
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    offered: tuple[str, ...] = ("read",)
    rules: Rules = field(default_factory=Rules)
    approve_all: bool = False
    save_rule: Callable[..., Awaitable[str]] = _not_saved
    find_sources: Callable[[str], Iterable[ToolSource]] = _no_sources


class Toolbox:
    """The tools of a session: implements `core.provider.Tools` with decorated functions."""

    def __init__(self, config: ToolboxConfig, tools: Iterable[Tool] | None = None) -> None:
        self._config = config
        self._outputs = OutputFiles()
        self._context = ToolContext(config.cwd, config.private, environment=config.environment)
        chosen = builtin_tools() if tools is None else tuple(tools)
        self._own: dict[str, Tool] = {tool.spec.name: tool for tool in chosen}
        self._tools = dict(self._own)
        self._sources = ToolSources(self._sources_changed, self._is_needed)
        self._groups: dict[str, str] = {}  # tool of a source -> the group of the source
        self._offered: set[str] = set()
        self._choices: dict[str, bool] = {}  # name or group -> on, in the order of the user's choices
        self.offer(config.offered, on=True)
        self._saved = config.rules
        self._rules = config.rules

    @property
    def specs(self) -> tuple[ToolSpec, ...]:
        return tuple(tool.spec for name, tool in self._tools.items() if name in self._offered)

    def add_source(self, source: ToolSource) -> None:
        """Add a source of tools. Its tools follow those known before; a name that is taken is ignored."""
        self._sources.add(source)

    def prepare(self) -> asyncio.Task[tuple[Safe, ...]] | None:
        """Begin to load the tools of sources; return the wait for them, whose result is notices, None without any."""
        return asyncio.create_task(self._sources.wait()) if self._sources.start() else None

    def tools(self) -> tuple[ToolRow, ...]:
        """Return all tools, offered or not; a source whose tools are not known yet is a row of its own.

        In a running event loop it begins to load them, so that a later list shows them.
        """
        with suppress(RuntimeError):  # no loop
            asyncio.get_running_loop()
            self._sources.collect()
            self._sources.start(unneeded=True)
        rows = [
            ToolRow(name, tool.effect, tool.spec.description, name in self._offered, tool.source)
            for name, tool in self._tools.items()
        ]
        for info, problem in self._sources.unknown():
            names = info.names if info.names and not problem else (f"{info.prefix}*" if info.prefix else info.name,)
            words = problem or "not started yet"
            rows += (ToolRow(n, info.effect, words, self._is_wanted(n, info.effect, info), info.name) for n in names)
        return tuple(rows)

    def offer(self, names: Sequence[str], *, on: bool) -> str:
        """Offer tools to the model, or no longer, by name or group. Return the first unknown name, "" if none is."""
        chosen: set[str] = set()
        for name in names:
            group = {n for n, tool in self._tools.items() if _names(name, n, tool.effect, self._groups.get(n, ""))}
            if on and (name == "all" or not (group or self._is_known(name))):
                for source in self._config.find_sources(name):
                    self.add_source(source)
            if not (group or self._is_known(name)):
                return name
            chosen |= group
        for name in names:
            self._choices.pop(name, None)
            self._choices[name] = on
        self._offered = self._offered | chosen if on else self._offered - chosen
        return ""

    def rules(self) -> tuple[RuleRow, ...]:
        """Return the rules in force: deny, ask, allow."""
        lists = (("deny", self._rules.deny), ("ask", self._rules.ask), ("allow", self._rules.allow))
        saved = {*self._saved.deny, *self._saved.ask, *self._saved.allow}
        return tuple(RuleRow(str(rule), answer, rule in saved) for answer, rules in lists for rule in rules)

    async def add_rule(self, rule: str, scope: ApprovalScope) -> str:
        """Allow what a rule names, until the user leaves this chat or in all chats.

        Return "", or why it is no rule or was not saved.
        """
        parsed = parse_rule(rule)
        if not isinstance(parsed, Rule):
            return str(parsed)
        if parsed.tool not in self._tools and not (parsed.tool.startswith("mcp_") or self._is_known(parsed.tool)):
            return f"there is no tool {parsed.tool}; /tools lists them"
        if problem := self.rule_problem(parsed, "allow"):
            return problem
        self._rules = self._rules.with_allowed(parsed)
        if scope is not ApprovalScope.SAVED:
            return ""
        if not (problem := await self._config.save_rule(str(parsed), remove=False)):
            self._saved = self._saved.with_allowed(parsed)
        return problem

    def rule_problem(self, rule: Rule, answer: str) -> str:
        """Return why a rule has no effect, "" if it may have one. A tool that is not known may come later.

        answer   the list of the rule: allow, ask or deny
        """
        from termchat.tools.policy.rule_problems import rule_problem, similar_tool

        tool = self._tools.get(rule.tool)
        if tool is None:
            return "" if self._is_known(rule.tool) else similar_tool(rule, self._own)
        config = self._config
        return rule_problem(rule, answer, tool, cwd=config.cwd, private=config.private)

    async def remove_rule(self, rule: str) -> str:
        """Remove a rule of this chat or a saved one. Return "", or why it could not be removed."""
        parsed = parse_rule(rule)
        if not isinstance(parsed, Rule):
            return str(parsed)
        if parsed not in (*self._rules.deny, *self._rules.ask, *self._rules.allow):
            return f"there is no rule {parsed}"
        saved = parsed in (*self._saved.deny, *self._saved.ask, *self._saved.allow)
        if saved and (problem := await self._config.save_rule(str(parsed), remove=True)):
            return problem
        self._rules, self._saved = self._rules.without(parsed), self._saved.without(parsed)
        return ""

    def prompts(self) -> tuple[PromptRow, ...]:
        """Return the prompts of the sources that have loaded."""
        return tuple(prompt.row for prompt in self._sources.prompts())

    async def prompt(self, name: str, arguments: Mapping[str, str]) -> str | Failure:
        """Return the text of a prompt."""
        found = next((prompt for prompt in self._sources.prompts() if prompt.row.name == name), None)
        if found is None:
            return Failure(FailureKind.NOT_FOUND, safe_format("There is no prompt {name} now.", name=safe_line(name)))
        return await found.text(arguments)

    @property
    def resources(self) -> SourceResources:
        """The resources of the sources, by server."""
        return SourceResources(self._sources.all)

    def begin_chat(self) -> None:
        """Forget the rules of the last chat."""
        self._rules = self._saved

    async def close(self) -> None:
        """End the sources and remove the files of long results."""
        await self._sources.close()
        self._outputs.close()

    async def judge(self, call: ToolCall) -> Permit | ApprovalRequest | ToolResult:
        """Decide about a call: run it, ask the user, or answer it with an error. Has no effect, raises nothing."""
        prepared = self._prepare(call)
        if isinstance(prepared, ToolError):
            return await self._result(call, prepared)
        tool, arguments = prepared
        try:
            verdict = await self._verdict(tool, arguments)
        except Exception as error:  # a call that cannot be judged does not run
            return await self._result(call, ToolError(f"the call cannot be judged: {type(error).__name__}: {error}"))
        if verdict.answer is Ruling.REFUSE:
            return await self._result(call, ToolError(verdict.reason))
        if verdict.answer is Ruling.DENY:
            notes = (Text("Error: this call is not allowed"), Text(verdict.reason))
            return ToolResult(call.id, call.name, notes, is_error=True, status=ToolStatus.DECLINED)
        permit = self._permit(verdict)
        question = tool.question() if tool.question else ""
        by_option = self._config.approve_all and not verdict.protected
        permitted = not question and (verdict.answer is Ruling.ALLOW or by_option)
        given = permit if verdict.answer is Ruling.ALLOW else replace(permit, by_person=True)
        if permitted and tool.subject is not Subject.HOST:
            return given
        plan = await self._plan(tool, arguments)
        if isinstance(plan, ToolError):
            return await self._result(call, plan)
        if permitted and not plan.question:
            return given
        rules = verdict.offers if isinstance(verdict, CommandVerdict) else (verdict.offer,) if verdict.offer else ()
        rules = () if plan.question else rules
        question = question or plan.question
        return ApprovalRequest(
            call,
            tool.effect,
            plan.preview,
            plan.kind,
            plan.facts,
            rules,
            plan.edit_argument,
            question or ("" if rules else verdict.reason),
            replace(permit, seen=plan.seen),
            only_person=bool(question) or verdict.protected,
        )

    async def run(
        self, call: ToolCall, permit: Permit, output: Callable[[str], None], ask: Ask | None = None
    ) -> ToolResult:
        """Run one call as it was permitted; any error becomes an error result for the model."""
        prepared = self._prepare(call)
        if isinstance(prepared, ToolError):
            return await self._result(call, prepared)
        tool, arguments = prepared
        outputs = self._outputs.folder()
        context = replace(self._context, permit=permit, output=output, outputs=outputs, ask=ask, call=call.id)
        given = (context,) if tool.wants_context else ()
        try:
            answer = await tool.function(*given, **arguments)
        except Exception as error:  # a tool must never end a turn: report the error to the model
            answer = ToolError(f"{tool.spec.name} failed: {type(error).__name__}: {error}")
        return await self._result(call, answer)

    def _is_known(self, name: str) -> bool:
        return name in GROUPS or self._sources.knows(name)

    def _sources_changed(self) -> None:
        before, self._tools = self._tools, dict(self._own)
        for info, tool in self._sources.tools():
            name = tool.spec.name
            if name in self._tools:
                continue
            self._tools[name] = tool
            self._groups[name] = info.group
            if name not in before and self._is_wanted(name, tool.effect, info):
                self._offered.add(name)
        self._offered &= self._tools.keys()

    def _is_wanted(self, name: str, effect: ToolEffect, info: SourceInfo) -> bool:
        """Return True if a new tool of a source is to be offered: by the last choice that names it, or by default."""
        on = info.turned_on
        for choice, chosen in self._choices.items():
            if _names(choice, name, effect, info.group):
                on = chosen
        return on

    def _is_needed(self, info: SourceInfo) -> bool:
        """Return True if a tool of a source may be offered, as far as that is known before they are loaded."""
        if not info.prefix:
            return True
        on = info.turned_on
        for choice, chosen in self._choices.items():
            if choice in ("all", info.effect, info.group, f"{info.prefix}*"):
                on = chosen
            elif chosen and choice.startswith(info.prefix):
                on = True
        return on

    def _prepare(self, call: ToolCall) -> tuple[Tool, dict[str, Any]] | ToolError:
        """Return the tool of a call and its checked arguments."""
        tool = self._offered_tool(call)
        if isinstance(tool, ToolError):
            return tool
        if tool.any_arguments:
            arguments = parse_object(call.arguments)
        else:
            arguments = parse_arguments(call.arguments, tool.spec.parameters)
        return ToolError(f"{call.name}: {arguments}") if isinstance(arguments, str) else (tool, arguments)

    def _offered_tool(self, call: ToolCall) -> Tool | ToolError:
        tool = self._tools.get(call.name)
        if tool and call.name in self._offered:
            return tool
        if tool:
            return ToolError(f"the tool {call.name} is turned off; the user turns it on with /tools on {call.name}")
        known = ", ".join(spec.name for spec in self.specs) or "none"
        return ToolError(f"there is no tool {call.name!r}; known tools are {known}")

    async def _verdict(self, tool: Tool, arguments: Mapping[str, Any]) -> Verdict:
        from termchat.tools.policy.judge_command import judge_command  # not before a call: the start is no place for it
        from termchat.tools.policy.judge_host import judge_host

        config, name = self._config, tool.spec.name
        subject = str(arguments.get(tool.subject_argument, ""))
        match tool.subject:
            case Subject.COMMAND:
                path = config.environment.get("PATH", os.defpath)
                return await judge_command(
                    subject, self._rules, cwd=config.cwd, path=path, tool=name, private=config.private
                )
            case Subject.PATH:
                return await asyncio.to_thread(self._path_verdict, tool, subject or ".")
            case Subject.HOST:
                return judge_host(name, urlsplit(subject).hostname or "", self._rules)
            case Subject.NOTHING:
                verdict = judge_tool(name, self._rules)
                without_rule = verdict.answer is Ruling.ASK and verdict.offer
                return (
                    replace(verdict, answer=Ruling.ALLOW)
                    if without_rule and tool.effect is ToolEffect.READ
                    else verdict
                )

    def _path_verdict(self, tool: Tool, path: str) -> PathVerdict:
        from termchat.tools.policy.judge_path import judge_path

        config = self._config
        verdict = judge_path(tool.spec.name, tool.effect, path, self._rules, cwd=config.cwd, private=config.private)
        is_output = (
            tool.effect is ToolEffect.READ and verdict.answer is Ruling.ASK and self._outputs.holds(verdict.path)
        )
        return replace(verdict, answer=Ruling.ALLOW) if is_output else verdict

    def _permit(self, verdict: Verdict) -> Permit:
        match verdict:
            case CommandVerdict():
                return Permit(pipeline=verdict.pipeline or (), environment=verdict.environment)
            case PathVerdict():
                inside = verdict.path.is_relative_to(os.path.realpath(self._config.cwd))
                return Permit(outside=not inside, path=str(verdict.path))
            case _:
                return Permit()

    async def _plan(self, tool: Tool, arguments: Mapping[str, Any]) -> Plan | ToolError:
        if tool.plan is None:
            return Plan(json.dumps(arguments, ensure_ascii=False, indent=2))
        try:
            return await tool.plan(self._context, arguments)
        except Exception as error:
            return ToolError(f"{tool.spec.name} failed: {type(error).__name__}: {error}")

    async def _result(self, call: ToolCall, answer: ToolOutput) -> ToolResult:
        if isinstance(answer, ToolError):
            words = (Text(f"Error: {answer.words}"),)
            return ToolResult(call.id, call.name, words, is_error=True, status=answer.status)
        parts: list[Text | Image] = []
        for part in (Text(answer),) if isinstance(answer, str) else answer:
            if isinstance(part, Text):
                part = Text(await asyncio.to_thread(self._outputs.shorten, call.name, part.text))
            parts.append(part)
        status = ToolStatus.FAILED if isinstance(answer, FailedOutput) else ToolStatus.RAN
        return ToolResult(call.id, call.name, tuple(parts), status=status)


def _names(choice: str, name: str, effect: ToolEffect, group: str) -> bool:
    """Return True if a choice (`all`, an effect, a group, a name, `mcp_SERVER_*`) names a tool."""
    return choice in ("all", effect, group or name, name) or (choice.endswith("_*") and name.startswith(choice[:-1]))


if TYPE_CHECKING:
    _port: type[provider.Tools] = Toolbox
