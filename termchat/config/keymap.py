"""Every key, declared once: the bindings, the key sheet, /keys and the guide are all made from this table."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from termchat.core.sanitize import Safe, say


class Action(StrEnum):
    """What a key does."""

    ENTER = "enter"
    ALT_ENTER = "alt enter"
    NEWLINE = "newline"
    ESCAPE = "escape"
    INTERRUPT = "interrupt"
    END = "end"
    UP = "up"
    DOWN = "down"
    COMPLETE = "complete"
    ACCEPT = "accept"
    MODEL = "model"
    LAST_MODEL = "last model"
    RETRY = "retry"
    CONTINUE = "continue"
    SEND_NOW = "send now"
    SEARCH = "search"
    DROP = "drop"
    REASONING = "reasoning"
    FOLD = "fold"
    EDITOR = "editor"
    UNDO = "undo"
    REDO = "redo"
    REDRAW = "redraw"
    SUSPEND = "suspend"
    SHEET = "sheet"


@dataclass(frozen=True, slots=True)
class Key:
    """A row of the table.

    keys    the sequences that do it, each as the names of its keys (`("escape", "m")` is Alt-M)
    shown   as people write it
    """

    action: Action
    keys: tuple[tuple[str, ...], ...]
    shown: Safe
    help: Safe


KEYS: tuple[Key, ...] = (
    Key(Action.ENTER, (("c-m",),), say("Enter"), say("send; queue while it replies")),
    Key(Action.ALT_ENTER, (("escape", "c-m"),), say("Alt-Enter"), say("new line (see /multiline)")),
    Key(Action.NEWLINE, (("c-j",),), say("Ctrl-J"), say("new line; Shift-Enter too")),
    Key(Action.ESCAPE, (("escape",),), say("Esc"), say("stop; twice clears the input")),
    Key(Action.INTERRUPT, (("c-c",), ("<sigint>",)), say("Ctrl-C"), say("stop, clear; twice leaves")),
    Key(Action.END, (("c-d",),), say("Ctrl-D"), say("leave on an empty input")),
    Key(Action.UP, (("up",), ("c-p",)), say("Up"), say("earlier input; queue back")),
    Key(Action.DOWN, (("down",), ("c-n",)), say("Down"), say("later input")),
    Key(Action.COMPLETE, (("c-i",),), say("Tab"), say("complete a command")),
    Key(Action.SEARCH, (("c-r",),), say("Ctrl-R"), say("search what was typed before")),
    Key(Action.ACCEPT, (("right",), ("c-e",)), say("Right"), say("take the grey suggestion")),
    Key(Action.MODEL, (("escape", "m"), ("escape", "p")), say("Alt-M"), say("choose a model")),
    Key(Action.LAST_MODEL, (("f2",),), say("F2"), say("back to the model before")),
    Key(Action.RETRY, (("escape", "r"),), say("Alt-R"), say("answer again")),
    Key(Action.CONTINUE, (("escape", "c"),), say("Alt-C"), say("go on where a reply stopped")),
    Key(Action.SEND_NOW, (("c-s",),), say("Ctrl-S"), say("send now; stops the reply")),
    Key(Action.DROP, (("escape", "c-h"), ("escape", "backspace")), say("Alt-Bksp"), say("drop the last queued one")),
    Key(Action.REASONING, (("c-t",),), say("Ctrl-T"), say("reasoning: how much; read it")),
    Key(Action.FOLD, (("c-o",),), say("Ctrl-O"), say("unfold a paste; error details")),
    Key(Action.EDITOR, (("c-g",), ("c-x", "c-e")), say("Ctrl-G"), say("write in $EDITOR")),
    Key(Action.UNDO, (("c-_",),), say("Ctrl-_"), say("undo")),
    Key(Action.REDO, (("escape", "_"),), say("Alt-_"), say("redo")),
    Key(Action.REDRAW, (("c-l",),), say("Ctrl-L"), say("paint the input again")),
    Key(Action.SUSPEND, (("c-z",),), say("Ctrl-Z"), say("suspend; fg comes back")),
    Key(Action.SHEET, (("?",),), say("?"), say("these keys, on an empty input")),
)
