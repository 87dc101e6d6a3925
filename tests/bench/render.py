"""Cost of streaming a reply to a terminal, one-shot and in the REPL, next to `rich.Live(Markdown)` and plain text.

    python -m tests.bench.render            1k and 10k tokens, every size, growth of every shape
    python -m tests.bench.render --quick    1k tokens at 80x24, a few shapes
    python -m tests.bench.render --full     100k tokens too

Token `i` arrives at `i / rate`; a frame begins when the clock allows it and takes as long as it was measured to take,
and the tokens that arrive meanwhile wait for the next one. Latency is the end of a token's frame minus its arrival;
"us/token" is the processor time of this thread, so a busy machine changes latencies more than costs.
"amp" is bytes written over the bytes of the renderer's own one-shot output, "bytes/text" over those of the text.
"""

from __future__ import annotations

import argparse
import gc
import io
import math
import statistics
import sys
import time
import tomllib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from termchat.core.sanitize import Sanitizer, safe
from termchat.core.style import Style, TextRole, Theme
from termchat.ui.markdown import Document, render
from termchat.ui.terminal.frame_clock import FrameClock
from termchat.ui.terminal.row_painter import InlinePainter
from termchat.ui.text.ansi import encode_rows
from termchat.ui.text.palette import ColorDepth, Palette
from tests.bench.corpus import corpus, kinds, shapes
from tests.bench.table import Goal, Plan, Row
from tests.ui.markdown.terminal import Terminal

RATE = 200
SIZES = ((80, 24), (200, 60), (40, 12))
THEMES = Path(__file__).parents[2] / "themes"


def load(name: str) -> Theme:
    """Load a shipped theme."""
    data = tomllib.loads((THEMES / f"{name}.toml").read_text())
    return Theme(data["name"], data["kind"], {TextRole(role): Style(**style) for role, style in data["styles"].items()})


PALETTE = Palette(load("dark"), ColorDepth.TRUE)


class Candidate(Protocol):
    """A renderer of a streamed reply: takes text, and draws all text so far in a frame."""

    written: int
    clock: FrameClock

    def feed(self, text: str) -> None: ...
    def frame(self) -> None: ...
    def close(self) -> None: ...


class Ours:
    def __init__(self, width: int, height: int, write: Callable[[str], None] | None = None) -> None:
        self.written = 0
        self.clock = FrameClock()
        self._sanitizer = Sanitizer()
        self._document = Document(width)
        self._painter = InlinePainter(width, height, PALETTE, write or self._count)

    def feed(self, text: str) -> None:
        self._document.feed(self._sanitizer.feed(text))

    def frame(self) -> None:
        self._painter.frame(self._document.take(), self._document.preview())

    def close(self) -> None:
        self._document.feed(self._sanitizer.close())
        self._document.close()
        self._painter.frame(self._document.take(), [])
        self._painter.close()

    def _count(self, data: str) -> None:
        self.written += len(data.encode())


class Plain:
    def __init__(self, width: int, height: int) -> None:
        self.written = 0
        self.clock = FrameClock()
        self._sanitizer = Sanitizer()
        self._text: list[str] = []

    def feed(self, text: str) -> None:
        self._text.append(self._sanitizer.feed(text))

    def frame(self) -> None:
        self.written += len("".join(self._text).replace("\n", "\r\n").encode())
        self._text.clear()

    close = frame


class RichLive:
    """The whole Markdown again, ten times a second."""

    def __init__(self, width: int, height: int) -> None:
        from rich.console import Console
        from rich.live import Live

        self.written = 0
        self.clock = FrameClock(rate=10)
        self._text = ""
        self._file = io.StringIO()
        look: dict[str, Any] = {"force_terminal": True, "color_system": "truecolor", "legacy_windows": False}
        console = Console(file=self._file, width=width, height=height, **look)
        self._live = Live(console=console, auto_refresh=False, vertical_overflow="ellipsis")
        self._live.start()

    def feed(self, text: str) -> None:
        self._text += text

    def frame(self) -> None:
        from rich.markdown import Markdown

        self._live.update(Markdown(self._text), refresh=True)
        self.written += len(self._file.getvalue().encode())
        self._file.seek(0)
        self._file.truncate()

    def close(self) -> None:
        self.frame()
        self._live.stop()


@dataclass
class Run:
    """Measurements of one streamed reply."""

    cpu: float  # seconds
    tokens: int
    latencies: list[float]
    frames: list[float]
    written: int

    @property
    def per_token(self) -> float:
        return self.cpu / self.tokens * 1e6


def _repl(width: int, height: int) -> Candidate:
    from tests.bench.repl import Repl

    return Repl(width, height, PALETTE.theme)


