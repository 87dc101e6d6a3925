"""Test doubles for front ends: a provider that does what the question says, and the real engine around it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Sequence
from decimal import Decimal

from termchat.core.errors import Failure, FailureDetails, FailureKind, ProviderError
from termchat.core.events import Delta, Finished, ReasoningDelta, Retrying, TextDelta, ToolCallDelta, UsageDelta
from termchat.core.messages import Origin, Role, Text, ToolCall, ToolResult
from termchat.core.models import ApiProtocol, ModelInfo, ModelRef
from termchat.core.outcomes import FinishReason
from termchat.core.provider import Request, StreamMonitor, ToolSpec
from termchat.core.sanitize import safe, safe_format
from termchat.core.usage import Usage
from termchat.engine.session import ChatSession
from termchat.engine.turn import TurnConfig
from termchat.providers.http.retry import interruptible_sleep

FAKE = ModelRef("fake", "one")
OTHER = ModelRef("fake", "two")
DETAILS = FailureDetails(
    safe_format("api.fake"), safe_format("one"), safe_format("req_7f"), safe('{"error": "bad key"}')
)
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


class FakeProvider:
    """Answers by the first word of the question; any other question is echoed in a few pieces.

    lines N MS    N numbered lines, one every MS milliseconds
    long N MS     N lines of about 95 columns, one every MS milliseconds
    think         reasoning, then an answer
    ponder        reasoning without end
    code          a code block
    marks         a list, a quotation, a rule and a table
    wide          CJK, a command, a link and an address that are wider than the screen
    mixed MS      `MIXED`: all that Markdown has, 200 lines of code, seven characters every MS milliseconds
    tool NAME     a call of that tool, then what it gave
    hang          nothing at all, until it is stopped
    drip          a word every tenth of a second, without end
    refuse        a key that is refused, before any content
    broke         an account out of credit, with the page where it is bought
    cut           half a reply, then a cut stream
    length        a reply that reaches its limit
    filter        a reply that is taken away
    missing       a model that is not there, unless it is the first
    overloaded    twice overloaded, with a page that tells of it, then given up; `overloaded once`: then an answer
    stall         some words, then nothing more; the second time an answer
    retry         one visible retry, then an answer
    retry S       the same, after S seconds
    full N        an answer, and N tokens in all
    print         prints to standard output in the middle of a reply
    """

    stalled = False
    overloaded = False

    def __init__(self, ref: ModelRef) -> None:
        self.ref = ref
        self.origin = Origin(ref.provider, ApiProtocol.CHAT, ref.model)

    async def stream(self, request: Request, wire: StreamMonitor) -> AsyncGenerator[Delta, None]:
        last = request.messages[-1]
        question = next(m.text for m in reversed(request.messages) if m.role is Role.USER)
        if last.role is Role.TOOL:
            yield TextDelta(0, f"the tool said {last.results[-1].text[:20]}")
        else:
            async for delta in self._reply(question, wire):
                wire.bytes_received += 1
                yield delta
        if question.startswith("tool") and last.role is not Role.TOOL:
            yield Finished(FinishReason.TOOL_CALLS)
            return
        words = question.split()
        tokens = int(words[1]) - 34 if words and words[0] == "full" else 12
        yield UsageDelta(Usage(input=tokens, output=34))
        yield Finished(_FINISHES.get(question, FinishReason.STOP))

    async def _reply(self, question: str, wire: StreamMonitor) -> AsyncGenerator[Delta, None]:
        word, *rest = question.split() or [""]
        match word:
            case "lines":
                for n in range(int(rest[0])):
                    yield TextDelta(0, f"L{n:04d} {_LINE}  \n")
                    await asyncio.sleep(int(rest[1]) / 1000)
            case "long":
                for n in range(int(rest[0])):
                    yield TextDelta(0, f"- R{n:04d} {'word ' * 17}\n")
                    await asyncio.sleep(int(rest[1]) / 1000)
            case "think":
                for n in range(20):
                    yield ReasoningDelta(0, f"thought {n} of many, and so on. ")
                    await asyncio.sleep(0.02)
                yield TextDelta(1, "So the answer is 42.")
            case "ponder":
                for n in range(100_000):
                    yield ReasoningDelta(0, f"thought {n} of many. ")
                    await asyncio.sleep(0.1)
            case "code":
                yield TextDelta(0, "Look:\n\n```python\ndef f(x):\n    return x + 1\n```\n\nThat is **all**.")
            case "wide":
                text = "这是一段很长的中文，" * 20 + "\n\n```sh\n" + "echo a-long-command --with --many=flags " * 5
                text += "\n```\n\nSee [the site](https://example.com/a/b) 👩‍💻 and "
                text += f"https://example.com/{'path/' * 20} ok.\n"
                for at in range(0, len(text), 7):
                    yield TextDelta(0, text[at : at + 7])
                    await asyncio.sleep(0.005)
            case "marks":
                yield TextDelta(0, "- an item\n\n> a quotation\n\n---\n\n| a | b |\n|---|---|\n| 1 | 2 |\n")
            case "mixed":
                for at in range(0, len(MIXED), 7):
                    yield TextDelta(0, MIXED[at : at + 7])
                    await asyncio.sleep(int(rest[0]) / 1000)
            case "tool":
                yield ToolCallDelta(0, "c1", rest[0], '{"text": "')
                await asyncio.sleep(0.05)
                yield ToolCallDelta(0, arguments='hello"}', complete=True)
            case "hang":
                await asyncio.sleep(3600)
            case "drip":
                for n in range(100_000):
                    yield TextDelta(0, f"word{n} ")
                    await asyncio.sleep(0.1)
            case "refuse":
                raise ProviderError(
                    Failure(
                        FailureKind.AUTH,
                        safe_format("Fake refused the key (401)."),
                        safe_format("Set FAKE_KEY."),
                        401,
                        details=DETAILS,
                    )
                )
            case "broke":
                page = safe_format("https://credit.fake/buy")
                hint = safe_format("Credit and limits: {page}, or choose another model (/model, -m).", page=page)
                raise ProviderError(
                    Failure(FailureKind.QUOTA, safe_format("Out of credit (402)."), hint, 402, url=page)
                )
            case "cut":
                yield TextDelta(0, "half of a rep")
                raise ProviderError(Failure(FailureKind.CUT, safe_format("The stream ended before its end.")))
            case "retry":
                failure = Failure(FailureKind.RATE_LIMITED, safe_format("Rate limited by Fake."))
                seconds = float(rest[0]) if rest and rest[0].isdigit() else 0.9
                yield Retrying(2, 3, seconds, failure)
                await interruptible_sleep(seconds, wire)
                yield TextDelta(0, "here after all")
            case "overloaded":
                page = safe_format("https://status.fake")
                failure = Failure(
                    FailureKind.OVERLOADED,
                    safe_format("Fake is overloaded (529)."),
                    safe_format("Try again later."),
                    url=page,
                )
                FakeProvider.overloaded = not FakeProvider.overloaded
                if rest and not self.overloaded:
                    yield TextDelta(0, f"You said: {question}")
                    return
                for attempt in (2, 3):
                    yield Retrying(attempt, 3, 0.9, failure)
                    await interruptible_sleep(0.9, wire)
                raise ProviderError(failure)
            case "missing" if self.ref != FAKE:
                words = safe_format('No model "one" at fake (404).')
                raise ProviderError(Failure(FailureKind.NOT_FOUND, words, safe_format("See the names.")))
            case "stall":
                FakeProvider.stalled = not FakeProvider.stalled
                yield TextDelta(0, "some words " if self.stalled else "an answer at last")
                await asyncio.sleep(3600 if self.stalled else 0)
            case "print":
                yield TextDelta(0, "before ")
                print("a stray line of a library")
                await asyncio.sleep(0.05)
                yield TextDelta(0, "after")
            case _:
                for piece in ("You said: ", *question.splitlines(keepends=True)):
                    yield TextDelta(0, piece)
                    await asyncio.sleep(0)


class FakeProviders:
    """Two models of one provider."""

    async def open(self, model: ModelRef) -> FakeProvider:
        return FakeProvider(model)

    async def models(self, provider: str, *, fresh: bool = False) -> Sequence[ModelInfo]:
        return [ModelInfo(FAKE, context=128_000), ModelInfo(OTHER), ModelInfo(ModelRef("fake", "three"))]

    def resolve(self, name: str) -> ModelRef | Failure:
        found = [ref for ref in self.known_models() if name in str(ref)]
        if len(found) == 1:
            return found[0]
        ref = ModelRef.parse(name)
        return ref or Failure(FailureKind.NOT_FOUND, safe_format("No model of that name."), safe_format("Try /model."))

    def model_info(self, model: ModelRef) -> ModelInfo | None:
        return ModelInfo(model, context=128_000) if model == FAKE else None

    def known_models(self) -> Sequence[ModelRef]:
        return (FAKE, OTHER)

    def usable_providers(self) -> Sequence[str]:
        return ("fake",)


class FakeTools:
    """`echo` gives its argument back after a moment, `wait` when a test opens the other end of the pipe `TESTTOOL`.

    `fail` fails, `slow` takes very long, `deaf` to be stopped too.
    """

    specs = tuple(
        ToolSpec(n, n, {"type": "object", "properties": {}}) for n in ("echo", "wait", "fail", "slow", "deaf")
    )

    async def run(self, call: ToolCall) -> ToolResult:
        try:
            if call.name == "wait":
                await asyncio.to_thread(lambda: os.close(os.open(os.environ["TESTTOOL"], os.O_RDONLY)))
            else:
                await asyncio.sleep(30 if call.name in ("slow", "deaf") else 0.2)
        except asyncio.CancelledError:
            if call.name == "deaf":
                await asyncio.sleep(30)
            raise
        text = "\n".join(f"row {n}" for n in range(7)) if call.name == "echo" else "no such thing"
        return ToolResult(call.id, call.name, (Text(text),), is_error=call.name == "fail")


class FakePrices:
    def preload(self) -> None: ...

    async def cost(self, model: ModelRef, usage: Usage) -> Decimal | None:
        return Decimal("0.0042")


def fake_session() -> ChatSession:
    """The real engine over the fake provider."""
    return ChatSession(TurnConfig(FAKE, FakeProviders(), tools=FakeTools(), prices=FakePrices()))
