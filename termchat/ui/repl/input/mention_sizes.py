"""Sizes of mentioned files behind their mentions in the input: `@NAME (3.1 kB)`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.layout.processors import Processor, Transformation, TransformationInput
from prompt_toolkit.layout.utils import explode_text_fragments

from termchat.attachments.mentions import find_mentions, readings
from termchat.attachments.resolve import Resolver
from termchat.core.sanitize import Safe, safe_format
from termchat.ui.phrases import size
from termchat.ui.repl.input.transformed_line import transformed_line

_LENGTH = 20_000  # characters of an input that is looked through


class MentionSizes(Processor):
    """Shows the sizes. Files are looked at on a thread after each change of the text."""

    def __init__(self, resolver: Resolver, style: Callable[[], str], changed: Callable[[], None]) -> None:
        self._resolver = resolver
        self._style = style
        self._changed = changed
        self._labels: dict[str, Safe] = {}  # by target
        self._looked: set[str] = set()
        self._text = ""
        self._task: asyncio.Task[None] | None = None

    def typed(self, text: str) -> None:
        """Look at the files that a text mentions, each once until the input is empty again."""
        if not text:
            self._labels.clear()
            self._looked.clear()
        self._text = text
        if "@" in text and len(text) <= _LENGTH and (self._task is None or self._task.done()):
            self._task = asyncio.get_running_loop().create_task(self._look())

    async def _look(self) -> None:
        """Look at new mentions until there are none; the text may change meanwhile."""
        while targets := self._new_targets(self._text):
            self._looked |= targets
            found = await asyncio.to_thread(self._resolver.sizes, targets)
            if found:
                self._labels |= {target: safe_format(" ({size})", size=size(n)) for target, n in found.items()}
                self._changed()

    def _new_targets(self, text: str) -> set[str]:
        if len(text) > _LENGTH:
            return set()
        return {r.target for m in find_mentions(text) for r in readings(text, m)} - self._looked

    def apply_transformation(self, transformation_input: TransformationInput) -> Transformation:
        given = transformation_input
        line = given.document.lines[given.lineno]
        ends = dict(self._ends(line)) if self._labels and "@" in line else {}
        if not ends:
            return Transformation(given.fragments)
        style, starts = self._style(), [0]
        shown: StyleAndTextTuples = []
        for at, fragment in enumerate(explode_text_fragments(given.fragments), 1):
            shown.append(fragment)
            label = ends.get(at)
            if label:
                shown.append((style, label))
            starts.append(starts[-1] + 1 + len(label or ""))
        return transformed_line(shown, starts)

    def _ends(self, line: str) -> list[tuple[int, Safe]]:
        found: list[tuple[int, Safe]] = []
        for mention in find_mentions(line):
            reading = next((r for r in readings(line, mention) if r.target in self._labels), None)
            if reading:
                found.append((reading.end, self._labels[reading.target]))
        return found