CANDIDATES: dict[str, Callable[[int, int], Candidate]] = {
    "ours": Ours,
    "in REPL": _repl,
    "plain": Plain,
    "rich.Live": RichLive,
}


def stream(candidate: Candidate, pieces: Sequence[str], rate: float, patience: float = 1e9) -> Run:
    """Stream the tokens; give up when `patience` seconds of work are spent.

    Objects that exist already are frozen out of garbage collection, as the program does once its SDK is loaded.
    """
    gc.unfreeze()
    gc.collect()
    gc.freeze()
    now, at, cpu = 0.0, 0, 0.0
    latencies: list[float] = []
    frames: list[float] = []
    clock = candidate.clock
    while at < len(pieces) and cpu < patience:
        due, arrived = float("inf"), at
        while arrived < len(pieces) and (arrived == at or arrived / rate < max(now, due)):
            came = max(now, arrived / rate)  # pieces that come during a frame are seen after it
            arrived += 1
            wait = clock.arrived(came)
            if wait <= 0:
                due = came
                break
            due = min(due, came + wait)
        now = max(now, due)
        begin, spent = time.perf_counter(), time.thread_time()
        for piece in pieces[at:arrived]:
            candidate.feed(piece)
        candidate.frame()
        cost = time.perf_counter() - begin
        cpu += time.thread_time() - spent
        clock.drawn(now, now + cost)
        now += cost
        latencies += [now - index / rate for index in range(at, arrived)]
        frames.append(cost)
        at = arrived
    spent = time.thread_time()
    candidate.close()
    cpu += time.thread_time() - spent
    return Run(cpu, at, latencies, frames, candidate.written)


def regress(pieces: Sequence[str], width: int, height: int, per_frame: int = 7) -> int:
    """Count cells that showed their final glyph after one frame and something else after the next."""
    terminal = Terminal(width, height)
    candidate = Ours(width, height, terminal.write)
    shots: list[tuple[int, list[list[str]]]] = []
    for at in range(0, len(pieces), per_frame):
        candidate.feed("".join(pieces[at : at + per_frame]))
        candidate.frame()
        shots.append((terminal.top, [list(line.cells) for line in terminal.lines[terminal.top :]]))
    candidate.close()
    final = [line.cells for line in terminal.lines]
    lost, before = 0, set[tuple[int, int]]()
    for top, rows in shots:
        right = {
            (top + y, x)
            for y, row in enumerate(rows)
            for x, cell in enumerate(row)
            if cell.strip() and top + y < len(final) and final[top + y][x : x + 1] == [cell]
        }
        lost += sum(place not in right for place in before if place[0] >= top)
        before = right
    return lost


def growth(text: str, repeats: int = 3) -> tuple[float, float, int, int]:
    """Microseconds per character in the first and last quarter, the worst frame in microseconds, the most live rows."""
    pieces = [text[at : at + 30] for at in range(0, len(text), 30)]
    best: list[float] = []
    rows = 0
    for _ in range(repeats):
        candidate = Ours(80, 24)
        costs: list[float] = []
        for piece in pieces:
            begin = time.thread_time()
            candidate.feed(piece)
            candidate.frame()
            costs.append(time.thread_time() - begin)
        best = [min(pair) for pair in zip(costs, best, strict=True)] if best else costs
        rows = max(rows, len(candidate._document.preview()))
    quarter = len(pieces) // 4
    first, last = sum(best[1:quarter]), sum(best[-quarter:])
    scale = 1e6 / (30 * quarter)
    return first * scale, last * scale, int(max(best) * 1e6), rows


def weight(document: Document) -> int:
    """Bytes that a document holds, without shared objects."""
    seen: set[int] = set()

    def size(value: Any) -> int:
        if id(value) in seen:
            return 0
        seen.add(id(value))
        module = type(value).__module__
        if module.startswith("pygments") or type(value).__name__ in (
            "WidthTable",
            "_StackLexer",
            "_BlockComments",
            "TextRole",
        ):
            return 0
        total = sys.getsizeof(value)
        if isinstance(value, dict):
            return total + sum(size(key) + size(item) for key, item in value.items())
        if isinstance(value, (list, tuple)):
            return total + sum(size(item) for item in value)
        names = getattr(type(value), "__slots__", ())
        return total + size(getattr(value, "__dict__", {})) + sum(size(getattr(value, name)) for name in names)

    return size(document)


def heaviest(text: str) -> int:
    """The most bytes a document ever holds when its finished rows are taken at once."""
    document, most = Document(80), 0
    for at in range(0, len(text), 300):
        document.feed(safe(text[at : at + 300]))
        document.take()
        most = max(most, weight(document))
    return most


