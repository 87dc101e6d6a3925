"""prompt_toolkit key bindings for the key table."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from prompt_toolkit.application import Application
from prompt_toolkit.application.current import get_app
from prompt_toolkit.filters import Always, Condition, Filter, emacs_mode, vi_insert_mode, vi_navigation_mode
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.keys import Keys

from termchat.config.keys.key_bindings import Action, KeyBinding, KeyMap
from termchat.ui.repl.panels.approval_answer import LETTERS
from termchat.ui.repl.panels.key_help import KeyHelp
from termchat.ui.repl.widgets import Widgets

_ESC_WAIT = 0.01  # seconds; an Alt key comes in one read, so a lone Esc is the Esc key
_SEQUENCE_WAIT = 0.5
_INSERTING = emacs_mode | vi_insert_mode
_TEXT = "/0123456789-#*.<>ae"
_SLASHES = "/／"
_ON_UNDO_STACK = (Action.UNDO, Action.REDO)  # saving the text before them would end what can be repeated
_EMACS_ONLY = frozenset({Action.REDO, Action.DROP_QUEUED})
_ESCAPE, _NEWLINE = ("escape",), ("c-j",)
_NO_COUNT = Condition(lambda: get_app().key_processor.arg is None)
_VI_COMMANDS = {"k": Action.UP, "j": Action.DOWN, "c-r": Action.REDO}  # in NORMAL mode


def make_bindings(
    keys: KeyMap,
    actions: Mapping[Action, Callable[[], None]],
    widgets: Widgets,
    is_elsewhere: Callable[[], bool],
    *,
    vi: bool = False,
) -> KeyBindings:
    """Return the bindings of the given actions; `is_elsewhere` returns True if a list or a form takes the text."""
    bindings, key_help = KeyBindings(), widgets.key_help
    stops = (vi_navigation_mode | Condition(is_elsewhere) | Condition(lambda: _shows_list(widgets))) if vi else Always()
    limits = _limits(widgets)
    for binding in keys.bindings:
        if run := actions.get(binding.action):
            changed = binding.action in keys.changed
            _bind(bindings, binding, run, key_help, limits, stops, changed=changed, vi=vi)
    _bind_fixed(bindings, keys, actions, key_help)
    if vi:
        _bind_vi(bindings, actions)
    _bind_text(bindings, widgets)
    return bindings


def _shows_list(widgets: Widgets) -> bool:
    """Return True if something is open beside the input, which Esc closes in any vi mode."""
    return widgets.picker.is_open or widgets.menu.is_open or widgets.approval.is_listing or widgets.key_help.shown


def _bind_text(bindings: KeyBindings, widgets: Widgets) -> None:
    """Bind what is typed or pasted and is more than text: a slash over a returned message, the letter of an answer."""
    editor, approval = widgets.editor, widgets.approval

    def holds_returned() -> bool:
        return editor.holds_returned and not widgets.picker.is_open and not widgets.form.is_open

    for slash in _SLASHES:

        @bindings.add(slash, filter=_INSERTING & Condition(holds_returned))
        def _(event: KeyPressEvent) -> None:
            editor.begin_command(event.data)

    for letter in LETTERS:

        @bindings.add(
            letter, filter=Condition(lambda letter=letter: approval.takes(letter) and not widgets.picker.is_open)
        )
        def _(event: KeyPressEvent) -> None:
            approval.press(event.data)

    @bindings.add(Keys.Any, filter=Condition(lambda: widgets.picker.takes_letters))
    def _(event: KeyPressEvent) -> None:
        widgets.picker.press(event.data)

    @bindings.add(Keys.BracketedPaste)
    def _(event: KeyPressEvent) -> None:
        widgets.key_help.close()
        widgets.paste(event.data)


def _bind_fixed(
    bindings: KeyBindings, keys: KeyMap, actions: Mapping[Action, Callable[[], None]], key_help: KeyHelp
) -> None:
    """Bind what no configuration changes: SIGINT, the line ends of a paste without marks, Esc before a character."""
    taken = {sequence.keys for binding in keys.bindings for sequence in binding.keys}
    fixed = {"<sigint>": Action.INTERRUPT} | ({} if _NEWLINE in taken else {"c-j": Action.NEWLINE})
    for name, action in fixed.items():
        if run := actions.get(action):
            bindings.add(name)(_handler(action, run, key_help))
    if _ESCAPE in taken and (escape := actions.get(_owner(keys, _ESCAPE))):
        _keep_text(bindings, escape, "".join(key for key in _TEXT if ("escape", key) not in taken))


def _owner(keys: KeyMap, wanted: tuple[str, ...]) -> Action:
    """Return the action of a key that one has."""
    return next(b.action for b in keys.bindings if any(sequence.keys == wanted for sequence in b.keys))


def _bind_vi(bindings: KeyBindings, actions: Mapping[Action, Callable[[], None]]) -> None:
    """Bind the commands of NORMAL mode that prompt_toolkit performs on its own history, or has not."""
    for key, action in _VI_COMMANDS.items():
        if run := actions.get(action):
            when = vi_navigation_mode & _NO_COUNT
            bindings.add(key, filter=when, save_before=_saves(action))(_plain(run))


def _plain(run: Callable[[], None]) -> Callable[[KeyPressEvent], None]:
    return lambda _: run()


def _keep_text(bindings: KeyBindings, escape: Callable[[], None], characters: str) -> None:
    """Handle an Esc and the character after it apart when they come in one read.

    The keys are Alt keys without an action here; the editing functions of prompt_toolkit on them are given up.
    """

    def both(event: KeyPressEvent) -> None:
        escape()
        event.current_buffer.insert_text(event.data)

    for key in characters:
        bindings.add("escape", key, filter=emacs_mode)(both)


def _limits(widgets: Widgets) -> Mapping[Action, Filter]:
    """Return when an action takes its keys from the editor, for those that do not always."""

    def lists() -> bool:
        return widgets.picker.is_open or (widgets.menu.is_open and not widgets.form.is_open)

    in_list, in_picker = Condition(lists), Condition(lambda: widgets.picker.is_open)
    return {
        Action.ACCEPT: _INSERTING & Condition(lambda: bool(widgets.editor.suggestion())),
        Action.PAGE_UP: in_list,
        Action.PAGE_DOWN: in_list,
        Action.FIRST_ROW: in_picker,
        Action.LAST_ROW: in_picker,
    }


def _when(action: Action, keys: tuple[str, ...], limits: Mapping[Action, Filter], *, vi: bool) -> Filter:
    """Return when a key performs its action; at other times the editor handles the key."""
    if action in limits:
        return limits[action]
    if len(keys) == 1 and keys[0].isprintable() and len(keys[0]) == 1:
        return _INSERTING
    if vi and keys == ("c-r",):
        return _INSERTING  # in NORMAL mode, Ctrl-R repeats what was undone
    return Always()


def _bind(
    bindings: KeyBindings,
    binding: KeyBinding,
    run: Callable[[], None],
    key_help: KeyHelp,
    limits: Mapping[Action, Filter],
    stops: Filter,
    *,
    changed: bool,
    vi: bool,
) -> None:
    """Bind the keys of an action; a key of the user acts at once, whatever longer keys the editor has."""
    for sequence in binding.keys:
        when = stops if sequence.keys == _ESCAPE else _when(binding.action, sequence.keys, limits, vi=vi)
        if binding.action in _EMACS_ONLY and not changed:
            when = emacs_mode
        handle = _handler(binding.action, run, key_help)
        if binding.action is Action.KEY_HELP and len(sequence.keys[0]) > 1:
            handle = _toggler(key_help)
        eager = changed and sequence.keys != _ESCAPE
        bindings.add(*sequence.keys, filter=when, eager=eager, save_before=_saves(binding.action))(handle)


def _saves(action: Action) -> Callable[[KeyPressEvent], bool]:
    return lambda _: action not in _ON_UNDO_STACK


def _handler(action: Action, run: Callable[[], None], key_help: KeyHelp) -> Callable[[KeyPressEvent], None]:
    def handle(event: KeyPressEvent) -> None:
        if action is not Action.KEY_HELP and key_help.close() and action is Action.ESCAPE:
            return
        run()

    return handle


def _toggler(key_help: KeyHelp) -> Callable[[KeyPressEvent], None]:
    """Return the handler of a key that is no text: it shows the sheet whatever the input has."""

    def handle(event: KeyPressEvent) -> None:
        if not key_help.close():
            key_help.open()

    return handle


def quick_escape(app: Application[int]) -> None:
    """Handle a lone Esc at once, while longer key sequences may be typed slowly."""
    processor = app.key_processor

    def after(_: object) -> None:
        lone = [press.key for press in processor.key_buffer] == [Keys.Escape]
        app.timeoutlen = _ESC_WAIT if lone else _SEQUENCE_WAIT

    app.ttimeoutlen = 0.05
    processor.after_key_press += after
