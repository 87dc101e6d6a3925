"""The text of a run's reply, collected from its events."""

from __future__ import annotations

from termchat.core.events import Event, ReasoningDelta, StepStarted, Streamed, TextBecameReasoning, TextDelta


class CollectedReply:
    """Collects text and reasoning. The texts of several steps are on lines of their own, as on standard output."""

    def __init__(self) -> None:
        self._steps: list[list[str]] = [[]]
        self._reasoning: list[str] = []

    def add(self, event: Event) -> None:
        """Take what an event adds to the reply."""
        match event:
            case StepStarted() if event.step > 1:
                self._steps.append([])
            case Streamed(delta=TextDelta(text=text)):
                self._steps[-1].append(text)
            case Streamed(delta=ReasoningDelta(text=text)):
                self._reasoning.append(text)
            case Streamed(delta=TextBecameReasoning()):
                self._reasoning += self._steps[-1]
                self._steps[-1] = []
            case _:
                pass

    @property
    def text(self) -> str:
        whole = ""
        for pieces in self._steps:
            text = "".join(pieces)
            whole += f"\n{text}" if whole and text and not whole.endswith("\n") else text
        return whole

    @property
    def reasoning(self) -> str:
        return "".join(self._reasoning)
