"""The key table as key bindings of prompt_toolkit."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from prompt_toolkit.application import Application
from prompt_toolkit.filters import Always, Condition, Filter, emacs_mode, vi_insert_mode, vi_navigation_mode
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.keys import Keys

from termchat.config.keymap import KEYS, Action, KeyBinding

_ESC_WAIT = 0.01  # an Alt key comes in one read; an Esc that came alone is an Esc
_SEQUENCE_WAIT = 0.5
_INSERTING = emacs_mode | vi_insert_mode
_TEXT = "/0123456789-#*.<>ae"
_EMACS_ONLY = frozenset({Action.UNDO, Action.REDO, Action.DROP_QUEUED})


def make_bindings(
    actions: Mapping[Action, Callable[[], None]],
    paste: Callable[[str], None],
    sheet_closes: Callable[[], bool],
    suggests: Callable[[], bool],
    *,
    vi: bool = False,
) -> KeyBindings:
    """Bindings for every action that is given.

    `sheet_closes` takes the key sheet away and tells whether it was there; `suggests` whether a suggestion is shown.
    """
    bindings = KeyBindings()
    for key in KEYS:
        if run := actions.get(key.action):
            _bind(bindings, key, run, sheet_closes, _when(key.action, suggests, vi=vi))

    if escape := actions.get(Action.ESCAPE):
        _keep_text(bindings, escape)

    @bindings.add(Keys.BracketedPaste)
    def _(event: KeyPressEvent) -> None:
        sheet_closes()
        paste(event.data)

    return bindings


def _keep_text(bindings: KeyBindings, escape: Callable[[], None]) -> None:
    """An Esc may come in one read with what was typed after it: both are what they are.

    So it is with every Alt key that means nothing here; these mean something to the editor that nobody would miss.
    """

    def both(event: KeyPressEvent) -> None:
        escape()
        event.current_buffer.insert_text(event.data)

    for key in _TEXT:
        bindings.add("escape", key, filter=emacs_mode)(both)


def _when(action: Action, suggests: Callable[[], bool], *, vi: bool) -> Filter:
    """In which state of the editor a key does its action; else it is what the editor makes of it."""
    if action is Action.ACCEPT:
        return _INSERTING & Condition(suggests)
    if action is Action.KEY_HELP:
        return _INSERTING
    if action is Action.ESCAPE and vi:
        return vi_navigation_mode
    if action in _EMACS_ONLY:
        return emacs_mode
    return Always()


def _bind(
    bindings: KeyBindings, key: KeyBinding, run: Callable[[], None], sheet_closes: Callable[[], bool], when: Filter
) -> None:
    def handle(event: KeyPressEvent) -> None:
        if key.action is not Action.KEY_HELP and sheet_closes() and key.action is Action.ESCAPE:
            return
        run()

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
