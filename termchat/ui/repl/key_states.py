"""Conditions on which the effect of a key depends."""

from __future__ import annotations

from enum import Enum, auto
from time import monotonic


class State(Enum):
    """A condition on which the effect of a key depends."""

    PICKER = auto()  # the picker is open
    MENU = auto()  # the command menu is open
    KEY_HELP = auto()  # the key sheet is shown
    BUSY = auto()  # a turn is running
    ASIDE = auto()  # a side question is being answered
    TEXT = auto()  # the input has text
    QUEUE = auto()  # messages are queued
    QUESTION = auto()  # a question about a tool call is shown
    APPROVAL = auto()  # and it takes the keys
    LISTING = auto()  # the list of calls is shown instead of one question
    WRITING = auto()  # a reason or an edited argument is written
    ENTER_SENDS = auto()  # the setting: Enter sends and Alt-Enter breaks the line
    CALLS = auto()  # a tool call runs
    CALL_LIST = auto()  # the list of the running calls is open
    ATTACHING = auto()  # what the input mentions is being read
    ANY = auto()


class LastPress:
    """The last press of a key that acts when it is pressed twice in a row."""

    def __init__(self) -> None:
        self._time = -1e9
        self._number = 0

    def repeats(self, number: int, seconds: float) -> bool:
        """Note a press, the `number`-th key of all; return True if the last one came just before, within `seconds`."""
        now = monotonic()
        again = now - self._time <= seconds and number - self._number <= 1
        self._time, self._number = now, number
        return again
