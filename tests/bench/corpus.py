"""Deterministic replies for measurements, of any length, of one kind or mixed as models write them."""

from __future__ import annotations

import random
import re
from collections.abc import Callable

_TEXT = (
    "the renderer keeps every row that is final and draws only what changed since the last frame so a reply of any "
    "length costs the same per token and nothing flickers while words arrive from a model that streams its answer in "
    "small pieces which may end anywhere even inside a marker or a wide character"
)
_WORDS = _TEXT.split()
_CHINESE = (
    "渲染器保留每一行最终的文字只绘制上一帧之后变化的部分因此任意长度的回复每个词元的代价都相同"
    "文字到达时不会闪烁模型以小块流式输出"
)
_CODE = (
    "def total(values: list[int], limit: int = 10) -> int:",
    '    """The sum of what is below the limit."""',
    "    result = 0",
    "    for index, value in enumerate(values):",
    "        if value < limit:  # only small ones",
    '            print(f"{index}: {value!r}")',
    "            result += value * 2",
    "    return result",
    "",
)
_TOKEN = re.compile(r"\s?[A-Za-z]{1,7}|\s?\d{1,3}|\n+|[^\x00-\x7f]|\s?.", re.DOTALL)

Random = random.Random


def tokens(text: str) -> list[str]:
    """The text in pieces about as long as a model's tokens."""
    return _TOKEN.findall(text)


def corpus(count: int, kind: str = "mixed", seed: int = 1) -> list[str]:
    """`count` tokens of a kind."""
    rng = random.Random(seed)
    make = _KINDS[kind]
    pieces: list[str] = []
    while len(pieces) < count:
        pieces += tokens(make(rng) + "\n\n")
    return pieces[:count]


def kinds() -> list[str]:
    return list(_KINDS)


def _sentence(rng: Random) -> str:
    words = [rng.choice(_WORDS) for _ in range(rng.randint(6, 18))]
    spot = rng.randrange(len(words))
    look = rng.random()
    if look < 0.25:
        words[spot] = f"**{words[spot]}**"
    elif look < 0.4:
        words[spot] = f"`{words[spot]}()`"
    elif look < 0.48:
        words[spot] = f"*{words[spot]}*"
    elif look < 0.52:
        words[spot] = f"[{words[spot]} page](https://example.com/{words[spot]})"
    return " ".join(words).capitalize() + "."


def _prose(rng: Random) -> str:
    return " ".join(_sentence(rng) for _ in range(rng.randint(2, 6)))


def _chinese(rng: Random) -> str:
    parts: list[str] = []
    for _ in range(rng.randint(3, 8)):
        start = rng.randrange(len(_CHINESE) - 20)
        part = _CHINESE[start : start + rng.randint(6, 20)]
        parts.append(f"**“{part}”**" if rng.random() < 0.2 else part)
        parts.append(rng.choice("，。、；：！"))
    return "".join(parts)


def _bullets(rng: Random) -> str:
    lines: list[str] = []
    for _ in range(rng.randint(3, 7)):
        lines.append(f"- **{rng.choice(_WORDS)}**: {_sentence(rng)}")
        if rng.random() < 0.3:
            lines += [f"  - {_sentence(rng)}" for _ in range(2)]
    return "\n".join(lines)


def _ordered(rng: Random) -> str:
    parts: list[str] = []
    for number in range(1, rng.randint(3, 6)):
        parts.append(f"{number}. {_sentence(rng)}")
        if rng.random() < 0.5:
            parts.append(f"   ```python\n   {_CODE[2].strip()}\n   {_CODE[7].strip()}\n   ```")
    return "\n".join(parts)


def _code(rng: Random) -> str:
    lines = [rng.choice(_CODE) for _ in range(rng.randint(6, 20))]
    return "\n".join(["```python", *_CODE, *lines, "```"])


def _quote(rng: Random) -> str:
    return "\n>\n".join(f"> {_sentence(rng)} {_sentence(rng)}" for _ in range(rng.randint(1, 3)))


def _heading(rng: Random) -> str:
    return f"{'#' * rng.randint(1, 3)} {' '.join(rng.choice(_WORDS) for _ in range(4)).capitalize()}"


