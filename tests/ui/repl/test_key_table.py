"""Key table: every action has an effect in every state, and every row can be reached."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import pytest

from termchat.config.keys.key_bindings import KEYS, Action
from termchat.ui.repl.actions import Actions
from termchat.ui.repl.key_states import State
from termchat.ui.repl.key_table import KEY_TABLE, bound_actions

ON_THE_TERMINAL = {Action.REASONING, Action.HISTORY, Action.EDITOR, Action.SUSPEND, Action.REDRAW}


class FakeActions:
    """Actions of a REPL in given states, whose only part is the menu."""

    is_filling = False

    def __init__(self, states: set[State]) -> None:
        self._states = states
        self._menu = self.widgets = self
        self.closed = 0

    def close(self) -> None:
        self.closed += 1

    def holds(self, state: State) -> bool:
        return state is State.ANY or state in self._states


def effect(action: Action, *states: State) -> Callable[[Actions], None]:
    """Return the effect of a key while some states hold."""
    actions = FakeActions(set(states))
    return next(run for state, run in KEY_TABLE[action] if actions.holds(state))


def test_key_table_has_every_action_that_does_not_need_the_terminal() -> None:
    assert set(KEY_TABLE) == set(Action) - ON_THE_TERMINAL


def test_key_table_covers_every_bound_key() -> None:
    assert {key.action for key in KEYS} <= set(KEY_TABLE) | ON_THE_TERMINAL


@pytest.mark.parametrize("action", KEY_TABLE)
def test_key_table_action_has_effect_in_every_state(action: Action) -> None:
    assert KEY_TABLE[action][-1][0] is State.ANY


@pytest.mark.parametrize("action", KEY_TABLE)
def test_key_table_row_is_reachable(action: Action) -> None:
    states = [state for state, _ in KEY_TABLE[action]]
    assert State.ANY not in states[:-1]
    assert len(states) == len(set(states))


@pytest.mark.parametrize(
    ("action", "states", "expected"),
    [
        (Action.ENTER, (State.ENTER_SENDS,), Actions.enter),
        (Action.ENTER, (), Actions.newline),
        (Action.ENTER, (State.ENTER_SENDS, State.MENU), Actions.accept_menu_row),
        (Action.ENTER, (State.ENTER_SENDS, State.PICKER, State.BUSY), Actions.accept_choice),
        (Action.ALT_ENTER, (State.ENTER_SENDS,), Actions.newline),
        (Action.ALT_ENTER, (), Actions.enter),
        (Action.ESCAPE, (State.KEY_HELP, State.BUSY), Actions.close_key_help),
        (Action.ESCAPE, (State.PICKER, State.BUSY), Actions.leave_picker),
        (Action.ESCAPE, (State.BUSY, State.TEXT, State.QUEUE), Actions.stop),
        (Action.ESCAPE, (State.TEXT,), Actions.clear_on_second_press),
        (Action.INTERRUPT, (State.PICKER, State.BUSY), Actions.close_picker),
        (Action.INTERRUPT, (State.BUSY, State.MENU, State.TEXT), Actions.stop_or_abandon),
        (Action.INTERRUPT, (State.TEXT,), Actions.clear),
        (Action.INTERRUPT, (), Actions.leave_on_second_press),
        (Action.EOF, (State.TEXT, State.BUSY), Actions.delete_character),
        (Action.EOF, (State.BUSY,), Actions.ignore),
        (Action.EOF, (), Actions.leave),
        (Action.UP, (State.QUEUE,), Actions.edit_queued),
        (Action.UP, (State.QUEUE, State.TEXT), Actions.move_up),
        (Action.UNFOLD_PASTE, (State.CALL_LIST, State.PICKER, State.CALLS, State.QUESTION), Actions.close_picker),
        (Action.UNFOLD_PASTE, (State.BUSY,), Actions.unfold_or_show_error),
        (Action.KEY_HELP, (State.TEXT,), Actions.insert_question_mark),
        (Action.KEY_HELP, (), Actions.show_key_help),
    ],
)
def test_key_table_effect_depends_on_state(
    action: Action, states: tuple[State, ...], expected: Callable[[Actions], None]
) -> None:
    assert effect(action, *states) is expected


def test_bound_actions_perform_only_the_first_row_that_holds() -> None:
    actions = FakeActions({State.MENU, State.BUSY})
    bound = bound_actions(cast("Actions", actions))
    assert set(bound) == set(KEY_TABLE)
    bound[Action.CONTINUE]()  # ignored while a turn runs
    assert actions.closed == 0
    bound[Action.ESCAPE]()  # closes the menu; the turn, which would be stopped next, is not even there
    assert actions.closed == 1
