"""The objects on screen that commands, keys and turns act on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from termchat.commands.registry import CommandContext
from termchat.ui.frontend import FrontendContext
from termchat.ui.repl.input.completion_menu import CompletionMenu
from termchat.ui.repl.input.editor import InputEditor
from termchat.ui.repl.input.late_keys import LateKeys
from termchat.ui.repl.panels.approval_panel import ApprovalPanel
from termchat.ui.repl.panels.form import Form
from termchat.ui.repl.panels.key_help import KeyHelp
from termchat.ui.repl.panels.picker import Picker
from termchat.ui.repl.panels.style import PromptToolkitStyle
from termchat.ui.repl.panels.toast import Toast
from termchat.ui.repl.transcript import Transcript
from termchat.ui.terminal.screen import Screen


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
    late        the keys for a part that has just closed by itself
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
    late: LateKeys

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


def build_widgets(
    context: FrontendContext,
    screen: Screen,
    refresh: Callable[[], None],
    typed: Callable[[], None],
    answer: Callable[[str], None],
    type_letter: Callable[[str], None],
) -> Widgets:
    """Create the parts of the screen.

    refresh       redraws the live region
    typed         is called when the text of the input changes
    answer        performs an answer to the question about a tool call
    type_letter   puts a letter into the input that was no answer
    """
    look = context.look
    commands = CommandContext(
        context.session, context.providers, context.registry, context.preferences, key_map=look.keys
    )
    toast = Toast(refresh)
    late = LateKeys(look.keys, toast.say, look.timings.late_key)
    return Widgets(
        editor=InputEditor(typed),
        picker=Picker(look.keys),
        menu=CompletionMenu(lambda text: context.registry.menu(commands, text), late.menu_closed),
        toast=toast,
        key_help=KeyHelp(),
        approval=ApprovalPanel(answer, type_letter, refresh, look.keys, late=late),
        form=Form(refresh, look.keys),
        transcript=Transcript(
            screen, hyperlinks=look.hyperlinks, signs=look.signs, math=look.math, frame_rate=look.frame_rate
        ),
        style=PromptToolkitStyle(context.theme, look.depth, signs=look.signs),
        late=late,
    )
