"""Test the status line: its fields, its warnings and the fields it drops when the screen is narrow."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from termchat.core.errors import Failure, FailureKind
from termchat.core.events import Retrying
from termchat.core.models import ModelRef
from termchat.core.sanitize import safe_format
from termchat.core.style import TextRole
from termchat.ui.repl.panels.status import StatusInfo, busy_line, idle_line
from termchat.ui.text.fit import text_width
from termchat.ui.text.line import plain_text
from termchat.ui.tools.call_views import CallState, ToolCallView
from termchat.ui.turn_state import Phase, TurnState

MODEL = ModelRef("openai", "gpt-5.2")
FACTS = StatusInfo(MODEL, safe_format("~/proj"), 12_400, 400_000, safe_format("med"), Decimal("0.042"))
TURN = TurnState("t", MODEL, 0.0, Phase.REPLYING, since=1.0, first=0.8, last=10.0, tokens=214)


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        (80, "gpt-5.2 · think med · 12.4k/400k (3%) · $0.04 · ~/proj"),
        (62, "gpt-5.2 · think med · 12.4k/400k (3%) · $0.04 · ~/proj"),
        (54, "gpt-5.2 · think med · 12.4k/400k (3%) · $0.04"),
        (44, "gpt-5.2 · think med · 12.4k/400k (3%)"),
        (30, "gpt-5.2 · 12.4k/400k (3%)"),
        (24, "gpt-5.2 · 12.4k/400k"),
        (14, "gpt-5.2"),
        (7, "gp…5.2"),
    ],
)
def test_idle_line_narrowing_drops_least_important_fields(columns: int, words: str) -> None:
    assert plain_text(idle_line(FACTS, columns)) == words


@pytest.mark.parametrize("columns", range(6, 120))
def test_status_line_fits_any_width(columns: int) -> None:
    for facts in (FACTS, replace(FACTS, tokens=390_000), replace(FACTS, queued=2)):
        assert text_width(plain_text(idle_line(facts, columns))) < columns
    for now in (11.0, 17.0):
        assert text_width(plain_text(busy_line(TURN, now, columns, "x", 2, stall=5.0))) < columns


@pytest.mark.parametrize(
    ("tokens", "role"), [(319_000, TextRole.DIM), (320_000, TextRole.WARNING), (380_000, TextRole.ERROR)]
)
def test_idle_line_nearly_full_context_changes_role(tokens: int, role: TextRole) -> None:
    row = idle_line(replace(FACTS, tokens=tokens), 80)
    assert row[0].roles == (role,)
    assert plain_text(row).startswith("context ") is (role is not TextRole.DIM)


@pytest.mark.parametrize(
    ("columns", "words"), [(80, "2 queued · Enter sends · ↑ edits · Alt-Bksp drops"), (20, "2 queued")]
)
def test_idle_line_narrow_shows_queue_count_only(columns: int, words: str) -> None:
    assert plain_text(idle_line(replace(FACTS, queued=2), columns)) == words


def test_idle_line_unknown_context_limit_shows_tokens_only() -> None:
    assert "12.4k tokens" in plain_text(idle_line(replace(FACTS, limit=0), 80))


@pytest.mark.parametrize(
    ("phase", "now", "words"),
    [
        (Phase.REPLYING, 17.2, "stalled · no data for 7s · Esc stops · Alt-R retries"),
        (Phase.THINKING, 17.2, "stalled · no data for 7s · Esc stops · Alt-R retries"),
        (Phase.WAITING, 12.0, "waiting for gpt-5.2 · 11s · Esc stops"),
        (Phase.WAITING, 17.0, "waiting for gpt-5.2 · 16s · Esc stops · Alt-R retries"),
        (Phase.RUNNING, 70.0, "running 0 tools · 1m 09s · Esc stops"),
    ],
)
def test_busy_line_silent_past_stall_limit_offers_retry(phase: Phase, now: float, words: str) -> None:
    assert plain_text(busy_line(replace(TURN, phase=phase), now, 80, "x", stall=5.0)) == f"x {words}"


def test_busy_line_of_several_calls_names_the_list_unless_one_is_open() -> None:
    calls = tuple(ToolCallView(str(n), "run_shell", "{}", 0, CallState.RUNNING, place=n) for n in range(3))
    turn = replace(TURN, phase=Phase.RUNNING, calls=calls)

    def words(columns: int = 80, *, number: int = 3, in_list: bool = False) -> str:
        shown = replace(turn, calls=calls[:number])
        return plain_text(busy_line(shown, 3.0, columns, "x", stall=5.0, in_list=in_list))

    assert words() == "x running 3 tools · 2s · Esc stops · Ctrl-O cancels one"
    assert words(40) == "x running 3 tools · 2s · Esc stops"
    assert words(number=1) == "x running 1 tool · 2s · Esc stops"
    assert words(in_list=True) == "x running 3 tools · 2s"


@pytest.mark.parametrize(
    ("attempt", "words"),
    [
        (2, "retrying in 4s (2/3) · overloaded · Alt-R now · Esc stops"),
        (3, "retrying in 4s (3/3) · overloaded · Alt-R now · Esc stops · https://status.example"),
    ],
)
def test_busy_line_third_attempt_adds_status_page(attempt: int, words: str) -> None:
    failure = Failure(FailureKind.OVERLOADED, safe_format("Overloaded."), url=safe_format("https://status.example"))
    turn = replace(TURN, phase=Phase.RETRYING, retry=Retrying(attempt, 3, 4.0, failure), until=20.0)
    assert plain_text(busy_line(turn, 16.5, 100, "x", stall=5.0)) == f"x {words}"


@pytest.mark.parametrize(("counted", "words"), [(None, "~214 tok"), (1, "~214 tok"), (230, "230 tok")])
def test_busy_line_reported_count_of_one_keeps_estimate(counted: int | None, words: str) -> None:
    """Anthropic reports one output token at the start of a reply and the total at its end."""
    assert f" · {words} · " in plain_text(busy_line(replace(TURN, counted=counted), 11.0, 80, "x", stall=5.0))


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        (104, '-- NORMAL -- · incognito · gpt-5.2 · think med · 12.4k/400k (3%) · $0.04 · "喝茶还是喝咖啡" · ~/proj'),
        (96, '-- NORMAL -- · incognito · gpt-5.2 · think med · 12.4k/400k (3%) · $0.04 · "喝茶还是喝咖啡"'),
        (40, "-- NORMAL -- · incognito · gpt-5.2"),
        (30, "-- NORMAL -- · incognito"),
        (20, "gpt-5.2"),
    ],
)
def test_idle_line_names_mode_incognito_and_chat(columns: int, words: str) -> None:
    topic = safe_format("喝茶还是喝咖啡")
    facts = replace(FACTS, topic=topic, saved=False, vi=safe_format("-- NORMAL --"))
    assert plain_text(idle_line(facts, columns)) == words


def test_idle_line_full_context_or_queue_keeps_incognito() -> None:
    for facts in (replace(FACTS, tokens=390_000), replace(FACTS, queued=2)):
        assert plain_text(idle_line(replace(facts, saved=False), 80)).startswith("incognito · ")


def test_busy_line_shows_vi_mode() -> None:
    line = busy_line(TURN, 10.0, 80, "x", stall=5.0, vi=safe_format("-- NORMAL --"))
    assert plain_text(line).startswith("x replying · -- NORMAL -- · ")


def test_idle_line_of_guide_names_it_where_there_is_room() -> None:
    facts = replace(FACTS, model=ModelRef("demo", "tour"), tokens=0, cost=None, think=safe_format(""))
    assert plain_text(idle_line(facts, 60)).startswith("demo/tour · offline guide · ~/proj")
    assert plain_text(idle_line(replace(facts, vi=safe_format("-- INSERT --")), 40)) == "-- INSERT -- · tour"


@pytest.mark.parametrize(
    ("columns", "words"),
    [(40, "gpt-5.2 · role review · 12.4k/400k (3%)"), (24, "gpt-5.2 · role review"), (16, "gpt-5.2")],
)
def test_idle_line_names_role_in_use(columns: int, words: str) -> None:
    assert plain_text(idle_line(replace(FACTS, role=safe_format("review")), columns)) == words
