"""The tool `run_shell`: runs a command that a rule allows without a shell, or the text that a person approved."""

from __future__ import annotations

import asyncio
import hashlib
import os
import signal
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

from termchat.core.approval import PreviewKind, ToolEffect
from termchat.core.messages import ToolStatus
from termchat.late_dataclass import dataclass
from termchat.tools.process.mounts import Mounts, plan_mounts
from termchat.tools.process.placeholders import PlacedFiles
from termchat.tools.process.program_environment import program_environment
from termchat.tools.process.run_process import OUTPUT_LIMIT, ProcessEnd, ProcessRequest, ProcessResult, run_process
from termchat.tools.process.sandbox import Sandbox, detect_sandbox, sandbox_environment, sandbox_words
from termchat.tools.protected_paths import home_of
from termchat.tools.registry import Plan, Subject, ToolContext, ToolError, ToolOutput, tool

LONGEST_SECONDS = 3600
LONGEST_COMMAND = 100_000  # bytes; Linux takes 128 kB in one argument
_SHELLS = ("/bin/bash", "/usr/bin/bash", "/usr/local/bin/bash", "/run/current-system/sw/bin/bash")


@dataclass(frozen=True, slots=True)
class _Surroundings:
    """The surroundings of a command: its directory and sandbox, and the phrases that tell a person of them."""

    mounts: Mounts
    sandbox: Sandbox | None
    network: bool
    facts: tuple[str, ...]

    @property
    def seen(self) -> str:
        return hashlib.sha256("\0".join(self.facts).encode()).hexdigest()


async def plan_command(context: ToolContext, arguments: Mapping[str, Any]) -> Plan | ToolError:
    """Return the command with its directory and sandbox, or the error of a command that cannot run."""
    command: str = arguments["command"]
    if wrong := _wrong(command, arguments.get("timeout", 1)):
        return wrong
    around = await _surroundings(context, bool(arguments.get("network", False)))
    if isinstance(around, ToolError):
        return around
    return Plan(command, PreviewKind.COMMAND, around.facts, edit_argument="command", seen=around.seen)


@tool(effect=ToolEffect.RUN, subject=Subject.COMMAND, subject_argument="command", plan=plan_command)
async def run_shell(
    context: ToolContext,
    command: Annotated[str, "The command, for bash; it has no terminal and its standard input is empty"],
    timeout: Annotated[int, "Seconds after which the command and all it started are stopped"] = 120,
    network: Annotated[bool, "True if the command needs the network; the user is asked"] = False,
) -> ToolOutput:
    """Run a command in the user's working directory and return its output. Nothing it starts outlives it. Other
    directories, .git/config, .git/hooks and settings of editors are read-only, /tmp is new and empty each time."""
    permit = context.permit
    if wrong := _wrong(command, timeout):
        return wrong
    if not permit.pipeline and not permit.by_person:
        return ToolError("a command needs the user's approval")
    around = await _surroundings(context, network and permit.by_person)
    if isinstance(around, ToolError):
        return around
    if permit.by_person and permit.seen not in ("", around.seen):
        return ToolError(f"nothing ran: the user approved other conditions than now: {', '.join(around.facts)}")
    pipeline = permit.pipeline or ((*_shell(), command),)
    note = "[no network: only the user can allow it]" if network and not permit.by_person else ""
    return await _run(context, around, pipeline, timeout, note)


def _wrong(command: str, timeout: int) -> ToolError | None:
    if not command.strip():
        return ToolError("the command is empty")
    if "\0" in command:
        return ToolError("the command contains a NUL character")
    if len(command.encode("utf-8", "surrogatepass")) > LONGEST_COMMAND:
        return ToolError(f"the command is longer than {LONGEST_COMMAND} bytes; write it to a file and run that")
    if not 1 <= timeout <= LONGEST_SECONDS:
        return ToolError(f"timeout must be from 1 to {LONGEST_SECONDS} seconds")
    return None


