"""Every key binding, declared once: the REPL's bindings, the key help, /keys and the guide use this table."""

from __future__ import annotations

from enum import StrEnum

from termchat.core.sanitize import Safe, safe_format
from termchat.late_dataclass import dataclass


class Action(StrEnum):
    """The action of a key binding."""

    ENTER = "enter"
    ALT_ENTER = "alt enter"
    NEWLINE = "newline"
    ESCAPE = "escape"
    INTERRUPT = "interrupt"
    EOF = "end"
    UP = "up"
    DOWN = "down"
    COMPLETE = "complete"
    ACCEPT = "accept"
    MODEL = "model"
    LAST_MODEL = "last model"
    RETRY = "retry"
    CONTINUE = "continue"
    SEND_NOW = "send now"
    HISTORY = "search"
    DROP_QUEUED = "drop"
    REASONING = "reasoning"
    UNFOLD_PASTE = "fold"
    EDITOR = "editor"
    UNDO = "undo"
    REDO = "redo"
    REDRAW = "redraw"
    SUSPEND = "suspend"
    KEY_HELP = "sheet"


@dataclass(frozen=True, slots=True)
class KeyBinding:
    """The keys of one action.

    keys    key sequences, each as prompt_toolkit's names of its keys: `("escape", "m")` is Alt-M
    label   the first sequence as people write it: `Alt-M`
    help    a few words for the key help
    """

    action: Action
    keys: tuple[tuple[str, ...], ...]
    label: Safe
    help: Safe


KEYS: tuple[KeyBinding, ...] = (
    KeyBinding(Action.ENTER, (("c-m",),), safe_format("Enter"), safe_format("send; queue while it replies")),
    KeyBinding(
        Action.ALT_ENTER, (("escape", "c-m"),), safe_format("Alt-Enter"), safe_format("new line (see /multiline)")
    ),
    KeyBinding(Action.NEWLINE, (("c-j",),), safe_format("Ctrl-J"), safe_format("new line; Shift-Enter too")),
    KeyBinding(Action.ESCAPE, (("escape",),), safe_format("Esc"), safe_format("stop; twice clears the input")),
    KeyBinding(
        Action.INTERRUPT, (("c-c",), ("<sigint>",)), safe_format("Ctrl-C"), safe_format("stop, clear; twice exits")
    ),
    KeyBinding(Action.EOF, (("c-d",),), safe_format("Ctrl-D"), safe_format("exit, if the input is empty")),
    KeyBinding(Action.UP, (("up",), ("c-p",)), safe_format("Up"), safe_format("earlier or queued input")),
    KeyBinding(Action.DOWN, (("down",), ("c-n",)), safe_format("Down"), safe_format("later input")),
    KeyBinding(Action.COMPLETE, (("c-i",),), safe_format("Tab"), safe_format("complete a command")),
    KeyBinding(Action.HISTORY, (("c-r",),), safe_format("Ctrl-R"), safe_format("search earlier inputs")),
    KeyBinding(Action.ACCEPT, (("right",), ("c-e",)), safe_format("Right"), safe_format("accept the grey suggestion")),
    KeyBinding(Action.MODEL, (("escape", "m"), ("escape", "p")), safe_format("Alt-M"), safe_format("choose a model")),
    KeyBinding(Action.LAST_MODEL, (("f2",),), safe_format("F2"), safe_format("switch to the previous model")),
    KeyBinding(Action.RETRY, (("escape", "r"),), safe_format("Alt-R"), safe_format("answer again")),
    KeyBinding(Action.CONTINUE, (("escape", "c"),), safe_format("Alt-C"), safe_format("continue a stopped reply")),
    KeyBinding(Action.SEND_NOW, (("c-s",),), safe_format("Ctrl-S"), safe_format("send now; stops the reply")),
    KeyBinding(
        Action.DROP_QUEUED,
        (("escape", "c-h"), ("escape", "backspace")),
        safe_format("Alt-Bksp"),
        safe_format("drop the last queued message"),
    ),
    KeyBinding(Action.REASONING, (("c-t",),), safe_format("Ctrl-T"), safe_format("show more reasoning; read it")),
    KeyBinding(Action.UNFOLD_PASTE, (("c-o",),), safe_format("Ctrl-O"), safe_format("unfold a paste; error details")),
    KeyBinding(Action.EDITOR, (("c-g",), ("c-x", "c-e")), safe_format("Ctrl-G"), safe_format("write in $EDITOR")),
    KeyBinding(Action.UNDO, (("c-_",),), safe_format("Ctrl-_"), safe_format("undo")),
    KeyBinding(Action.REDO, (("escape", "_"),), safe_format("Alt-_"), safe_format("redo")),
    KeyBinding(Action.REDRAW, (("c-l",),), safe_format("Ctrl-L"), safe_format("redraw the input")),
    KeyBinding(Action.SUSPEND, (("c-z",),), safe_format("Ctrl-Z"), safe_format("suspend; fg resumes")),
    KeyBinding(Action.KEY_HELP, (("?",),), safe_format("?"), safe_format("these keys, on an empty input")),
)
