"""The replies of several models to one question: live rows, headings and the table at the end."""

from __future__ import annotations

from collections.abc import Sequence

from termchat.config.settings import ReasoningView
from termchat.core.effects import Effect, Print, PrintTable
from termchat.core.events import Event, TurnEnded
from termchat.core.sanitize import EMPTY, Safe, safe, safe_format, safe_line
from termchat.core.session import Offer
from termchat.core.style import TextRole
from termchat.core.usage import Usage
from termchat.ui.blocks import Block
from termchat.ui.compare.live_columns import column_width, side_by_side, text_tail
from termchat.ui.compare.side_reply import SideReply, outcome_word, shown_model
from termchat.ui.phrases import count, duration, money
from termchat.ui.text.fit import truncate
from termchat.ui.text.line import Line, styled_line

_LEAST_TEXT_ROWS = 3
_UNKNOWN = Safe("–")
_HEADER = (
    safe_format("reply"),
    safe_format("time"),
    safe_format("first token"),
    safe_format("in"),
    safe_format("out"),
    safe_format("cost"),
    safe_format("end"),
)


class ComparisonView:
    """The state of a comparison on the screen; all times are seconds of one monotonic clock."""

    def __init__(self, offers: Sequence[Offer], now: float, reasoning: ReasoningView) -> None:
        self._offers = tuple(offers)
        self.replies = [SideReply(self._label(offer), offer.model, now, reasoning) for offer in offers]

    def _label(self, offer: Offer) -> Safe:
        model = safe_format("{model}{think}", model=safe_line(offer.model.model), think=_think(offer))
        return safe_format("{n} {model}", n=safe(str(offer.number)), model=model)

    @property
    def running(self) -> int:
        """Return the number of replies that have not ended."""
        return sum(reply.ended is None for reply in self.replies)

    def stopping(self) -> None:
        """Show that all replies are being stopped."""
        for reply in self.replies:
            reply.stopping()

    def update(self, n: int, event: Event, now: float) -> tuple[Block, ...]:
        """Apply an event of reply `n`, counted from 0; return the whole reply once its turn has ended, else nothing."""
        self.replies[n].update(event, now)
        if not isinstance(event, TurnEnded):
            return ()
        offer = self._offers[n]
        number = safe(str(offer.number))
        model = safe_format("{model}{think}", model=shown_model(offer.model), think=_think(offer))
        heading = safe_format("{n} · {model}", n=number, model=model)
        return self.replies[n].blocks(
            [styled_line(heading, TextRole.ACCENT)], safe_format("/adopt {n}, then /continue", n=number)
        )

    def rows(self, now: float, columns: int, rows: int, glyph: str, *, signs: bool = True) -> list[Line]:
        """Return a live row for each reply, in at most `rows` rows: running ones take precedence.

        Where there is room, running replies stand side by side with the last rows of their texts.
        """
        running = [reply for reply in self.replies if reply.ended is None]
        width, height = column_width(columns, len(running)), rows - (len(self.replies) - len(running)) - 1
        if width and height >= _LEAST_TEXT_ROWS and any(reply.text for reply in running):
            done = [reply.row(now, columns, glyph, signs=signs) for reply in self.replies if reply.ended]
            heads = [reply.row(now, width, glyph, signs=signs) for reply in running]
            return [*done, *side_by_side(heads, [text_tail(reply.text, width, height) for reply in running], width)]
        shown = list(self.replies)
        hidden = 0
        while len(shown) > max(1, rows - bool(hidden)):
            hidden += 1
            shown.remove(next((reply for reply in shown if reply.ended), shown[-1]))
        lines = [reply.row(now, columns, glyph, signs=signs) for reply in shown]
        if hidden and rows > 1:
            more = safe_format("  and {n} more", n=safe(str(hidden)))
            lines.append(styled_line(truncate(more, columns - 1), TextRole.DIM))
        return lines

    def status(self, stop: Safe) -> Safe:
        """Return the status line, `2 of 3 still replying · Esc stops all`; `stop` is the key."""
        running, all_ = safe(str(self.running)), safe(str(len(self.replies)))
        return safe_format("{n} of {m} still replying · {stop} stops all", n=running, m=all_, stop=stop)

    def results(self) -> Sequence[Effect]:
        """Return the table of times, tokens and costs, and the way on."""
        rows = [
            self._row(offer, reply.ended)
            for offer, reply in zip(self._offers, self.replies, strict=True)
            if reply.ended
        ]
        effects: list[Effect] = [PrintTable(_HEADER, rows, frozenset(range(1, 6)), optional_columns=(3,))]
        ended = [r.ended for r in self.replies if r.ended and r.ended.has_content]
        if ended:
            words = safe_format("/adopt N goes on from reply N. Until then the chat stays where it was.")
        else:
            words = safe_format("No model replied; the chat stays where it was.")
        return [*effects, Print(words)]

    def _row(self, offer: Offer, ended: TurnEnded) -> tuple[Safe, ...]:
        usage, timing = ended.usage, ended.timing
        model = safe_format("{model}{think}", model=shown_model(offer.model), think=_think(offer))
        name = safe_format("{n} {model}", n=safe(str(offer.number)), model=model)
        return (
            name,
            duration(timing.total),
            _UNKNOWN if timing.first is None else duration(timing.first),
            _tokens(usage, usage.input),
            _tokens(usage, usage.output),
            _cost(ended),
            outcome_word(ended.outcome),
        )


def _think(offer: Offer) -> Safe:
    """Return the reasoning effort as it is typed after a model, `:high`; EMPTY for that of the chat."""
    return safe_format(":{think}", think=Safe(offer.think.value)) if offer.think else EMPTY


def _tokens(usage: Usage, number: int) -> Safe:
    about = safe("~" if usage.estimated else "")
    return safe_format("{a}{n}", a=about, n=count(number)) if number else _UNKNOWN


def _cost(ended: TurnEnded) -> Safe:
    if ended.cost is None:
        return _UNKNOWN
    return safe_format("{a}{sum}", a=safe("~" if ended.about else ""), sum=money(ended.cost))
