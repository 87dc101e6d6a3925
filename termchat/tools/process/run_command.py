"""A command of the tool `run_shell`: its surroundings for the approval, its run and the words of its result."""

from __future__ import annotations

import asyncio
import hashlib
import os
import signal
from dataclasses import replace
from pathlib import Path

from termchat.core.messages import ToolStatus
from termchat.late_dataclass import dataclass
from termchat.tools.process.mounts import Mounts, plan_mounts
from termchat.tools.process.placeholders import PlacedFiles
from termchat.tools.process.process_limits import PROCESSES, memory_limit
from termchat.tools.process.program_environment import program_environment
from termchat.tools.process.run_process import OUTPUT_LIMIT, ProcessEnd, ProcessRequest, ProcessResult, run_process
from termchat.tools.process.sandbox import Sandbox, detect_sandbox, sandbox_environment, sandbox_words
from termchat.tools.protected_paths import home_of
from termchat.tools.registry import FailedOutput, ToolContext, ToolError

_SHELLS = ("/bin/bash", "/usr/bin/bash", "/usr/local/bin/bash", "/run/current-system/sw/bin/bash")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The surroundings of a command.

    network   True if the command may use the network
    facts     phrases that tell a person of the directory and the sandbox
    """

    mounts: Mounts
    sandbox: Sandbox | None
    network: bool
    facts: tuple[str, ...]

    @property
    def seen(self) -> str:
        """The hash for `Plan.seen`: a command runs only under the conditions that were approved."""
        return hashlib.sha256("\0".join(self.facts).encode()).hexdigest()


async def find_surroundings(context: ToolContext, *, network: bool, secrets: bool = True) -> Surroundings | ToolError:
    """Return the surroundings of a command, or the error of a directory where nothing runs.

    secrets   False to hide the secrets in the working directory, too
    """
    sandbox = await detect_sandbox()
    home = home_of(context.environment)
    private = (*context.private, context.outputs) if context.outputs else context.private
    mounts = await asyncio.to_thread(plan_mounts, context.cwd, home, private, secrets)
    if isinstance(mounts, str):
        return ToolError(f"{mounts}: {context.cwd}")
    facts = [f"in {_short(mounts.root, home)}", sandbox_words(sandbox, network=network)]
    if sandbox and mounts.read_only:
        facts.append(mounts.read_only)
    return Surroundings(mounts, sandbox, network, tuple(facts))


def _short(path: Path, home: Path) -> str:
    if path == home:
        return "~"
    return f"~/{path.relative_to(home)}" if path.is_relative_to(home) else str(path)


def shell_argv(text: str) -> tuple[str, ...]:
    """Return the argv that runs a text in bash, or in sh where there is no bash."""
    bash = next((path for path in _SHELLS if os.access(path, os.X_OK)), "")
    return (bash, "--noprofile", "--norc", "-c", text) if bash else ("/bin/sh", "-c", text)


async def run_command(
    context: ToolContext, around: Surroundings, pipeline: tuple[tuple[str, ...], ...], timeout: int
) -> str | ToolError:
    """Run a pipeline of argv to its end, in the sandbox if there is one. Return the output and the words of the end.

    timeout   seconds
    """
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
    return _answer(result, timeout, notes)


async def _run_sandboxed(
    context: ToolContext, around: Surroundings, sandbox: Sandbox, request: ProcessRequest
) -> tuple[ProcessResult, list[str]]:
    placed = PlacedFiles(around.mounts)
    placing = asyncio.ensure_future(asyncio.to_thread(placed.place))
    try:
        mounts = await asyncio.shield(placing)
        pipeline = tuple(sandbox.argv(argv, mounts, network=around.network) for argv in request.pipeline)
        environment = sandbox_environment(request.environment, network=around.network)
        inside = replace(request, pipeline=pipeline, directory=Path("/"), environment=environment, sandboxed=True)
        result = await run_process(inside, context.output)
    finally:
        try:
            await asyncio.wait((placing,))
        finally:
            notes = placed.remove()  # a few system calls, and a cancelled task may not get to wait for a thread
    return result, [f"[{note}]" for note in notes]


def _answer(result: ProcessResult, timeout: int, notes: list[str]) -> str | ToolError:
    """Return the output, then the lines that tell the end; first for one that was stopped."""
    match result.end:
        case ProcessEnd.TIMED_OUT:
            head = f"[stopped after {timeout} s; a longer timeout may be given]"
            return ToolError("\n".join([head, *notes, result.text]).rstrip(), ToolStatus.TIMED_OUT)
        case ProcessEnd.OUTPUT_LIMIT:
            head = f"[stopped at the limit of {OUTPUT_LIMIT // 1_000_000} MB of output]"
            return ToolError("\n".join([head, *notes, result.text]).rstrip())
        case ProcessEnd.MEMORY_LIMIT:
            head = f"[stopped at the limit of {memory_limit() / 1e9:.1f} GB of memory for one command]"
            return ToolError("\n".join([head, *notes, result.text]).rstrip())
        case ProcessEnd.PROCESS_LIMIT:
            head = f"[stopped at the limit of {PROCESSES} processes for one command]"
            return ToolError("\n".join([head, *notes, result.text]).rstrip())
        case ProcessEnd.EXITED:
            lines = [result.text.rstrip("\n") or "[no output]", *_ends(result.codes), *notes]
            words = "\n".join(lines)
            return words if result.codes[-1] == 0 else FailedOutput(words)


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
