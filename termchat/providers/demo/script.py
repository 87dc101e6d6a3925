"""A provider's reply as a script: what is said, called, failed, in order; and the player that says it as deltas.

Nothing here knows a network: a reply that is played is the same every time, at a pace or at once.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
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
from termchat.providers.http.retry import interruptible_sleep

_PIECE = re.compile(r"\s*(?:[\u2e80-\u9fff\uff00-\uffef]|[^\s\u2e80-\u9fff\uff00-\uffef]+)|\s+")


@dataclass(frozen=True, slots=True)
class ScriptSay:
    text: str


@dataclass(frozen=True, slots=True)
class ScriptThink:
    text: str


@dataclass(frozen=True, slots=True)
class ScriptCall:
    """Calls made at once, their arguments arriving interleaved; `ids` begin with `prefix`."""

    calls: tuple[tuple[str, Mapping[str, str]], ...]
    prefix: str


@dataclass(frozen=True, slots=True)
class ScriptRetry:
    """The request failed and is sent again after a while, as try `attempt` of `tries`."""

    failure: Failure
    attempt: int
    tries: int
    delay: float


@dataclass(frozen=True, slots=True)
class ScriptFail:
    """The reply ends with a failure; after words that is a cut."""

    failure: Failure


@dataclass(frozen=True, slots=True)
class ScriptSilence:
    """Nothing more comes, and no end either."""


@dataclass(frozen=True, slots=True)
class ScriptEnd:
    reason: FinishReason = FinishReason.STOP


Step: TypeAlias = ScriptSay | ScriptThink | ScriptCall | ScriptRetry | ScriptFail | ScriptSilence | ScriptEnd
Script: TypeAlias = tuple[Step, ...]


def split_words(text: str) -> list[str]:
    """The text word by word, a CJK character being a word; joined they are the text."""
    return _PIECE.findall(text)


async def play(
    script: Script, request: Request, wire: StreamMonitor, words_a_second: float
) -> AsyncGenerator[Delta, None]:
    """The script as deltas, 0 words a second meaning at once. Raises ProviderError where the script fails."""
    pace = _Pace(words_a_second)
    said = Usage(_asked(request), estimated=True, cost=Decimal(0))
    for index, step in enumerate(script):
        match step:
            case ScriptSay() | ScriptThink():
                for piece in split_words(step.text) if words_a_second else [step.text]:
                    await pace.word()
                    wire.bytes_received += len(piece)
                    yield TextDelta(index, piece) if isinstance(step, ScriptSay) else ReasoningDelta(index, piece)
                said += _counted(step)
            case ScriptCall():
                for delta in _calls(step, index):
                    await pace.word()
                    wire.bytes_received += 1
                    yield delta
            case ScriptRetry():
                yield Retrying(step.attempt, step.tries, step.delay, step.failure)
                await interruptible_sleep(step.delay if words_a_second else 0, wire)
            case ScriptFail():
                raise ProviderError(step.failure)
            case ScriptSilence():
                await asyncio.Event().wait()
            case ScriptEnd():
                yield UsageDelta(said)
                yield Finished(step.reason, step.reason.value)
            case _:
                assert_never(step)


class _Pace:
    """So many words a second, measured from the first: a late word does not make the others late."""

    def __init__(self, words_a_second: float) -> None:
        self._gap = 1 / words_a_second if words_a_second else 0.0
        self._next = 0.0

    async def word(self) -> None:
        now = asyncio.get_running_loop().time()
        self._next = max(self._next + self._gap, now - 10 * self._gap) if self._next else now
        await asyncio.sleep(max(0.0, self._next - now))


def _calls(step: ScriptCall, index: int) -> list[Delta]:
    """The deltas of calls as servers send them: names first, then the arguments in turn, in pieces."""
    written = [json.dumps(arguments, ensure_ascii=False) for _, arguments in step.calls]
    deltas: list[Delta] = [
        ToolCallDelta(index + n, f"{step.prefix}{n}", name) for n, (name, _) in enumerate(step.calls)
    ]
    for half in (0, 1):
        for n, text in enumerate(written):
            middle = len(text) // 2
            deltas.append(
                ToolCallDelta(index + n, arguments=text[middle:] if half else text[:middle], complete=bool(half))
            )
    return deltas


def _counted(step: ScriptSay | ScriptThink) -> Usage:
    words = len(split_words(step.text))
    return Usage(output=words, reasoning=words if isinstance(step, ScriptThink) else 0, cost=Decimal(0))


def _asked(request: Request) -> int:
    texts: Sequence[str] = [request.system, *(message.text for message in request.messages)]
    results = [result.text for message in request.messages for result in message.results]
    return sum(len(split_words(text)) for text in (*texts, *results))