def _setext(rng: Random) -> str:
    title = " ".join(rng.choice(_WORDS) for _ in range(4)).capitalize()
    return f"{title}\n{'=' * len(title)}\n\n{_sentence(rng)}"


def _table(rng: Random) -> str:
    columns = rng.randint(2, 4)
    rows = [[" ".join(rng.choice(_WORDS) for _ in range(rng.randint(1, 4))) for _ in range(columns)] for _ in range(6)]
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([lines[0], f"|{'---|' * columns}", *lines[1:]])


def _emoji(rng: Random) -> str:
    signs = ("👍🏽", "👨‍👩‍👧", "🇨🇳", "⚠️", "✨", "é", "👩‍💻")
    return " ".join(f"{rng.choice(signs)} {_sentence(rng)}" for _ in range(2))


_MIX: tuple[tuple[int, Callable[[Random], str]], ...] = (
    (6, _prose),
    (3, _heading),
    (3, _bullets),
    (2, _ordered),
    (2, _code),
    (1, _quote),
    (1, _table),
    (1, _chinese),
    (1, _emoji),
)


def _mixed(rng: Random) -> str:
    weights = [weight for weight, _ in _MIX]
    return rng.choices([make for _, make in _MIX], weights)[0](rng)


_KINDS: dict[str, Callable[[Random], str]] = {
    "mixed": _mixed,
    "prose": _prose,
    "chinese": _chinese,
    "bullets": _bullets,
    "ordered": _ordered,
    "code": _code,
    "quotes": _quote,
    "headings": lambda rng: f"{_heading(rng)}\n\n{_sentence(rng)}",
    "setext": _setext,
    "tables": _table,
    "emoji": _emoji,
}


def shapes(size: int = 1) -> dict[str, str]:
    """Texts of one huge open block each; `size` scales them."""
    rng = random.Random(7)
    line = _CODE[5]
    return {
        "fence": "```python\n" + "\n".join(_CODE[index % 9] for index in range(2000 * size)),
        "bullets": "\n".join(f"- {_sentence(rng)}" for _ in range(1500 * size)),
        "ordered": "\n".join(f"{index + 1}. {_sentence(rng)}" for index in range(1500 * size)),
        "table": "| a | b |\n|---|---|\n"
        + "\n".join(f"| {index} | {_sentence(rng)} |" for index in range(1500 * size)),
        "paragraph": " ".join(_sentence(rng) for _ in range(700 * size)),
        "soft breaks": "\n".join(_sentence(rng) for _ in range(1500 * size)),
        "chinese": "".join(_chinese(rng).replace("*", "") for _ in range(600 * size)),
        "fence in list": "- item\n\n  ```python\n" + "\n".join(f"  {line}" for _ in range(2000 * size)),
        "quote": "\n>\n".join(f"> {_sentence(rng)}" for _ in range(600 * size)),
        "nested items": "- top\n" + "\n".join(f"  - {_sentence(rng)}" for _ in range(800 * size)),
        "deep items": "\n".join("  " * min(index, 60) + f"- {rng.choice(_WORDS)}" for index in range(800 * size)),
        "open strong": "**" + " ".join(_sentence(rng).replace("*", "") for _ in range(500 * size)),
        "open strong chinese": "**" + "".join(_chinese(rng).replace("*", "") for _ in range(500 * size)),
        "word": "x" * (40_000 * size),
        "code line": "```python\n" + "x = 1; " * (6000 * size),
        "blank lines": "a\n" + "\n" * (10_000 * size) + "b",
        "deep quotes": "\n".join(">" * 64 + " " + _sentence(rng) for _ in range(400 * size)),
        "open link": "[" + " ".join(_sentence(rng).replace("[", "") for _ in range(500 * size)),
        "open code": "`" + " ".join(_sentence(rng).replace("`", "") for _ in range(500 * size)),
        "stars": "*a " * (10_000 * size),
        "brackets": "[" * (20_000 * size),
        "indented": "\n".join(f"    {line}" for _ in range(2000 * size)),
    }
