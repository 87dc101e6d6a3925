"""The progress bar of a batch on standard error, drawn by rich, and the summary at the end."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from termchat.batch.batch_progress import BatchProgress
from termchat.core.sanitize import Safe, join, safe, safe_format
from termchat.core.style import TextRole
from termchat.ui.phrases import duration, money
from termchat.ui.text.console import make_console
from termchat.ui.text.palette import Palette

_INTERVAL = 0.25  # seconds between two frames
_NARROWEST_BAR, _WIDEST_BAR = 8, 30  # columns


@asynccontextmanager
async def progress_bar(progress: BatchProgress, palette: Palette) -> AsyncGenerator[None]:
    """Show the progress on standard error while the context lasts; the caller knows that it is a terminal."""
    from rich.progress import BarColumn, Progress, TextColumn

    console = make_console(palette, file=sys.stderr)
    bar = BarColumn(None, "dim", TextRole.ACCENT.value, TextRole.SUCCESS.value, TextRole.ACCENT.value)
    with Progress(
        bar,
        TextColumn("{task.fields[words]}", markup=False),
        console=console,
        auto_refresh=False,
        transient=True,
        expand=False,
    ) as shown:
        task = shown.add_task("", total=progress.total or None, words="")

        def draw() -> None:
            columns = max(20, console.width)
            words = progress_words(progress, time.monotonic(), columns - _NARROWEST_BAR - 2)
            bar.bar_width = max(_NARROWEST_BAR, min(_WIDEST_BAR, columns - len(words) - 2))
            ended = progress.done + progress.failed
            shown.update(task, total=progress.total or None, completed=ended, words=words, refresh=True)

        async def redraw() -> None:
            while True:
                draw()
                await asyncio.sleep(_INTERVAL)

        drawing = asyncio.create_task(redraw())
        try:
            yield
        finally:
            drawing.cancel()


def progress_words(progress: BatchProgress, now: float, columns: int) -> Safe:
    """Return as many figures as fit, the important ones first; their order on screen is fixed."""
    figures = [safe_format("{n}/{total}", n=safe(str(progress.done)), total=safe(str(progress.total)))]
    if progress.failed:
        figures.append(safe_format("{n} failed", n=safe(str(progress.failed))))
    figures.append(_time_left(progress, now))
    if progress.cost:
        figures.append(money(progress.cost))
        figures.append(safe_format("{cost}/h", cost=money(progress.cost_an_hour(now))))
    while len(figures) > 1 and len(join("  ", figures)) > columns:
        figures.pop()
    return join("  ", figures)


def _time_left(progress: BatchProgress, now: float) -> Safe:
    if progress.paused > now:
        return safe_format("waiting {time}", time=duration(progress.paused - now))
    seconds = progress.seconds_left(now)
    return safe_format("starting") if seconds is None else safe_format("{time} left", time=duration(seconds))


def summary_line(progress: BatchProgress, now: float) -> Safe:
    """Return the numbers of a run: `97 of 100 prompts answered (50 earlier), 3 failed; $0.42 in 1m 05s`."""
    parts = [safe_format("{n} of {total} prompts answered", n=_number(progress.done), total=_number(progress.total))]
    if progress.earlier:
        parts[0] = safe_format("{first} ({n} earlier)", first=parts[0], n=_number(progress.earlier))
    others = {name: n for name, n in progress.ends.items() if name not in ("complete", "failed")}
    parts += [safe_format("{n} {name}", n=_number(n), name=safe(name)) for name, n in sorted(others.items())]
    if failed := progress.ends.get("failed"):
        parts.append(safe_format("{n} failed", n=_number(failed)))
    cost = money(progress.cost) if progress.cost or not progress.unpriced else safe("unpriced")
    time_ = duration(now - progress.began)
    return safe_format("{parts}; {cost} in {time}.", parts=join(", ", parts), cost=cost, time=time_)


def _number(number: int) -> Safe:
    return safe(f"{number:,}")
