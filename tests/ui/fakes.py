"""Provide test doubles for front ends: a provider scripted by the question, tools, prices, and the real engine."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from termchat.core.approval import ApprovalRequest, ApprovalScope, Ask, Permit, ToolEffect
from termchat.core.errors import Failure, FailureDetails, FailureKind, ProviderError
from termchat.core.events import Delta, Finished, ReasoningDelta, Retrying, TextDelta, ToolCallDelta, UsageDelta
from termchat.core.messages import Origin, Role, Text, ToolCall, ToolResult
from termchat.core.models import ApiProtocol, AttachmentLimits, ModelInfo, ModelRef
from termchat.core.outcomes import FinishReason
from termchat.core.provider import Effort, Request, StreamMonitor, ToolSpec, split_effort
from termchat.core.sanitize import EMPTY, Safe, safe, safe_format
from termchat.core.usage import Usage
from termchat.engine.session import ChatSession
from termchat.engine.turn import TurnConfig
from termchat.providers.http.retry import interruptible_sleep
from tests.engine.bare_ports import BarePrices, BareTools

FAKE = ModelRef("fake", "one")
OTHER = ModelRef("fake", "two")
LIMITS = AttachmentLimits(("image/png", "image/jpeg"), 2_000_000, 2000, 8000, ("application/pdf",), 2_000_000)
DETAILS = FailureDetails(
    safe_format("api.fake"), safe_format("one"), safe_format("req_7f"), safe('{"error": "bad key"}')
)
_OUTPUT = 34  # tokens of every reply
_FINISHES = {"length": FinishReason.LENGTH, "filter": FinishReason.FILTER}
_LINE = "the quick brown fox 你好世界 jumps over"
_PROSE = "Words that **arrive** in `small` pieces are shown at once, and *nothing* of them is drawn twice. " * 6
MIXED = f"""# A reply of all kinds

{_PROSE}

- one item of a list, long enough to be wrapped at every width that a terminal has in a test of ours
  - nested, 第二层的内容也要换行，不能丢字也不能多出空格，宽度要算对
    1. deeper still 👩‍💻 with an emoji of several parts 🇨🇳 and one more 👍🏽
    2. and the next
- another

