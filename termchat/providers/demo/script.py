"""Scripted replies: the steps of a reply (text, reasoning, calls, failures) and the player that streams them as deltas.

Without a network: the same script always gives the same deltas, at a pace or at once.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncGenerator, Mapping, Sequence
from decimal import Decimal
from typing import TypeAlias, assert_never

from termchat.core.errors import Failure, ProviderError
from termchat.core.events import (
    Delta,
    Finished,
    ReasoningDelta,
    Retrying,
    TextDelta,
    ToolCallDelta,
    UsageDelta,
)
from termchat.core.outcomes import FinishReason
from termchat.core.provider import Request, StreamMonitor
from termchat.core.usage import Usage
from termchat.late_dataclass import dataclass
from termchat.providers.http.retry import interruptible_sleep

_WORD = re.compile(r"\s*(?:[\u2e80-\u9fff\uff00-\uffef]|[^\s\u2e80-\u9fff\uff00-\uffef]+)|\s+")


@dataclass(frozen=True, slots=True)
class ScriptSay:
    """Stream text."""

    text: str


@dataclass(frozen=True, slots=True)
class ScriptThink:
    """Stream reasoning."""

    text: str


@dataclass(frozen=True, slots=True)
class ScriptCall:
    """Call tools in parallel, with interleaved arguments. The ids are `prefix` and a number.

    calls   (name of the tool, arguments) of each call
    """

    calls: tuple[tuple[str, Mapping[str, str]], ...]
    prefix: str


@dataclass(frozen=True, slots=True)
class ScriptRetry:
    """Fail a request, and announce try `attempt` of `tries` after `delay` seconds."""

    failure: Failure
    attempt: int
    tries: int
    delay: float


@dataclass(frozen=True, slots=True)
class ScriptFail:
    """End the reply with a failure; after text the reply is truncated."""

    failure: Failure


@dataclass(frozen=True, slots=True)
class ScriptSilence:
    """Send nothing more and never end."""


@dataclass(frozen=True, slots=True)
class ScriptEnd:
    """End the reply."""

    reason: FinishReason = FinishReason.STOP


Step: TypeAlias = ScriptSay | ScriptThink | ScriptCall | ScriptRetry | ScriptFail | ScriptSilence | ScriptEnd
Script: TypeAlias = tuple[Step, ...]


def split_words(text: str) -> list[str]:
    """Split text into words with their leading whitespace; a CJK character is a word. Joined, they are the text."""
    return _WORD.findall(text)


async def play(
    script: Script, request: Request, monitor: StreamMonitor, words_per_second: float
) -> AsyncGenerator[Delta, None]:
    """Stream a script as deltas, at once for 0 words per second. Raises ProviderError for a `ScriptFail`."""
    pace = _Pace(words_per_second)
    usage = Usage(_input_words(request), estimated=True, cost=Decimal(0))
    for index, step in enumerate(script):
        match step:
            case ScriptSay() | ScriptThink():
                for piece in split_words(step.text) if words_per_second else [step.text]:
                    await pace.word()
                    monitor.bytes_received += len(piece)
                    yield TextDelta(index, piece) if isinstance(step, ScriptSay) else ReasoningDelta(index, piece)
                usage += _usage(step)
            case ScriptCall():
                for delta in _calls(step, index):
                    await pace.word()
                    monitor.bytes_received += 1
                    yield delta
            case ScriptRetry():
                yield Retrying(step.attempt, step.tries, step.delay, step.failure)
                await interruptible_sleep(step.delay if words_per_second else 0, monitor)
            case ScriptFail():
                raise ProviderError(step.failure)
            case ScriptSilence():
                await asyncio.Event().wait()
            case ScriptEnd():
                yield UsageDelta(usage)
                yield Finished(step.reason, step.reason.value)
            case _:
                assert_never(step)


class _Pace:
    """Keeps a rate of words per second from the first word on: after a late word, the next ones catch up."""

    def __init__(self, words_per_second: float) -> None:
        self._gap = 1 / words_per_second if words_per_second else 0.0
        self._next = 0.0

    async def word(self) -> None:
        """Wait until the next word is due."""
        now = asyncio.get_running_loop().time()
        self._next = max(self._next + self._gap, now - 10 * self._gap) if self._next else now
        await asyncio.sleep(max(0.0, self._next - now))


def _calls(step: ScriptCall, index: int) -> list[Delta]:
    """Return the deltas of calls as servers send them: all names, then the arguments in two interleaved pieces."""
    arguments = [json.dumps(values, ensure_ascii=False) for _, values in step.calls]
    deltas: list[Delta] = [
        ToolCallDelta(index + n, f"{step.prefix}{n}", name) for n, (name, _) in enumerate(step.calls)
    ]
    for half in (0, 1):
        for n, text in enumerate(arguments):
            middle = len(text) // 2
            deltas.append(
                ToolCallDelta(index + n, arguments=text[middle:] if half else text[:middle], complete=bool(half))
            )
    return deltas


def _usage(step: ScriptSay | ScriptThink) -> Usage:
    words = len(split_words(step.text))
    return Usage(output=words, reasoning=words if isinstance(step, ScriptThink) else 0, cost=Decimal(0))


def _input_words(request: Request) -> int:
    texts: Sequence[str] = [request.system, *(message.text for message in request.messages)]
    results = [result.text for message in request.messages for result in message.results]
    return sum(len(split_words(text)) for text in (*texts, *results))
