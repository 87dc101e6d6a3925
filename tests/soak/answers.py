"""The gateway's answers in a soak: each question names its number and its kind, and the answer depends on them."""

from __future__ import annotations

import re
from collections import Counter

from tests.gateway import Call, Cut, Reasoning, Reply, Stall, Text, fault
from tests.gateway.answers import Answer
from tests.gateway.requests import RecordedRequest

_QUESTION = re.compile(r"q(\d+) ([a-z]+)")
_RESULT = re.compile(r'tool_result|function_call_output|functionResponse|"role": ?"tool"')
_PAGE = """# Part {n}

Some **bold** words with `code`, a formula $x_{n}^2$ and [a link](https://example.com/{n}).

| name | value |
|---|---|
| a | {n} |
| b | 中文 |

```python
def f(x: int) -> int:
    return x * {n}  # a comment
```

1. one
2. two
"""


class SoakAnswers:
    """Answers requests by the last question in them; calls may come from several connections."""

    def __init__(self) -> None:
        self._seen: Counter[tuple[str, str]] = Counter()

    def __call__(self, request: RecordedRequest) -> Answer:
        body = request.raw.decode("utf-8", "replace")
        found = list(_QUESTION.finditer(body))
        if not found:
            return Reply(Text("end of nothing"))
        number, kind = found[-1].groups()
        rest = body[found[-1].end() :]
        self._seen[number, kind] += 1
        first = self._seen[number, kind] == 1
        end = Text(_PAGE.replace("{n}", number), f"\n\nend of {number}.\n")
        match kind:
            case "tools" if first:
                return Reply(Reasoning("One call."), Call("calculate", {"expression": f"{number}*3"}))
            case "two" if first:
                calls = (Call("calculate", {"expression": f"{number}+{n}"}) for n in (1, 2))
                return Reply(Reasoning("Two calls."), *calls)
            case "cut" if first:
                return Reply(Text("It begins ", "and is cut"), Cut("fin"))
            case "stop" if first:
                return Reply(Text(f"begun {number} "), Stall())
            case "retry" if first:
                return fault.status(503)
            case "bad":
                return fault.status(400, "a bad question")
            case "two" | "tools":
                assert _RESULT.search(rest), "a call without a result"
                return Reply(end)
            case _:
                return Reply(end)