def rows(plan: Plan, tokens: int = 10_000) -> Iterator[Row]:
    """Processor time and bytes of a reply in the REPL, with plain text as the floor, and how the time grows."""
    warm_up()
    pieces = corpus(tokens)
    size = len("".join(pieces).encode())
    for rate, name, most in ((RATE, f"{RATE}/s", 60), (20_000, "as fast as possible", 10)):
        runs = [(stream(_repl(80, 24), pieces, rate), stream(Plain(80, 24), pieces, rate)) for _ in range(_runs(plan))]
        own, floor = (statistics.median(run.per_token for run in column) for column in zip(*runs, strict=True))
        yield Row(f"processor time a token, drawn in the REPL, {name}", own, "us", floor, Goal(most=most))
        run = runs[0][0]
        beyond = (run.written - 1.3 * size) / len(run.frames)
        yield Row(f"bytes a frame beyond 1.3 x text, REPL, {name}", beyond, "", None, Goal(most=160))
    short, long = (
        statistics.median(stream(_repl(80, 24), corpus(count), 20_000).cpu for _ in range(_runs(plan)))
        for count in (1000, 100_000)
    )
    yield Row(
        "growth of that time from 1k to 100k tokens: exponent", math.log(long / short, 100), "", None, Goal(most=1.1)
    )


def _runs(plan: Plan) -> int:
    return max(1, plan.rounds // 3)


def warm_up() -> None:
    """Import and compile what a first reply needs."""
    render(safe("**warm** `up`\n\n```python\npass\n```\n" + "".join(corpus(300))), 80)


def table(counts: Sequence[int], sizes: Sequence[tuple[int, int]], patience: float) -> None:
    print("tokens  size    rate   candidate   us/token    amp  bytes/text  p50 ms  p99 ms  max ms  worst frame ms")
    for count in counts:
        pieces = corpus(count)
        text = "".join(pieces)
        for width, height in sizes:
            once = len(encode_rows(render(safe(text), width), PALETTE).encode())
            for rate, label in ((RATE, "200/s"), (20_000, "fast")):
                for name, candidate in CANDIDATES.items():
                    run = stream(candidate(width, height), pieces, rate, patience)
                    line(run, f"{count:>6}  {width}x{height:<4} {label:>5}   {name:<9}", once, text)


def line(run: Run, label: str, once: int, text: str) -> None:
    cuts = statistics.quantiles(run.latencies, n=100)
    amp = run.written / once if "ours" in label or "REPL" in label else float("nan")
    cut = "" if run.tokens * 3 > len(text) / 3 else f"  (gave up after {run.tokens} tokens)"
    times = (cuts[49], cuts[98], max(run.latencies), max(run.frames))
    shown = "  ".join(f"{value * 1e3:>6.1f}" for value in times)
    ratio = run.written / len(text.encode())
    if "REPL" in label:
        cut += f"  ({(run.written - 1.3 * len(text.encode())) / len(run.frames):.0f} bytes a frame beyond 1.3 x text)"
    print(f"{label}  {run.per_token:>9.1f}  {amp:>5.2f}  {ratio:>10.2f}  {shown}{cut}")


def kinds_table(count: int) -> None:
    print("\nkind        us/token    amp  bytes/text  regressed cells")
    for kind in kinds():
        pieces = corpus(count, kind)
        text = "".join(pieces)
        run = stream(Ours(80, 24), pieces, RATE)
        once = len(encode_rows(render(safe(text), 80), PALETTE).encode())
        lost = regress(pieces, 80, 24)
        ratio = run.written / len(text.encode())
        print(f"{kind:<10}  {run.per_token:>8.1f}  {run.written / once:>5.2f}  {ratio:>10.2f}  {lost:>6}")


def growth_table(names: Sequence[str], repeats: int) -> None:
    print("\nshape                 us/char q1      q4   q4/q1  worst frame us  live rows  held bytes")
    for name, text in shapes().items():
        if names and name not in names:
            continue
        first, last, worst, rows = growth(text, repeats)
        held = heaviest(text)
        print(f"{name:<20}  {first:>9.2f}  {last:>7.2f}  {last / first:>5.2f}  {worst:>13}  {rows:>9}  {held:>9}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="1k tokens, one size, a few shapes")
    parser.add_argument("--full", action="store_true", help="100k tokens as well")
    parser.add_argument("--patience", type=float, default=20, help="seconds of work before a candidate gives up")
    options = parser.parse_args()
    warm_up()
    counts = (1000,) if options.quick else (1000, 10_000, 100_000) if options.full else (1000, 10_000)
    table(counts, SIZES[:1] if options.quick else SIZES, options.patience)
    kinds_table(500 if options.quick else 1500)
    growth_table(("fence in list", "open strong", "word") if options.quick else (), 1 if options.quick else 3)


if __name__ == "__main__":
    main()
