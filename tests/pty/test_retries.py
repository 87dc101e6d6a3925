"""Replies that stall or fail: asked again by a key, and the returned message sent to another model or later."""

from __future__ import annotations

import re

from tests.pty.harness import Terminal

ESC = "\x1b"
UP = "\x1b[A"

HASTY = {"TESTFLAGS": "hasty"}


def _ready(terminal: Terminal) -> None:
    terminal.shows("Ask anything")


def test_alt_r_on_stalled_reply_asks_again_and_keeps_draft() -> None:
    with Terminal(env=HASTY, rows=40) as terminal:
        _ready(terminal)
        terminal.send("stall here\r")
        terminal.until(
            lambda: re.search(r"stalled · no data for \d+s · Esc stops · Alt-R retries", terminal.text) is not None
        )
        terminal.send("a draft\x1br")
        terminal.shows(", retried")
        terminal.shows("an answer at last")
        assert terminal.lines.count("❯ stall here") == 1
        terminal.until(lambda: "❯ a draft" in terminal.lines)


def test_alt_r_before_reply_asks_again_and_esc_returns_message() -> None:
    with Terminal(env=HASTY) as terminal:
        _ready(terminal)
        terminal.send("hang on\r")
        terminal.shows("Esc stops · Alt-R retries")
        terminal.send("\x1br")
        terminal.shows(", retried")
        terminal.shows("waiting for one")
        assert terminal.lines.count("❯ hang on") == 1
        terminal.send(ESC)
        terminal.until(lambda: terminal.lines.count("❯ hang on") == 2)


def test_alt_r_during_reply_says_to_stop_it_first() -> None:
    with Terminal() as terminal:
        _ready(terminal)
        terminal.send("endless\r")
        terminal.shows("word1")
        terminal.send("\x1br")
        terminal.shows("Press Esc to stop the reply, then Alt-R to retry.")


def test_alt_r_during_countdown_retries_now() -> None:
    with Terminal() as terminal:
        _ready(terminal)
        terminal.send("retry 30\r")
        terminal.until(
            lambda: (
                re.search(r"retrying in \d+s \(2/3\) · rate limited · Alt-R now · Esc stops", terminal.text) is not None
            )
        )
        terminal.send("\x1br")
        terminal.shows("here after all", 20)  # before the 30 s are over


def test_overloaded_twice_shows_status_page_and_returns_message() -> None:
    with Terminal(columns=100) as terminal:
        _ready(terminal)
        terminal.send("overloaded\r")
        terminal.shows("retrying in 1s (2/3) · overloaded · Alt-R now · Esc stops")
        terminal.shows("retrying in 1s (3/3) · overloaded · Alt-R now · Esc stops · https://status.fake")
        terminal.shows("Status: https://status.fake · Enter resends · Alt-M other model")
        terminal.until(lambda: terminal.lines.count("❯ overloaded") == 2)


def test_unknown_model_suggests_closest_and_enter_selects_it() -> None:
    with Terminal() as terminal:
        _ready(terminal)
        terminal.send("/model fake/onne\r")
        terminal.shows("→ fake/onne")
        terminal.send("missing\r")
        terminal.shows("Closest: fake/one · Enter uses fake/one · Alt-M pick a model")
        terminal.until(lambda: terminal.lines.count("❯ missing") == 2)
        terminal.send("\x15\r")
        terminal.shows("→ fake/one\n")
        terminal.shows("one · ~/proj")
        terminal.send("\r")
        terminal.settled()
        assert terminal.text.count("→ fake/one\n") == 1


def test_enter_on_returned_message_sends_it_to_closest_model() -> None:
    with Terminal(rows=40) as terminal:
        _ready(terminal)
        terminal.send("/model fake/onne\r")
        terminal.shows("→ fake/onne")
        terminal.send("missing\r")
        terminal.shows("Enter uses fake/one")
        terminal.until(lambda: terminal.lines.count("❯ missing") == 2)
        terminal.send("\r")
        terminal.shows("→ fake/one\n")
        terminal.shows("You said: missing")


def test_enter_after_error_sends_returned_message_then_queue() -> None:
    with Terminal(rows=40) as terminal:
        _ready(terminal)
        terminal.send("overloaded once\r")
        terminal.shows("retrying in")
        terminal.send("and then this\r")
        terminal.shows("⧗ 1 and then this")
        terminal.until(lambda: terminal.lines.count("❯ overloaded once") == 2)
        terminal.shows("1 queued · Enter sends")
        terminal.send("\r")
        terminal.shows("You said: overloaded once")
        terminal.shows("You said: and then this")


def test_returned_message_with_draft_goes_to_history_with_notice() -> None:
    with Terminal() as terminal:
        _ready(terminal)
        terminal.send("hang on\r")
        terminal.shows("waiting for one")
        terminal.send("a draft")
        terminal.shows("❯ a draft")
        terminal.send(ESC)
        terminal.shows("is in the history: ↑")
        terminal.until(lambda: "❯ a draft" in terminal.lines)
