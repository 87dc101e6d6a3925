"""Every key binding, declared once: the REPL, its hints, the key help, /keys and the guide use this table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from enum import StrEnum

from termchat.config.keys.key_names import KeySequence, parse_keys
from termchat.core.sanitize import EMPTY, Safe, join, safe_format
from termchat.late_dataclass import dataclass


class Action(StrEnum):
    """The action of a key binding; the value is its name in `[keys]`."""

    ENTER = "submit"
    ALT_ENTER = "newline-or-submit"
    NEWLINE = "newline"
    ESCAPE = "stop"
    INTERRUPT = "interrupt"
    EOF = "exit"
    UP = "up"
    DOWN = "down"
    COMPLETE = "complete"
    ACCEPT = "accept"
    MODEL = "model"
    LAST_MODEL = "last-model"
    RETRY = "retry"
    CONTINUE = "continue"
    SEND_NOW = "send-now"
    HISTORY = "history"
    DROP_QUEUED = "drop-queued"
    REASONING = "reasoning"
    UNFOLD_PASTE = "unfold"
    EDITOR = "editor"
    PASTE = "paste"
    UNDO = "undo"
    REDO = "redo"
    PAGE_UP = "page-up"
    PAGE_DOWN = "page-down"
    FIRST_ROW = "first-row"
    LAST_ROW = "last-row"
    REDRAW = "redraw"
    SUSPEND = "suspend"
    KEY_HELP = "keys"


ESSENTIAL = (Action.ENTER, Action.ALT_ENTER, Action.INTERRUPT, Action.EOF)  # nothing else sends, stops or leaves
TEXT_KEYS: Mapping[Action, str] = {Action.KEY_HELP: "?"}  # characters that act on an empty input


@dataclass(frozen=True, slots=True)
class KeyBinding:
    """The keys of one action, the usual one first, and a few words for the key help."""

    action: Action
    keys: tuple[KeySequence, ...]
    help: Safe

    @property
    def label(self) -> Safe:
        """The usual key as people write it, `Alt-M`; EMPTY without a key."""
        return self.keys[0].label if self.keys else EMPTY

    @property
    def names(self) -> Safe:
        """All keys as people write them, `Alt-M, Alt-P`; EMPTY without a key."""
        return join(", ", [keys.label for keys in self.keys])


@dataclass(frozen=True, slots=True)
class KeyMap:
    """The keys of all actions, in the order of the key help; `changed` are those that the user chose."""

    bindings: tuple[KeyBinding, ...]
    changed: frozenset[Action] = frozenset()
    labels: Mapping[Action, Safe] = field(default_factory=dict[Action, Safe])

    def label(self, action: Action) -> Safe:
        """Return the key that a hint names; EMPTY without one. What Esc stops, Ctrl-C stops, too."""
        return self.labels[action] or (self.labels[Action.INTERRUPT] if action is Action.ESCAPE else EMPTY)

    def hint(self, action: Action, does: Safe, *, command: Safe = EMPTY) -> Safe:
        """Return `Alt-R retries`; without a key, `/retry retries` for the command, and EMPTY without one."""
        name = self.label(action) or command
        return safe_format("{name} {does}", name=name, does=does) if name else EMPTY

    def marked(self, action: Action, words: Safe) -> Safe:
        """Return words with a star if the user chose the keys of the action."""
        return safe_format("{words}*", words=words) if action in self.changed else words

    def sends(self, *, enter_sends: bool) -> Safe:
        """Return the key that sends the input."""
        return self.label(Action.ENTER if enter_sends else Action.ALT_ENTER)

    @property
    def arrows(self) -> Safe:
        """The keys that move in a list: `↑↓`."""
        up, down = self.label(Action.UP), self.label(Action.DOWN)
        if up == "Up" and down == "Down":
            return Safe("↑↓")
        return join(" ", [words for words in (up, down) if words])

    @property
    def up(self) -> Safe:
        """The key for the earlier input: `↑`."""
        up = self.label(Action.UP)
        return Safe("↑") if up == "Up" else up


def make_key_map(bindings: tuple[KeyBinding, ...], changed: frozenset[Action] = frozenset()) -> KeyMap:
    """Return the map of bindings, one for each action."""
    return KeyMap(bindings, changed, {binding.action: binding.label for binding in bindings})


def _binding(action: Action, keys: tuple[str, ...], help_: Safe) -> KeyBinding:
    return KeyBinding(action, tuple(parse_keys(key, text_keys=TEXT_KEYS.get(action, "")) for key in keys), help_)


KEYS: tuple[KeyBinding, ...] = (
    _binding(Action.ENTER, ("enter",), safe_format("send; queue while it replies")),
    _binding(Action.ALT_ENTER, ("alt-enter",), safe_format("new line (see /multiline)")),
    _binding(Action.NEWLINE, ("ctrl-j",), safe_format("new line; Shift-Enter too")),
    _binding(Action.ESCAPE, ("esc",), safe_format("stop; twice clears the input")),
    _binding(Action.INTERRUPT, ("ctrl-c",), safe_format("stop, clear; twice exits")),
    _binding(Action.EOF, ("ctrl-d",), safe_format("exit, if the input is empty")),
    _binding(Action.UP, ("up", "ctrl-p"), safe_format("earlier or queued input")),
    _binding(Action.DOWN, ("down", "ctrl-n"), safe_format("later input")),
    _binding(Action.COMPLETE, ("tab",), safe_format("complete a command")),
    _binding(Action.HISTORY, ("ctrl-r",), safe_format("search earlier inputs")),
    _binding(Action.ACCEPT, ("right", "ctrl-e"), safe_format("accept the grey suggestion")),
    _binding(Action.MODEL, ("alt-m", "alt-p"), safe_format("choose a model")),
    _binding(Action.LAST_MODEL, ("f2",), safe_format("switch to the previous model")),
    _binding(Action.RETRY, ("alt-r",), safe_format("answer again")),
    _binding(Action.CONTINUE, ("alt-c",), safe_format("continue a stopped reply")),
    _binding(Action.SEND_NOW, ("ctrl-s",), safe_format("send now; stops the reply")),
    _binding(Action.DROP_QUEUED, ("alt-bksp",), safe_format("drop the last queued message")),
    _binding(Action.REASONING, ("ctrl-t",), safe_format("show more reasoning; read it")),
    _binding(Action.UNFOLD_PASTE, ("ctrl-o",), safe_format("unfold; cancel a call; errors")),
    _binding(Action.EDITOR, ("ctrl-g", "ctrl-x ctrl-e"), safe_format("write in $EDITOR")),
    _binding(Action.PASTE, ("ctrl-v",), safe_format("paste an image")),
    _binding(Action.UNDO, ("ctrl-_",), safe_format("undo")),
    _binding(Action.REDO, ("alt-_",), safe_format("redo")),
    _binding(Action.PAGE_UP, ("pageup",), safe_format("page up in a list")),
    _binding(Action.PAGE_DOWN, ("pagedown",), safe_format("page down in a list")),
    _binding(Action.FIRST_ROW, ("ctrl-home",), safe_format("first row of a list")),
    _binding(Action.LAST_ROW, ("ctrl-end",), safe_format("last row of a list")),
    _binding(Action.REDRAW, ("ctrl-l",), safe_format("redraw the input")),
    _binding(Action.SUSPEND, ("ctrl-z",), safe_format("suspend; fg resumes")),
    _binding(Action.KEY_HELP, ("?",), safe_format("the keys, on an empty input")),
)
DEFAULT_KEYS = make_key_map(KEYS)
