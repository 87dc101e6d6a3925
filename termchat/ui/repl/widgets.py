"""The objects on screen that commands, keys and turns act on."""

from __future__ import annotations

from dataclasses import dataclass

from termchat.ui.repl.input.completion_menu import CompletionMenu
from termchat.ui.repl.input.editor import InputEditor
from termchat.ui.repl.panels.approval_panel import ApprovalPanel
from termchat.ui.repl.panels.form import Form
from termchat.ui.repl.panels.key_help import KeyHelp
from termchat.ui.repl.panels.picker import Picker
from termchat.ui.repl.panels.style import PromptToolkitStyle
from termchat.ui.repl.panels.toast import Toast
from termchat.ui.repl.transcript import Transcript


@dataclass(frozen=True, slots=True)
class Widgets:
    """The parts of the screen, created once and shared by every object that reads or changes them.

    editor      the input with its history and pastes
    picker      the list over the input
    menu        the command menu below the input
    toast       the short message in the status line
    key_help    the table of keys below the input
    approval    the question about a tool call above the input
    form        the question of a setup above the input
    transcript  the scrollback and the reply that is being written
    style       the colours of the live region
    """

    editor: InputEditor
    picker: Picker
    menu: CompletionMenu
    toast: Toast
    key_help: KeyHelp
    approval: ApprovalPanel
    form: Form
    transcript: Transcript
    style: PromptToolkitStyle

    @property
    def is_filling(self) -> bool:
        """Return True if the form of a setup is open, and no picker over it."""
        return self.form.is_open and not self.picker.is_open

    def paste(self, text: str) -> None:
        """Insert a pasted text where the user types: a key must not get into the input."""
        if self.picker.is_open:
            self.picker.paste(text)
        else:
            (self.form if self.form.is_open else self.editor).paste(text)
