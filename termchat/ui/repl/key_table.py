"""Effect of each key in each state, as data.

The rows of a key are tried in order, and the first one whose state holds is performed; if none holds, the key does
nothing. The keys of each action are in `termchat.config.keys.key_bindings`. `Repl` binds the
keys that act on the terminal, such as Ctrl-L and Ctrl-G.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from termchat.config.keys.key_bindings import Action
from termchat.ui.repl.actions import Actions
from termchat.ui.repl.approval_answers import ApprovalAnswers
from termchat.ui.repl.attaching import Attaching
from termchat.ui.repl.input.completion_menu import CompletionMenu
from termchat.ui.repl.key_states import State
from termchat.ui.repl.panels.form import Form
from termchat.ui.repl.panels.picker import Picker

Rows = Sequence[tuple[State, Callable[[Actions], None]]]


def _approval(answer: Callable[[ApprovalAnswers], None]) -> Callable[[Actions], None]:
    """Return an action on the question about a tool call."""
    return lambda actions: answer(actions.approvals)


def _picker(move: Callable[[Picker], None]) -> Callable[[Actions], None]:
    """Return a move in the list over the input."""
    return lambda actions: move(actions.widgets.picker)


def _menu(move: Callable[[CompletionMenu], None]) -> Callable[[Actions], None]:
    """Return a move in the menu below the input."""
    return lambda actions: move(actions.widgets.menu)


def _attaching(perform: Callable[[Attaching], None]) -> Callable[[Actions], None]:
    """Return an action on the attachments of the input."""
    return lambda actions: perform(actions.attaching)


KEY_TABLE: Mapping[Action, Rows] = {
    Action.ENTER: (
        (State.PICKER, Actions.accept_choice),
        (State.WRITING, _approval(ApprovalAnswers.submit)),
        (State.APPROVAL, _approval(ApprovalAnswers.accept)),
        (State.MENU, Actions.accept_menu_row),
        (State.ENTER_SENDS, Actions.enter),
        (State.ANY, Actions.newline),
    ),
    Action.ALT_ENTER: (
        (State.WRITING, _approval(ApprovalAnswers.submit)),
        (State.ENTER_SENDS, Actions.newline),
        (State.PICKER, Actions.accept_choice),
        (State.MENU, Actions.accept_menu_row),
        (State.ANY, Actions.enter),
    ),
    Action.NEWLINE: (  # may be the Enter key
        (State.PICKER, Actions.accept_choice),
        (State.WRITING, _approval(ApprovalAnswers.submit)),
        (State.ANY, Actions.newline),
    ),
    Action.ESCAPE: (
        (State.KEY_HELP, Actions.close_key_help),
        (State.PICKER, Actions.leave_picker),
        (State.WRITING, _approval(ApprovalAnswers.leave)),
        (State.MENU, Actions.close_menu),
        (State.LISTING, _approval(ApprovalAnswers.leave_list)),
        (State.ATTACHING, _attaching(Attaching.stop)),
        (State.BUSY, Actions.stop),
        (State.ASIDE, Actions.stop_aside),
        (State.ANY, Actions.clear_on_second_press),
    ),
    Action.INTERRUPT: (
        (State.PICKER, Actions.close_picker),
        (State.WRITING, _approval(ApprovalAnswers.leave)),
        (State.ATTACHING, _attaching(Attaching.stop)),
        (State.BUSY, Actions.stop_or_abandon),
        (State.ASIDE, Actions.stop_aside),
        (State.MENU, Actions.close_menu),
        (State.TEXT, Actions.clear),
        (State.ANY, Actions.leave_on_second_press),
    ),
    Action.EOF: (
        (State.WRITING, Actions.ignore),
        (State.TEXT, Actions.delete_character),
        (State.BUSY, Actions.ignore),
        (State.PICKER, Actions.ignore),
        (State.ANY, Actions.leave),
    ),
    Action.UP: (
        (State.PICKER, Actions.previous_choice),
        (State.WRITING, Actions.ignore),
        (State.MENU, Actions.previous_menu_row),
        (State.APPROVAL, _approval(ApprovalAnswers.previous)),
        (State.TEXT, Actions.move_up),
        (State.QUEUE, Actions.edit_queued),
        (State.ANY, Actions.move_up),
    ),
    Action.DOWN: (
        (State.PICKER, Actions.next_choice),
        (State.WRITING, Actions.ignore),
        (State.MENU, Actions.next_menu_row),
        (State.APPROVAL, _approval(ApprovalAnswers.next)),
        (State.ANY, Actions.move_down),
    ),
    Action.PAGE_UP: (
        (State.PICKER, _picker(Picker.page_up)),
        (State.WRITING, Actions.ignore),
        (State.MENU, _menu(CompletionMenu.page_up)),
        (State.ANY, Actions.ignore),
    ),
    Action.PAGE_DOWN: (
        (State.PICKER, _picker(Picker.page_down)),
        (State.WRITING, Actions.ignore),
        (State.MENU, _menu(CompletionMenu.page_down)),
        (State.ANY, Actions.ignore),
    ),
    Action.FIRST_ROW: ((State.PICKER, _picker(Picker.first)), (State.ANY, Actions.ignore)),
    Action.LAST_ROW: ((State.PICKER, _picker(Picker.last)), (State.ANY, Actions.ignore)),
    Action.COMPLETE: (
        (State.MENU, Actions.complete_menu_row),
        (State.PICKER, Actions.toggle_picker),
        (State.WRITING, Actions.ignore),
        (State.QUESTION, _approval(ApprovalAnswers.focus)),
        (State.ANY, Actions.accept_suggestion),
    ),
    Action.ACCEPT: ((State.ANY, Actions.accept_or_move_right),),
    Action.MODEL: ((State.PICKER, Actions.close_picker), (State.ANY, Actions.choose_model)),
    Action.LAST_MODEL: ((State.ANY, Actions.last_model),),
    Action.RETRY: ((State.BUSY, Actions.retry_now), (State.ANY, Actions.retry)),
    Action.CONTINUE: ((State.BUSY, Actions.ignore), (State.ANY, Actions.continue_reply)),
    Action.SEND_NOW: ((State.ANY, Actions.send_now),),
    Action.DROP_QUEUED: ((State.TEXT, Actions.delete_word), (State.ANY, Actions.drop_queued)),
    Action.UNFOLD_PASTE: (
        (State.CALL_LIST, Actions.close_picker),
        (State.QUESTION, _approval(ApprovalAnswers.view)),
        (State.CALLS, lambda actions: actions.calls.unfold_or_open()),
        (State.ANY, Actions.unfold_or_show_error),
    ),
    Action.PASTE: ((State.ANY, _attaching(Attaching.paste_clipboard)),),
    Action.UNDO: ((State.ANY, Actions.undo),),
    Action.REDO: ((State.ANY, Actions.redo),),
    Action.KEY_HELP: (
        (State.TEXT, Actions.insert_question_mark),
        (State.KEY_HELP, Actions.insert_question_mark),
        (State.ANY, Actions.show_key_help),
    ),
}

# While the form of a setup is open, all other actions do nothing.
FORM_TABLE: Mapping[Action, Callable[[Form], None]] = {
    Action.ENTER: Form.submit,
    Action.ALT_ENTER: Form.submit,
    Action.NEWLINE: Form.submit,
    Action.ESCAPE: Form.cancel,
    Action.INTERRUPT: Form.cancel,
    Action.DROP_QUEUED: Form.delete_word,
    Action.KEY_HELP: Form.insert_question_mark,
}


def bound_actions(actions: Actions) -> dict[Action, Callable[[], None]]:
    """Return a function for each action of the table that performs the first row whose state holds."""
    return {action: partial(_perform, actions, action, rows) for action, rows in KEY_TABLE.items()}


def _perform(actions: Actions, action: Action, rows: Rows) -> None:
    if actions.widgets.is_filling:
        if perform_in_form := FORM_TABLE.get(action):
            perform_in_form(actions.widgets.form)
        return
    for state, perform in rows:
        if actions.holds(state):
            perform(actions)
            return
