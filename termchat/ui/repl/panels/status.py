"""Status line: the running turn, or model, tokens, cost and directory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from math import ceil
from typing import assert_never

from termchat.config.keys.key_bindings import DEFAULT_KEYS, Action, KeyMap
from termchat.core.models import ModelRef
from termchat.core.sanitize import EMPTY, Safe, counted, join, safe, safe_format, safe_line
from termchat.core.style import TextRole
from termchat.ui.phrases import count, duration, money, rate, short_reason, waiting_line
from termchat.ui.text.fit import text_width, truncate, truncate_middle
from termchat.ui.text.line import Line, plain_text, styled_line
from termchat.ui.text.row import Segment
from termchat.ui.tools.call_views import CallState, waiting_requests
from termchat.ui.turn_end import FULL
from termchat.ui.turn_state import Phase, TurnState

_SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_ASCII = "-\\|/"
_ENTER = DEFAULT_KEYS.sends(enter_sends=True)
QUIET = 0.15  # seconds; a turn that answers sooner shows no waiting line
_TOPIC = 24  # columns
_BRIM = 95  # percent of the context from which the line is red


@dataclass(frozen=True, slots=True)
class StatusInfo:
    """Values of the idle status line.

    tokens   size of the conversation, 0 if unknown
    limit    context size of the model in tokens, 0 if unknown
    think    reasoning effort that the request asks for, "" for none
    budget   what is spent of a limit, in place of the cost
    queued   number of queued messages
    topic    the title of the chat, "" before its first message
    saved    False if nothing is saved
    role     the name of the role in use, "" without one
    vi       the mode of the vi keys, "" without them
    keys     the keys that the hints name
    sends    the key that sends the input
    """

    model: ModelRef
    cwd: Safe = EMPTY
    tokens: int = 0
    limit: int = 0
    think: Safe = EMPTY
    cost: Decimal | None = None
    budget: Safe = EMPTY
    queued: int = 0
    topic: Safe = EMPTY
    saved: bool = True
    role: Safe = EMPTY
    vi: Safe = EMPTY
    keys: KeyMap = DEFAULT_KEYS
    sends: Safe = _ENTER

    @property
    def percent(self) -> int:
        """Used share of the context in percent."""
        return 100 * self.tokens // self.limit if self.limit else 0


def idle_line(facts: StatusInfo, columns: int) -> Line:
    """`gpt-6.1-sol · think med · 12.4k/400k (3%) · $0.04 · "tea" · ~/proj`, losing its last parts if narrow.

    A nearly full context comes first, before it what changes the meaning of keys and messages: vi's mode, incognito.
    """
    modes = [facts.vi, EMPTY if facts.saved else safe_format("incognito")]
    if facts.queued:
        short = safe_format("{n} queued", n=safe(str(facts.queued)))
        sends = safe_format("{key} sends", key=facts.sends)
        edits = safe_format("{key} edits", key=facts.keys.up) if facts.keys.up else EMPTY
        drops = facts.keys.hint(Action.DROP_QUEUED, safe_format("drops"))
        return _fitting([[*modes, short, sends, edits, drops], [*modes, short, sends], [short]], columns)
    model = _model_words(facts.model)
    if facts.percent >= FULL:
        full = safe_format("context {n}% · /compact", n=safe(str(facts.percent)))
        role = TextRole.ERROR if facts.percent >= _BRIM else TextRole.WARNING
        return _fitting(
            [[*modes, full, model, facts.cwd], [*modes, full, model], [*modes, full], [full]], columns, role
        )
    think = safe_format("think {t}", t=facts.think) if facts.think else EMPTY
    cost = facts.budget or (money(facts.cost) if facts.cost else EMPTY)
    some, whole = _tokens(facts), _tokens(facts, share=True)
    role = safe_format("role {name}", name=truncate(facts.role, _TOPIC)) if facts.role else EMPTY
    topic = safe_format('"{topic}"', topic=truncate(facts.topic, _TOPIC)) if facts.topic else EMPTY
    wants = [
        [*modes, model, role, think, whole, cost, topic, facts.cwd],
        [*modes, model, role, think, whole, cost, topic],
        [*modes, model, role, think, whole, cost],
        [*modes, model, role, think, whole],
        [*modes, model, role, whole],
        *([[*modes, model, role]] if role else []),
        [*modes, model, whole],
        [*modes, model, some],
        [*modes, model],
        [*modes, safe_line(facts.model.model)],
        *([[*modes]] if any(modes) else []),
        [model],
    ]
    return _fitting(wants, columns)


def _tokens(facts: StatusInfo, *, share: bool = False) -> Safe:
    if not facts.tokens:
        return EMPTY
    if not facts.limit:
        return safe_format("{n} tokens", n=count(facts.tokens))
    words = safe_format("{n}/{limit}", n=count(facts.tokens), limit=count(facts.limit))
    return safe_format("{words} ({p}%)", words=words, p=safe(str(facts.percent))) if share else words


def _model_words(model: ModelRef) -> Safe:
    if model.provider == "demo":
        return safe_format("{model} · offline guide", model=safe_line(str(model)))
    return safe_line(model.model)


def _fitting(wants: Sequence[Sequence[Safe]], columns: int, role: TextRole = TextRole.DIM) -> Line:
    for parts in wants:
        words = join(" · ", [part for part in parts if part])
        if text_width(words) <= columns - 1:
            return styled_line(words, role)
    return styled_line(truncate_middle(wants[-1][0], columns - 1), role)


def spinner(now: float, *, signs: bool, motion: bool) -> str:
    """Return the current glyph, eight a second."""
    if not motion:
        return "…" if signs else "..."
    glyphs = _SPINNER if signs else _ASCII
    return glyphs[int(now * 8) % len(glyphs)]


def busy_line(
    turn: TurnState,
    now: float,
    columns: int,
    glyph: str,
    queued: int = 0,
    *,
    stall: float,
    vi: Safe = EMPTY,
    keys: KeyMap = DEFAULT_KEYS,
    in_list: bool = False,
) -> Line:
    """Return `⠋ replying · 0.8s to first token · 214 tok · 61 tok/s`, without its last parts when it gets narrow.

    now       on the clock of `turn`
    glyph     of the spinner
    queued    the number of messages in the queue
    stall     seconds without data after which a retry is offered
    vi        the mode of vi keys, EMPTY without them
    in_list   a list has the keys, and closes by those that stop the turn
    """
    if now - turn.started < QUIET and turn.first is None:
        return styled_line(safe_line(turn.model.model), TextRole.DIM)
    elsewhere = (_stops(keys), _cancels_one(keys)) if in_list else ()
    parts = [part for part in _busy_parts(turn, now, stall, keys) if part and part not in elsewhere]
    if turn.phase is Phase.WAITING and text_width(parts[0]) > columns // 2:
        parts[0] = safe_format("waiting")
    if vi:
        parts.insert(1, vi)
    if queued:
        parts.insert(1, safe_format("{n} queued", n=safe(str(queued))))
    while len(parts) > 1 and text_width(join(" · ", parts)) > columns - 4:
        parts.pop()
    words = truncate_middle(join(" · ", parts), columns - 4)
    return (Segment(Safe(f"{glyph} "), (TextRole.ACCENT,)), Segment(words, (TextRole.DIM,)))


_TALKING = (Phase.WAITING, Phase.THINKING, Phase.REPLYING, Phase.CALLING, Phase.SEARCHING)


def is_stalled(turn: TurnState, now: float, stall: float) -> bool:
    """Return True if no data has come for more than `stall` seconds, so that a retry may help."""
    return now - turn.last > stall and turn.phase in _TALKING


def _busy_parts(turn: TurnState, now: float, stall: float, keys: KeyMap) -> list[Safe]:
    stops, retries = _stops(keys), keys.hint(Action.RETRY, safe_format("retries"))
    if is_stalled(turn, now, stall) and turn.phase is not Phase.WAITING:
        silent = safe_format("no data for {t}", t=_seconds(now - turn.last))
        return [safe_format("stalled"), silent, stops, retries]
    match turn.phase:
        case Phase.WAITING:
            waiting = safe_format("waiting for {model}", model=safe_line(turn.model.model))
            hints = [stops, *([retries] if is_stalled(turn, now, stall) else [])]
            return [waiting, duration(now - turn.since), *hints]
        case Phase.THINKING:
            thinking = turn.thinking
            spent = [] if thinking is None else [safe_format("~{n} tok", n=count(round(thinking.tokens)))]
            return [safe_format("thinking"), _seconds(now - turn.since), *spent, stops]
        case Phase.REPLYING:
            return _replying(turn, now)
        case Phase.CALLING:
            return [safe_format("writing a tool call"), _seconds(now - turn.since), stops]
        case Phase.SEARCHING:
            return [safe_format("searching the web"), _seconds(now - turn.since), stops]
        case Phase.RUNNING:
            several = sum(call.state is CallState.RUNNING for call in turn.calls) > 1
            one = _cancels_one(keys) if several else EMPTY
            return [_running(turn) or safe_format("running 0 tools"), _seconds(now - turn.since), stops, one]
        case Phase.APPROVAL:
            waiting, running = len(waiting_requests(turn.calls)), _running(turn)
            words = safe_format("waiting for your answer")
            if waiting > 1:
                words = safe_format("waiting for {n} answers", n=safe(str(waiting)))
            return [words, *([running] if running else []), stops]
        case Phase.RETRYING:
            return _retrying(turn, now, keys)
        case Phase.STOPPING:
            return [safe_format("stopping")]
    assert_never(turn.phase)


def _stops(keys: KeyMap) -> Safe:
    return keys.hint(Action.ESCAPE, safe_format("stops"))


def _cancels_one(keys: KeyMap) -> Safe:
    return keys.hint(Action.UNFOLD_PASTE, safe_format("cancels one"))


def _running(turn: TurnState) -> Safe:
    number = sum(call.state is CallState.RUNNING for call in turn.calls)
    words = safe_format("running {tools}", tools=counted(number, "tool"))
    return words if number else EMPTY


def _replying(turn: TurnState, now: float) -> list[Safe]:
    first = turn.first or 0.0
    guess, counted = round(turn.tokens), turn.counted or 0
    number = max(guess, counted)  # some providers count the first token and then nothing until the end
    about = EMPTY if counted >= guess else safe_format("~")
    parts = [
        safe_format("replying"),
        safe_format("{t} to first token", t=duration(first)),
        safe_format("{a}{n} tok", a=about, n=count(number)),
    ]
    if speed := rate(number, now - turn.started - first):
        parts.append(speed)
    return parts


def _retrying(turn: TurnState, now: float, keys: KeyMap) -> list[Safe]:
    """`retrying in 4s (2/3) · rate limited · Alt-R now`; after the second failure also the provider's status page."""
    retry = turn.retry
    stops, at_once = _stops(keys), keys.hint(Action.RETRY, safe_format("now"))
    if retry is None:
        return [safe_format("retrying")]
    if not retry.tries:
        return [waiting_line(retry), stops, at_once]
    left = max(0, ceil(turn.until - now))
    when = safe_format("retrying in {n}s", n=safe(str(left))) if left else safe_format("retrying")
    tries = safe_format("{when} ({n}/{m})", when=when, n=safe(str(retry.attempt)), m=safe(str(retry.tries)))
    page = retry.failure.url if retry.attempt > 2 else EMPTY
    return [
        tries,
        short_reason(retry.failure),
        at_once,
        stops,
        *([page] if page else []),
    ]


def _seconds(seconds: float) -> Safe:
    return safe(f"{int(seconds)}s") if seconds < 60 else duration(seconds)


def fit(row: Line, columns: int) -> Line:
    """Return the line cut to `columns`; a cut line has one style."""
    words = plain_text(row)
    return row if text_width(words) <= columns else styled_line(truncate_middle(words, columns), TextRole.DIM)
