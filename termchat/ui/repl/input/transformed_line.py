"""A line of the input that is shown with other or more text than it has."""

from __future__ import annotations

from collections.abc import Sequence

from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.layout.processors import Transformation


def transformed_line(shown: StyleAndTextTuples, starts: Sequence[int]) -> Transformation:
    """Return what is shown of a line, with the cursor's way between its columns and those of the line.

    starts   the column on screen of each character of the line, and of the end of the line
    """

    def to_display(at: int) -> int:
        return starts[at] if at < len(starts) else starts[-1] + at - len(starts) + 1

    def to_source(at: int) -> int:
        found = max(n for n, start in enumerate(starts) if start <= at)
        return found + (at - starts[-1] if at > starts[-1] else 0)

    return Transformation(shown, source_to_display=to_display, display_to_source=to_source)
