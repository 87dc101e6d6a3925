"""prompt_toolkit key bindings for the key table."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from prompt_toolkit.application import Application
from prompt_toolkit.filters import Always, Condition, Filter, emacs_mode, vi_insert_mode, vi_navigation_mode
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.keys import Keys

from termchat.config.key_bindings import KEYS, Action, KeyBinding

_ESC_WAIT = 0.01  # seconds; an Alt key comes in one read, so a lone Esc is the Esc key
_SEQUENCE_WAIT = 0.5
_INSERTING = emacs_mode | vi_insert_mode
_TEXT = "/0123456789-#*.<>ae"
_SLASHES = "/／"
_ANSWERS = "ysaenv"
_EMACS_ONLY = frozenset({Action.UNDO, Action.REDO, Action.DROP_QUEUED})


def make_bindings(
    actions: Mapping[Action, Callable[[], None]],
    paste: Callable[[str], None],
    close_key_help: Callable[[], bool],
    has_suggestion: Callable[[], bool],
    begin_command: Callable[[str], None],
    holds_returned: Callable[[], bool],
    takes_answers: Callable[[], bool],
    answer: Callable[[str], None],
    *,
    vi: bool = False,
) -> KeyBindings:
    """Return the bindings of the given actions.

    `close_key_help` hides the key sheet and returns True if it was shown; `has_suggestion` returns True if one is.
    `answer` takes a letter that answers a question, while `takes_answers` returns True.
    `begin_command` replaces a returned message or a refused command in the input, while `holds_returned` returns True.
    """
    bindings = KeyBindings()
    for key in KEYS:
        if run := actions.get(key.action):
            _bind(bindings, key, run, close_key_help, _when(key.action, has_suggestion, vi=vi))

    if escape := actions.get(Action.ESCAPE):
        _keep_text(bindings, escape)

    for slash in _SLASHES:

        @bindings.add(slash, filter=_INSERTING & Condition(holds_returned))
        def _(event: KeyPressEvent) -> None:
            begin_command(event.data)

    for letter in _ANSWERS:

        @bindings.add(letter, filter=Condition(takes_answers))
        def _(event: KeyPressEvent) -> None:
            answer(event.data)

    @bindings.add(Keys.BracketedPaste)
    def _(event: KeyPressEvent) -> None:
        close_key_help()
        paste(event.data)

    return bindings


def _keep_text(bindings: KeyBindings, escape: Callable[[], None]) -> None:
    """Handle an Esc and the character after it apart when they come in one read.

    The keys are Alt keys without an action here; the editing functions of prompt_toolkit on them are given up.
    """

    def both(event: KeyPressEvent) -> None:
        escape()
        event.current_buffer.insert_text(event.data)

    for key in _TEXT:
        bindings.add("escape", key, filter=emacs_mode)(both)


def _when(action: Action, has_suggestion: Callable[[], bool], *, vi: bool) -> Filter:
    """Return the editor mode in which a key performs its action; elsewhere the editor handles the key."""
    if action is Action.ACCEPT:
        return _INSERTING & Condition(has_suggestion)
    if action is Action.KEY_HELP:
        return _INSERTING
    if action is Action.ESCAPE and vi:
        return vi_navigation_mode
    if action in _EMACS_ONLY:
        return emacs_mode
    return Always()


def _bind(
    bindings: KeyBindings, key: KeyBinding, run: Callable[[], None], close_key_help: Callable[[], bool], when: Filter
) -> None:
    def handle(event: KeyPressEvent) -> None:
        if key.action is not Action.KEY_HELP and close_key_help() and key.action is Action.ESCAPE:
            return
        run()

    for sequence in key.keys:
        bindings.add(*sequence, filter=when)(handle)


def quick_escape(app: Application[int]) -> None:
    """Handle a lone Esc at once, while longer key sequences may be typed slowly."""
    processor = app.key_processor

    def after(_: object) -> None:
        lone = [press.key for press in processor.key_buffer] == [Keys.Escape]
        app.timeoutlen = _ESC_WAIT if lone else _SEQUENCE_WAIT

    app.ttimeoutlen = 0.05
    processor.after_key_press += after