async def _surroundings(context: ToolContext, network: bool) -> _Surroundings | ToolError:
    sandbox = await detect_sandbox()
    home = home_of(context.environment)
    private = (*context.private, context.outputs) if context.outputs else context.private
    mounts = await asyncio.to_thread(plan_mounts, context.cwd, home, private)
    if isinstance(mounts, str):
        return ToolError(f"{mounts}: {context.cwd}")
    facts = [f"in {_short(mounts.root, home)}", sandbox_words(sandbox, network=network)]
    if sandbox and mounts.read_only:
        facts.append(mounts.read_only)
    return _Surroundings(mounts, sandbox, network, tuple(facts))


def _short(path: Path, home: Path) -> str:
    if path == home:
        return "~"
    return f"~/{path.relative_to(home)}" if path.is_relative_to(home) else str(path)


def _shell() -> tuple[str, ...]:
    bash = next((path for path in _SHELLS if os.access(path, os.X_OK)), "")
    return (bash, "--noprofile", "--norc", "-c") if bash else ("/bin/sh", "-c")


async def _run(
    context: ToolContext, around: _Surroundings, pipeline: tuple[tuple[str, ...], ...], timeout: int, note: str
) -> ToolOutput:
    environment = program_environment(context.environment, around.mounts.root, context.permit.environment)
    request = ProcessRequest(pipeline, around.mounts.root, environment, timeout, folder=context.outputs)
    try:
        if around.sandbox is None:
            result, notes = await run_process(request, context.output), list[str]()
        else:
            result, notes = await _run_sandboxed(context, around, around.sandbox, request)
    except OSError as error:
        return ToolError(f"the command cannot start: {error.strerror or error}: {error.filename or pipeline[0][0]}")
    if around.sandbox and result.text.startswith("bwrap: ") and result.codes[-1] == 1:
        return ToolError(f"the command did not start in the sandbox: {result.text.strip()}")
    return _answer(result, timeout, [*notes, *([note] if note else ())])


async def _run_sandboxed(
    context: ToolContext, around: _Surroundings, sandbox: Sandbox, request: ProcessRequest
) -> tuple[ProcessResult, list[str]]:
    placed = PlacedFiles(around.mounts)
    placing = asyncio.ensure_future(asyncio.to_thread(placed.place))
    try:
        mounts = await asyncio.shield(placing)
        pipeline = tuple(sandbox.argv(argv, mounts, network=around.network) for argv in request.pipeline)
        environment = sandbox_environment(request.environment)
        inside = replace(request, pipeline=pipeline, directory=Path("/"), environment=environment, sandboxed=True)
        result = await run_process(inside, context.output)
    finally:
        try:
            await asyncio.wait((placing,))
        finally:
            notes = placed.remove()  # a few system calls, and a cancelled task may not get to wait for a thread
    return result, [f"[{note}]" for note in notes]


def _answer(result: ProcessResult, timeout: int, notes: list[str]) -> ToolOutput:
    """Return the output, then the lines that tell the end; first for one that was stopped."""
    match result.end:
        case ProcessEnd.TIMED_OUT:
            head = f"[stopped after {timeout} s; a longer timeout may be given, up to {LONGEST_SECONDS}]"
            return ToolError("\n".join([head, *notes, result.text]).rstrip(), ToolStatus.TIMED_OUT)
        case ProcessEnd.OUTPUT_LIMIT:
            head = f"[stopped at the limit of {OUTPUT_LIMIT // 1_000_000} MB of output]"
            return ToolError("\n".join([head, *notes, result.text]).rstrip())
        case ProcessEnd.EXITED:
            lines = [result.text.rstrip("\n") or "[no output]", *_ends(result.codes), *notes]
            return "\n".join(lines)


def _ends(codes: tuple[int | None, ...]) -> list[str]:
    """Return the lines about exit codes: that of the last process, and of others that failed by themselves."""
    last = [_end(codes[-1])] if codes[-1] != 0 else []
    quiet = (0, -signal.SIGPIPE, 128 + signal.SIGPIPE)
    others = [
        f"{_end(code)} of process {n} in the pipeline" for n, code in enumerate(codes[:-1], 1) if code not in quiet
    ]
    return [f"[{words}]" for words in (*others, *last)]


def _end(code: int | None) -> str:
    if code is None:
        return "no exit code"
    if code < 0:
        return f"ended by signal {-code}"
    if 128 < code <= 128 + 64:
        return f"exit code {code}: ended by signal {code - 128}"
    return f"exit code {code}"