> A quotation that goes on for more than one row of the screen, with a [link](https://example.com/some/page) in it.

| name | what it is | how many |
|---|:---:|---:|
| first | 一个很长的单元格，里面有中文和 `code` | 1 |
| second | a cell with many words that have to be folded when the terminal is narrow | 22 |

```python
{chr(10).join(f"def function_{n:03d}(value: int) -> int:  # 第 {n} 行" for n in range(200))}
command = "{"--option=value " * 9}"
```

{"这是一段没有空格的中文，终端自己换行，复制出来是完整的一行。" * 8}

The end 🎉 of it.
"""


@dataclass(frozen=True)
class Question:
    """One question to a script.

    `arguments` are the words after the script's name. `count` is how many times the session has run this script, this
    time included.
    """

    text: str
    arguments: list[str]
    model: ModelRef
    monitor: StreamMonitor
    count: int


def _failure(kind: FailureKind, message: str, hint: str = "", **fields: Any) -> Failure:
    return Failure(kind, safe(message), safe(hint), **fields)


async def _paced(pieces: Iterable[str], seconds: float) -> AsyncGenerator[Delta]:
    for piece in pieces:
        yield TextDelta(0, piece)
        await asyncio.sleep(seconds)


def _pieces_of(text: str, size: int = 7) -> Iterable[str]:
    return (text[at : at + size] for at in range(0, len(text), size))


def _lines(question: Question) -> AsyncGenerator[Delta]:
    count, pause = map(int, question.arguments)
    return _paced((f"L{n:04d} {_LINE}  \n" for n in range(count)), pause / 1000)


async def _held(question: Question) -> AsyncGenerator[Delta]:
    count = int(question.arguments[0])
    for n in range(count):
        if n == count - 1:
            await asyncio.to_thread(_wait_for_pipe)
        yield TextDelta(0, f"L{n:04d} {_LINE}  \n")


def _wait_for_pipe() -> None:
    os.close(os.open(os.environ["TESTTOOL"], os.O_RDONLY))


def _long(question: Question) -> AsyncGenerator[Delta]:
    count, pause = map(int, question.arguments)
    return _paced((f"- R{n:04d} {'word ' * 17}\n" for n in range(count)), pause / 1000)


async def _think(_: Question) -> AsyncGenerator[Delta]:
    for n in range(20):
        yield ReasoningDelta(0, f"thought {n} of many, and so on. ")
        await asyncio.sleep(0.02)
    yield TextDelta(1, "So the answer is 42.")


async def _reasoning(_: Question) -> AsyncGenerator[Delta]:
    for n in range(100_000):
        yield ReasoningDelta(0, f"thought {n} of many. ")
        await asyncio.sleep(0.1)


async def _code(_: Question) -> AsyncGenerator[Delta]:
    yield TextDelta(0, "Look:\n\n```python\ndef f(x):\n    return x + 1\n```\n\nThat is **all**.")


async def _blocks(_: Question) -> AsyncGenerator[Delta]:
    yield TextDelta(0, "- an item\n\n> a quotation\n\n---\n\n| a | b |\n|---|---|\n| 1 | 2 |\n")


def _wide(_: Question) -> AsyncGenerator[Delta]:
    text = "这是一段很长的中文，" * 20 + "\n\n```sh\n" + "echo a-long-command --with --many=flags " * 5
    text += "\n```\n\nSee [the site](https://example.com/a/b) 👩‍💻 and "
    text += f"https://example.com/{'path/' * 20} ok.\n"
    return _paced(_pieces_of(text), 0.005)


def _mixed(question: Question) -> AsyncGenerator[Delta]:
    return _paced(_pieces_of(MIXED), int(question.arguments[0]) / 1000)


async def _tool(question: Question) -> AsyncGenerator[Delta]:
    yield ToolCallDelta(0, "c1", question.arguments[0], '{"text": "')
    await asyncio.sleep(0.05)
    yield ToolCallDelta(0, arguments='hello"}', complete=True)


async def _hang(_: Question) -> AsyncGenerator[Delta]:
    await asyncio.sleep(3600)
    yield TextDelta(0, "")


def _endless(_: Question) -> AsyncGenerator[Delta]:
    return _paced((f"word{n} " for n in range(100_000)), 0.1)


async def _refuse(_: Question) -> AsyncGenerator[Delta]:
    message = "Fake refused the key (401)."
    raise ProviderError(_failure(FailureKind.AUTH, message, "Set FAKE_KEY.", status=401, details=DETAILS))
    yield


async def _quota(_: Question) -> AsyncGenerator[Delta]:
    page = safe_format("https://credit.fake/buy")
    hint = f"Credit and limits: {page}, or choose another model (/model, -m)."
    raise ProviderError(_failure(FailureKind.QUOTA, "Out of credit (402).", hint, status=402, url=page))
    yield


async def _cut(_: Question) -> AsyncGenerator[Delta]:
    yield TextDelta(0, "half of a rep")
    raise ProviderError(_failure(FailureKind.CUT, "The stream ended before its end."))


async def _missing(question: Question) -> AsyncGenerator[Delta]:
    if question.model != FAKE:
        raise ProviderError(_failure(FailureKind.NOT_FOUND, 'No model "one" at fake (404).', "See the names."))
    async for delta in _echo(question):
        yield delta


async def _many_calls(question: Question) -> AsyncGenerator[Delta]:
    tool = "ask" if question.text.startswith("asks") else "echo"
    for n in range(int(question.arguments[0])):
        yield ToolCallDelta(n, f"call{n}", tool, f'{{"text": "number {n}"}}', complete=True)


async def _overloaded(question: Question) -> AsyncGenerator[Delta]:
    if question.arguments and question.count % 2 == 0:
        async for delta in _echo(question):
            yield delta
        return
    page = safe_format("https://status.fake")
    failure = _failure(FailureKind.OVERLOADED, "Fake is overloaded (529).", "Try again later.", url=page)
    for attempt in (2, 3):
        yield Retrying(attempt, 3, 0.9, failure)
        await interruptible_sleep(0.9, question.monitor)
    raise ProviderError(failure)


async def _stall(question: Question) -> AsyncGenerator[Delta]:
    if question.count % 2 == 0:
        yield TextDelta(0, "an answer at last")
        return
    yield TextDelta(0, "some words ")
    await asyncio.sleep(3600)


async def _retry(question: Question) -> AsyncGenerator[Delta]:
    first = question.arguments[0] if question.arguments else ""
    seconds = float(first) if first.isdigit() else 0.9
    yield Retrying(2, 3, seconds, _failure(FailureKind.RATE_LIMITED, "Rate limited by Fake."))
    await interruptible_sleep(seconds, question.monitor)
    yield TextDelta(0, "here after all")


async def _print(_: Question) -> AsyncGenerator[Delta]:
    yield TextDelta(0, "before ")
    print("a stray line of a library")
    await asyncio.sleep(0.05)
    yield TextDelta(0, "after")


def _echo(question: Question) -> AsyncGenerator[Delta]:
    return _paced(("You said: ", *question.text.splitlines(keepends=True)), 0)


SCRIPTS: dict[str, Callable[[Question], AsyncGenerator[Delta]]] = {
    "lines": _lines,
    "held": _held,
    "long": _long,
    "think": _think,
    "reasoning": _reasoning,
    "code": _code,
    "blocks": _blocks,
    "wide": _wide,
    "mixed": _mixed,
    "tool": _tool,
    "calls": _many_calls,
    "asks": _many_calls,
    "hang": _hang,
    "endless": _endless,
    "refuse": _refuse,
    "quota": _quota,
    "cut": _cut,
    "missing": _missing,
    "overloaded": _overloaded,
    "stall": _stall,
    "retry": _retry,
    "print": _print,
}


class FakeProvider:
    """Reply with the script that the first word of the question names; echo any other question.

    | Question         | Reply                                                                                    |
    | ---------------- | ---------------------------------------------------------------------------------------- |
    | `lines N MS`     | N numbered lines, one every MS milliseconds                                              |
    | `held N`         | N numbered lines, the last one once a test opens the pipe named by the variable TESTTOOL   |
    | `long N MS`      | N list items of about 95 columns, one every MS milliseconds                              |
    | `think`          | 0.4 s of reasoning, then an answer                                                       |
    | `reasoning`      | reasoning every 0.1 s without end                                                        |
    | `code`           | a paragraph, a code block and a paragraph                                                |
    | `blocks`         | a list, a quotation, a rule and a table                                                  |
    | `wide`           | CJK text, a command, a link and a URL, all wider than the screen                         |
    | `mixed MS`       | `MIXED`, seven characters every MS milliseconds                                          |
    | `tool NAME`      | a call of that tool of `FakeTools`; in the next step, the beginning of the tool's result |
    | `calls N`        | N calls of the tool `echo`; in the next step, the beginning of the last result           |
    | `asks N`         | the same with the tool `ask`                                                             |
    | `hang`           | nothing, for an hour                                                                     |
    | `endless`        | a word every 0.1 s without end                                                           |
    | `refuse`         | failure: the key is refused (401, with details)                                          |
    | `quota`          | failure: out of credit (402, with the URL of a page)                                     |
    | `cut`            | half a reply, then failure: the stream is cut                                            |
    | `length`         | an echo that ends with the finish reason LENGTH                                          |
    | `filter`         | an echo that ends with the finish reason FILTER                                          |
    | `missing`        | failure: no such model (404); model `fake/one` echoes                                    |
    | `overloaded`     | two retries of 0.9 s, then failure: overloaded (529, with the URL of a status page)      |
    | `overloaded ANY` | the same at the first, third ... question; an echo at the second, fourth ...             |
    | `stall`          | some words, then nothing, at the first, third ... question; an answer at the second ...  |
    | `retry S`        | a retry after S seconds (0.9 if S is no number), then an answer                          |
    | `full N`         | an echo that uses N tokens in all                                                        |
    | `print`          | text with a print to standard output in its middle                                       |
    """

    def __init__(self, model: ModelRef, counts: Counter[str]) -> None:
        """`counts` maps each script to how many times the session has run it; it is updated in place."""
        self.ref = model
        self.origin = Origin(model.provider, ApiProtocol.CHAT, model.model)
        self._counts = counts

    async def stream(self, request: Request, monitor: StreamMonitor) -> AsyncGenerator[Delta, None]:
        last = request.messages[-1]
        text = next(m.text for m in reversed(request.messages) if m.role is Role.USER)
        name, *arguments = text.split() or [""]
        if last.role is Role.TOOL:
            yield TextDelta(0, f"the tool said {last.results[-1].text[:20]}")
        else:
            self._counts[name] += 1
            question = Question(text, arguments, self.ref, monitor, self._counts[name])
            async for delta in SCRIPTS.get(name, _echo)(question):
                monitor.bytes_received += 1
                yield delta
            if name in ("tool", "calls", "asks"):
                yield Finished(FinishReason.TOOL_CALLS)
                return
        tokens = int(arguments[0]) if name == "full" else 12 + _OUTPUT
        yield UsageDelta(Usage(input=tokens - _OUTPUT, output=_OUTPUT))
        yield Finished(_FINISHES.get(text, FinishReason.STOP))


class FakeProviders:
    """One provider with the models `fake/one`, `fake/two` and, only in the provider's own list, `fake/three`."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()

    async def open(self, model: ModelRef) -> FakeProvider:
        return FakeProvider(model, self._counts)

    async def models(self, provider: str, *, fresh: bool = False) -> Sequence[ModelInfo]:
        return [ModelInfo(FAKE, context=128_000), ModelInfo(OTHER), ModelInfo(ModelRef("fake", "three"))]

    def resolve(self, name: str) -> ModelRef | Failure:
        name, _ = split_effort(name)
        found = [ref for ref in self.known_models() if name in str(ref)]
        if len(found) == 1:
            return found[0]
        ref = ModelRef.parse(name)
        return ref or Failure(FailureKind.NOT_FOUND, safe_format("No model of that name."), safe_format("Try /model."))

    favourites: Sequence[ModelRef] = ()

    def set_favourites(self, names: Sequence[str]) -> None:
        self.favourites = [ref for ref in map(ModelRef.parse, names) if ref]

    def effort(self, name: str) -> Effort | None:
        return split_effort(name)[1]

    def model_info(self, model: ModelRef) -> ModelInfo | None:
        return ModelInfo(model, context=128_000) if model == FAKE else None

    def attachment_limits(self, model: ModelRef) -> AttachmentLimits | None:
        return LIMITS if model == FAKE else AttachmentLimits()

    def known_models(self) -> Sequence[ModelRef]:
        return (FAKE, OTHER)

    def missing_key(self, provider: str) -> Safe:
        return EMPTY

    def usable_providers(self) -> Sequence[str]:
        return ("fake",)


class FakeTools(BareTools):
    """Six tools.

    | Tool       | Result                                                                      |
    | ---------- | --------------------------------------------------------------------------- |
    | `echo`     | seven rows after 0.2 s                                                      |
    | `wait`     | an answer once a test opens the pipe named by the variable TESTTOOL         |
    | `fail`     | an error after 0.2 s                                                        |
    | `slow`     | an answer after 30 s                                                        |
    | `nocancel` | an answer after 30 s; a cancel takes effect 30 s later                      |
    | `ask`      | asks for an approval, then returns its arguments                            |
    """

    specs = tuple(
        ToolSpec(name, name, {"type": "object", "properties": {}})
        for name in ("echo", "wait", "fail", "slow", "nocancel", "ask")
    )

    def __init__(self) -> None:
        self.added: list[tuple[str, ApprovalScope]] = []

    async def judge(self, call: ToolCall) -> Permit | ApprovalRequest | ToolResult:
        if call.name != "ask" or self.added:
            return Permit()
        facts = ("in ~/proj", "not sandboxed")
        return ApprovalRequest(call, ToolEffect.RUN, call.arguments, facts=facts, rules=("ask(make)",))

    async def add_rule(self, rule: str, scope: ApprovalScope) -> str:
        self.added.append((rule, scope))
        return ""

    async def run(
        self, call: ToolCall, permit: Permit, output: Callable[[str], None], ask: Ask | None = None
    ) -> ToolResult:
        try:
            if call.name == "ask":
                return ToolResult(call.id, call.name, (Text(f"ran {call.arguments}"),))
            if call.name == "wait":
                await asyncio.to_thread(_wait_for_pipe)
            else:
                await asyncio.sleep(30 if call.name in ("slow", "nocancel") else 0.2)
        except asyncio.CancelledError:
            if call.name == "nocancel":
                await asyncio.sleep(30)
            raise
        text = "\n".join(f"row {n}" for n in range(7)) if call.name == "echo" else "no such thing"
        return ToolResult(call.id, call.name, (Text(text),), is_error=call.name == "fail")


class FakePrices(BarePrices):
    """Price every turn at $0.0042."""

    async def cost(self, model: ModelRef, usage: Usage, at: float | None = None) -> Decimal | None:
        return Decimal("0.0042")


def fake_session() -> ChatSession:
    """Return a session of the real engine over `FakeProviders`, with the model `fake/one`."""
    return ChatSession(TurnConfig(FAKE, FakeProviders(), tools=FakeTools(), prices=FakePrices()))
