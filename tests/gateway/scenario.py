"""Answers for manual tries: the model's name or the whole message selects one."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from tests.gateway import fault, reading
from tests.gateway.answers import Answer
from tests.gateway.requests import RecordedRequest
from tests.gateway.script import Block, Call, Citation, Finish, Reasoning, Refusal, Reply, Search, Text, Usage

PACE = 0.012  # seconds between two words

_EXPRESSION = re.compile(r"[-+*/%^().\d\s]*\d[-+*/%^().\d\s]*")


def select_answer(request: RecordedRequest) -> Answer:
    """Select the answer to a request."""
    asked = reading.question(request)
    for word in (request.model.rsplit("/", 1)[-1], asked.strip().lower()):
        if word in BEHAVIOURS:
            return BEHAVIOURS[word]()
    wanted = reading.schema(request)
    if wanted and asked.strip().lower() != "misfit":
        return _paced(json.dumps(_sample(wanted, wanted), ensure_ascii=False))
    found = reading.results(request)
    if found:
        return _paced("The tools said:\n\n" + "\n".join(f"- `{line}`" for line in found) + "\n")
    if reading.searches(request):
        return _searched(asked)
    calls = _calls(asked.lower(), reading.offered(request))
    if calls:
        return Reply(Reasoning("A tool ", "knows that."), *calls, usage=Usage(40, 20, reasoning=6)).on(pace=PACE)
    return _echo(asked)


def _calls(asked: str, offered: set[str]) -> list[Call]:
    calls: list[Call] = []
    if "time" in asked and "current_time" in offered:
        calls.append(Call("current_time"))
    if "calculate" in asked and "calculate" in offered:
        found = _EXPRESSION.search(asked)
        calls.append(Call("calculate", {"expression": found[0].strip() if found else "6*7"}))
    return calls


def _searched(asked: str) -> Reply:
    """A reply with a web search and its sources."""
    pages = (
        Citation("https://en.wikipedia.org/wiki/Tea", "Tea - Wikipedia"),
        Citation("https://zh.wikipedia.org/wiki/%E8%8C%B6", "茶 - 维基百科，自由的百科全书"),
        Citation("javascript:alert(1)", "A page that is none"),
    )
    begin, more, last = (
        Text.words(text)
        for text in ("I looked it up. Tea is a drink ", "made of leaves, 也叫**茶**.", " Some disagree.\n")
    )
    steps = (Reasoning("I must ", "look."), Search(asked[:60], pages), begin, pages[0], Block(), more, pages[1])
    return Reply(*steps, pages[0], Block(), last, pages[2], usage=Usage(900, 60)).on(pace=PACE)


def _sample(schema: Any, root: dict[str, Any]) -> Any:
    """A value that matches a simple schema."""
    while "$ref" in schema:
        for name in (found := root, *schema["$ref"].removeprefix("#/").split("/"))[1:]:
            found = found[name]
        schema = found
    if schema.get("enum"):
        return schema["enum"][0]
    match schema.get("type"):
        case "object":
            return {name: _sample(inner, root) for name, inner in (schema.get("properties") or {}).items()}
        case "array":
            return [_sample(schema.get("items") or {}, root)]
        case "integer" | "number":
            return 42
        case "boolean":
            return True
        case _:
            return "wörds"


def _echo(asked: str) -> Reply:
    quoted = "\n".join(f"> {line}" for line in asked.splitlines() or [""])
    text = f"""## You said

{quoted}

I am the test gateway, **not a model**. I can

1. echo your words,
2. call `current_time` and `calculate` when you offer them and say *time* or *calculate 6\\*7*,
3. play {", ".join(f"`{name}`" for name in BEHAVIOURS)}.

```python
def answer(question: str) -> str:
    return question  # 你好, wörld 🙂
```
"""
    reasoning = Reasoning("The user ", "said something ", "and I ", "say it ", "again.")
    words = Text.words(text)
    usage = Usage(input=20 + len(asked) // 4, output=10 + len(words.chunks), reasoning=10)
    return Reply(reasoning, words, usage=usage).on(pace=PACE)


def _paced(text: str, **options: object) -> Reply:
    words = Text.words(text)
    return Reply(words, usage=Usage(20, len(words.chunks)), **options).on(pace=PACE)  # type: ignore[arg-type]


def _long() -> Reply:
    section = "## Part {}\n\n" + "The quick brown fox jumps over the *lazy* dog, **again** and `again`. " * 12 + "\n\n"
    table = "| a | b |\n|---|---|\n| 1 | 2 |\n| 3 | 4 |\n\n```sh\nls -l | wc -l\n```\n\n"
    return _paced("".join(section.format(number) + table for number in range(1, 13))).on(pace=0.003)


def _half() -> Reply:
    return _paced("This reply was meant to be much longer, but it ends in the middle of ")


BEHAVIOURS: dict[str, Callable[[], Answer]] = {
    "long": _long,
    "cut": lambda: _half().after(9, fault.fin()),
    "length": lambda: _paced("This reply reaches its token limit in the mid", finish=Finish.LENGTH),
    "stall": lambda: _half().after(9, fault.stall()),
    "filter": lambda: _paced("This reply is taken away bec", finish=Finish.CONTENT_FILTER),
    "refusal": lambda: Reply(Refusal("I will not do that.")),
    "slow": lambda: _paced("One word a second, so that you can press keys meanwhile.").on(pace=1.0),
    "html": lambda: fault.html(502),
    "empty": fault.empty_200,
    "cached": lambda: Reply(Text.words("I knew that already."), usage=Usage(4100, 310, cached=3200)).on(pace=PACE),
    "401": lambda: fault.status(401, echo_key=True),
    "403": lambda: fault.status(403),
    "404": lambda: fault.status(404),
    "429": lambda: fault.status(429, retry_after="2"),
    "500": lambda: fault.status(500),
    "529": lambda: fault.status(529),
}
