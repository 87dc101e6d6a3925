"""The key table as key bindings of prompt_toolkit."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from prompt_toolkit.application import Application
from prompt_toolkit.filters import Condition, Filter, emacs_mode, vi_insert_mode, vi_navigation_mode
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.keys import Keys

from termchat.config.keys import KEYS, Action, Key

_ESC_WAIT = 0.01  # an Alt key comes in one read; an Esc that came alone is an Esc
_SEQUENCE_WAIT = 0.5
_INSERTING = emacs_mode | vi_insert_mode
_EMACS_ONLY = frozenset({Action.UNDO, Action.REDO, Action.DROP})


def make_bindings(
    actions: Mapping[Action, Callable[[], None]],
    paste: Callable[[str], None],
    sheet_closes: Callable[[], bool],
    *,
    enter_sends: bool = True,
    vi: bool = False,
) -> KeyBindings:
    """Bindings for every action that is given. `sheet_closes` takes the key sheet away, saying whether it was there."""
    bindings = KeyBindings()
    for key in KEYS:
        if run := actions.get(_swapped(key.action, enter_sends=enter_sends)):
            _bind(bindings, key, run, sheet_closes, vi=vi)

    @bindings.add(Keys.BracketedPaste)
    def _(event: KeyPressEvent) -> None:
        sheet_closes()
        paste(event.data)

    return bindings


def _swapped(action: Action, *, enter_sends: bool) -> Action:
    if enter_sends:
        return action
    return {Action.ENTER: Action.NEWLINE, Action.NEWLINE: Action.ENTER}.get(action, action)


def _bind(
    bindings: KeyBindings, key: Key, run: Callable[[], None], sheet_closes: Callable[[], bool], *, vi: bool
) -> None:
    def handle(event: KeyPressEvent) -> None:
        if key.action is not Action.SHEET and sheet_closes() and key.action is Action.ESCAPE:
            return
        run()

    when: Filter = _INSERTING if key.action in (Action.SHEET, Action.ACCEPT) else Condition(lambda: True)
    if key.action is Action.ESCAPE and vi:
        when = vi_navigation_mode
    if key.action in _EMACS_ONLY and vi:
        when = emacs_mode
    for sequence in key.keys:
        bindings.add(*sequence, filter=when)(handle)


def quick_escape(app: Application[int]) -> None:
    """Let a lone Esc act at once, while longer sequences of keys may still be typed slowly."""
    processor = app.key_processor

    def after(_: object) -> None:
        lone = [press.key for press in processor.key_buffer] == [Keys.Escape]
        app.timeoutlen = _ESC_WAIT if lone else _SEQUENCE_WAIT

    app.ttimeoutlen = 0.05
    processor.after_key_press += after
