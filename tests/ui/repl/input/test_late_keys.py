"""Keys that come just after their list or question has closed by itself."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from prompt_toolkit.key_binding import KeyPress
from prompt_toolkit.keys import Keys

from termchat.ui.repl.input.late_keys import LateKeys

SECONDS = 0.6
ESC, ENTER, UP = KeyPress(Keys.Escape, "\x1b"), KeyPress(Keys.ControlM, "\r"), KeyPress(Keys.Up, "\x1b[A")
CTRL_C, CTRL_D, CTRL_L = KeyPress(Keys.ControlC), KeyPress(Keys.ControlD), KeyPress(Keys.ControlL)
PASTE = KeyPress(Keys.BracketedPaste, "x y")


class Late:
    """Late keys on a clock of its own; `said` counts the messages about a dropped key."""

    def __init__(self, closed: Callable[[LateKeys], None]) -> None:
        self.now, self.said = 100.0, 0
        self.keys = LateKeys(say=lambda words: self._count(), seconds=SECONDS, clock=lambda: self.now)
        closed(self.keys)

    def _count(self) -> None:
        self.said += 1

    def passes(self, *presses: KeyPress | str) -> str:
        """Press keys in reads of their own; return the data of those that are processed."""
        kept = [key for press in presses for key in self.keys.sift([_press(press)])]
        return "".join(key.data for key in kept)


def _press(press: KeyPress | str) -> KeyPress:
    return KeyPress(press, press) if isinstance(press, str) else press


def test_nothing_is_dropped_while_nothing_has_closed() -> None:
    late = Late(lambda keys: None)
    assert late.passes("x", "y", ENTER) == "xy\r" and not late.said


def test_closed_list_takes_its_keys_for_a_moment() -> None:
    late = Late(LateKeys.list_closed)
    assert late.passes("x", "x", UP, CTRL_L, PASTE) == "c-lx y"
    assert late.said == 3
    late.now += SECONDS
    assert late.passes("x") == "x"


@pytest.mark.parametrize("key", [ESC, ENTER, CTRL_C])
def test_key_that_would_have_closed_the_list_ends_the_moment(key: KeyPress) -> None:
    late = Late(LateKeys.list_closed)
    assert late.passes(key, "x", key) == f"x{key.data}"


def test_alt_key_is_no_late_escape() -> None:
    late = Late(LateKeys.list_closed)
    assert late.keys.sift([ESC, _press("m")])[0] is ESC
    assert late.keys.sift([ESC, _press("z")]) == [_press("z")]  # Alt-Z is no key here: they were pressed apart


@pytest.mark.parametrize(
    ("letters", "escape", "passed"), [("yn", True, "x"), ("yn", False, "x\x1b"), ("", True, "ynx\r")]
)
def test_gone_question_takes_only_what_it_took(letters: str, escape: bool, passed: str) -> None:
    def fresh() -> Late:
        return Late(lambda keys: keys.question_closed(letters, escape=escape))

    assert "".join(fresh().passes(key) for key in ("y", "n", "x", ENTER, ESC)) == passed


def test_letter_of_a_gone_question_ends_the_moment() -> None:
    late = Late(lambda keys: keys.question_closed("yn", escape=True))
    assert late.passes("y", "y", "e", "s") == "yes"


def test_text_for_a_field_that_is_gone_is_dropped_until_a_pause() -> None:
    late = Late(LateKeys.writing_closed)
    for letter in "because it deletes all":
        late.now += SECONDS / 2
        assert late.passes(letter) == ""
    assert late.passes(ENTER, "m") == "m"


def test_end_of_a_wait_takes_only_the_keys_that_stop_it() -> None:
    late = Late(LateKeys.wait_closed)
    assert late.passes("x", ENTER, ESC) == "x\r"
    late = Late(LateKeys.wait_closed)
    late.keys.forget()
    assert late.passes(ESC) == "\x1b"


def test_closed_menu_leaves_the_text_to_the_input() -> None:
    late = Late(LateKeys.menu_closed)
    assert late.passes("a", CTRL_D, ENTER) == "ac-d"
