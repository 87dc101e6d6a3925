"""Keys that were meant for a list or a question which has just closed by itself: for a moment they do nothing.

Who answers what is on screen is a moment behind it. A list of calls closes when the last call ends, a question goes
when its call times out; without this the key for it would be text in the input, stop the turn or send the draft.
Only keys that the closed part took are dropped, each said in the status line. Enter, Esc and Ctrl-C end the moment:
they would have closed the part, and the key after them is for the input. A pasted text is never dropped.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import zip_longest
from time import monotonic

from prompt_toolkit.key_binding import KeyPress
from prompt_toolkit.keys import Keys

from termchat.config.keys.key_bindings import DEFAULT_KEYS, Action, KeyMap
from termchat.core.sanitize import Safe, safe_format

_LEAVE = (Action.ENTER, Action.ALT_ENTER, Action.NEWLINE, Action.ESCAPE, Action.INTERRUPT)
_MENU = (Action.ENTER, Action.ESCAPE, Action.UP, Action.DOWN, Action.PAGE_UP, Action.PAGE_DOWN, Action.COMPLETE)
_LIST = (*_LEAVE, *_MENU, Action.FIRST_ROW, Action.LAST_ROW, Action.UNFOLD_PASTE)
_WRITING = (*_LEAVE, Action.UP, Action.DOWN, Action.COMPLETE)
_EDITING = frozenset(key.value for key in (Keys.Backspace, Keys.Delete, Keys.Left, Keys.Right))


class LateKeys:
    """Notes what has closed by itself, and drops the keys that come too late for it."""

    def __init__(
        self,
        keys: KeyMap = DEFAULT_KEYS,
        say: Callable[[Safe], None] = lambda words: None,
        seconds: float = 0.6,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        """Begin without a closed part.

        say       tells the user of a key that was dropped
        seconds   from the close, in which a key was pressed for what was there
        """
        self._say = say
        self._seconds = seconds
        self._clock = clock
        self._single = {
            binding.action: frozenset(sequence.keys[0] for sequence in binding.keys if len(sequence.keys) == 1)
            for binding in keys.bindings
        }
        strokes = [sequence.keys for binding in keys.bindings for sequence in binding.keys]
        self._alt = frozenset(keys[1] for keys in strokes if len(keys) == 2 and keys[0] == Keys.Escape.value)
        self._ends = self._keys_of(_LEAVE)
        self._until = -1e9
        self._wanted: frozenset[str] = frozenset()
        self._letters: str | None = ""  # None for all text
        self._prolongs = False

    def list_closed(self) -> None:
        """Note that a list over the input has closed: it took all text and the keys that move in it."""
        self._begin(_LIST, letters=None)

    def menu_closed(self) -> None:
        """Note that the menu below the input has closed; the text was that of the input."""
        self._begin(_MENU, "")

    def wait_closed(self) -> None:
        """Note the end of a wait that Esc would have stopped."""
        self._begin((Action.ESCAPE, Action.INTERRUPT), "")

    def forget(self) -> None:
        """Drop no more keys: what is shown now takes the same ones."""
        self._until = -1e9

    def question_closed(self, letters: str, *, escape: bool) -> None:
        """Note that a question has gone that took these letters, and Esc if that would not have stopped the turn."""
        moves = (Action.ENTER, Action.UP, Action.DOWN) if letters else ()
        self._begin((*moves, *((Action.ESCAPE,) if escape else ())), letters)

    def writing_closed(self) -> None:
        """Note that the field has gone in which the user wrote: all text until a pause was meant for it."""
        self._begin(_WRITING, letters=None)
        self._prolongs = True

    def sift(self, presses: Sequence[KeyPress]) -> list[KeyPress]:
        """Return the keys of one read without those that come too late."""
        if self._clock() >= self._until:
            return list(presses)
        kept: list[KeyPress] = []
        for press, following in zip_longest(presses, presses[1:]):
            is_alt = following is not None and press.key == Keys.Escape and _name(following) in self._alt
            if is_alt or not self._is_late(press):
                kept.append(press)
        if len(kept) < len(presses):
            self._say(safe_format("That key came too late: it did nothing."))
        return kept

    def _is_late(self, press: KeyPress) -> bool:
        """Return True for a key of the closed part; note what follows from it."""
        if self._clock() >= self._until:
            return False
        name = _name(press)
        is_text = press.data == name and len(name) == 1
        typed = is_text and (self._letters is None or name in self._letters)
        if not typed and name not in self._wanted:
            return False
        if name in self._ends or (typed and self._letters):
            self.forget()
        elif self._prolongs:
            self._until = self._clock() + self._seconds
        return True

    def _begin(self, actions: Sequence[Action], letters: str | None) -> None:
        self._until, self._letters, self._prolongs = self._clock() + self._seconds, letters, False
        editing = _EDITING if letters is None else frozenset[str]()
        self._wanted = self._keys_of(actions) | editing

    def _keys_of(self, actions: Sequence[Action]) -> frozenset[str]:
        return frozenset[str]().union(*(self._single.get(action, ()) for action in actions))


def _name(press: KeyPress) -> str:
    return press.key.value if isinstance(press.key, Keys) else press.key
