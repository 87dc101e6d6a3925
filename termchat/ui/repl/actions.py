"""Actions of the keys: one method per effect, one state per condition. `key_table` assigns them to the keys."""

from __future__ import annotations

from time import monotonic
from typing import assert_never

from termchat.commands.compare.shell_line import parse_shell_line
from termchat.commands.registry import is_command, is_sent_to_models, normalise, split_command
from termchat.config.keys.key_bindings import Action
from termchat.core.effects import ListModels, Quit
from termchat.core.sanitize import join, safe_format, safe_line
from termchat.ui.frontend import FrontendContext
from termchat.ui.repl.approval_answers import ApprovalAnswers
from termchat.ui.repl.effects import EffectRunner
from termchat.ui.repl.input.draft_question import DraftQuestion
from termchat.ui.repl.key_states import LastPress, State
from termchat.ui.repl.panels.call_picker import CallList
from termchat.ui.repl.turns import TurnRunner
from termchat.ui.repl.widgets import Widgets

_SECRET_SECONDS = 60.0  # or until the next key


class Actions:
    """The effects of the keys on the input, the lists, the queue and the running turn."""

    def __init__(
        self,
        context: FrontendContext,
        widgets: Widgets,
        turns: TurnRunner,
        effects: EffectRunner,
        approvals: ApprovalAnswers,
    ) -> None:
        self.approvals = approvals
        self._context = context
        self._timings = context.look.timings
        self._bound = context.look.keys
        self._editor = widgets.editor
        self._picker = widgets.picker
        self._menu = widgets.menu
        self._toast = widgets.toast
        self._key_help = widgets.key_help
        self.widgets = widgets
        self._transcript = widgets.transcript
        self._turns = turns
        self._effects = effects
        self.attaching = effects.attaching
        self.calls = CallList(widgets, turns)
        self._escape = LastPress()
        self._interrupt = LastPress()
        self._keys = 0
        self._stopped = -1e9
        self._question = DraftQuestion(lambda: self._editor.text_with_marks)

    def holds(self, state: State) -> bool:  # noqa: C901, one case a state
        """Return True if the REPL is in this state."""
        match state:
            case State.PICKER:
                return self._picker.is_open
            case State.MENU:
                return self._menu.is_open
            case State.KEY_HELP:
                return self._key_help.shown
            case State.BUSY:
                return self._turns.busy
            case State.ASIDE:
                return self._turns.side.asking
            case State.TEXT:
                return not self._editor.empty
            case State.QUEUE:
                return bool(self._turns.queue)
            case State.QUESTION | State.APPROVAL | State.LISTING | State.WRITING:
                return self.approvals.holds(state)
            case State.ENTER_SENDS:
                return self._context.enter_sends
            case State.CALLS:
                return self.calls.can_open
            case State.CALL_LIST:
                return self.calls.is_open
            case State.ATTACHING:
                return self.attaching.is_busy
            case State.ANY:
                return True
        assert_never(state)

    def key_pressed(self) -> None:
        """Count a key, whatever its action: a key between two presses makes the second one a first."""
        self._keys += 1
        self.approvals.panel.key_pressed(empty_input=self._editor.empty)

    def ignore(self) -> None:
        """Do nothing."""

    # Enter

    def enter(self) -> None:
        """Submit the input, unless a backslash before the cursor turns Enter into a line break.

        After a model was not found, Enter on the returned message switches to the most similar one.
        """
        if self._editor.expand_backslash():
            return
        if self._editor.empty and self._effects.offer.accept():
            return
        if (self._editor.empty or self._is_restored) and (model := self._turns.suggested_model):
            self._effects.use_model(model)
        self.submit()

    def submit(self, *, wait_for_host: bool = False) -> None:
        """Run a command, queue a message while a turn runs, or send it; an empty input sends the queue.

        A message that returned to the input is sent before the queue, any other one after it.
        `wait_for_host`: keep retrying until the host can be reached.
        """
        if line := parse_shell_line(self._editor.text):
            self._effects.run_shell(line)
            return
        if self.attaching.sends_later(lambda: self.submit(wait_for_host=wait_for_host)):
            return
        restored = self._is_restored
        if is_command(self._editor.text):
            self._run_command()
        elif self._editor.blank:
            self._turns.send_queue()
        elif not self._is_confirmed():
            return
        elif self._turns.busy or (self._turns.queue and not restored):
            self._turns.enqueue(self._editor.pop())
        else:
            self._turns.send(self._editor.pop(), wait_for_host=wait_for_host)

    def _is_confirmed(self) -> bool:
        """Return False, and say why, for a draft with a key; True if it is submitted again unchanged."""
        draft = self._editor.text_with_marks
        if self._question.is_given(draft):
            return True
        if self._question.is_too_early(draft):
            return False
        if secret := self._context.find_secret(self._editor.message(draft)):
            self._toast.say(secret, _SECRET_SECONDS)
            words = safe_format("{secret} {key} sends it.", secret=secret, key=self._context.sends)
            self._question.ask(draft, lambda: self._toast.say(words, _SECRET_SECONDS))
            return False
        return True

    @property
    def _is_restored(self) -> bool:
        """Return True if the input holds the message that got no answer, unchanged."""
        return self._editor.text_with_marks == self._turns.restored_text

    def _run_command(self) -> None:
        """Run the first line of the input as a command; further lines stay in the input."""
        line, _, rest = self._editor.text_with_marks.partition("\n")
        text = self._editor.pastes.expand(line)
        name = split_command(text)[0]
        command = self._context.registry.find(name)
        if command is None:
            self._editor.remember()
            self._editor.keep_refused()
            self._toast.say(self._context.registry.unknown(name), 5.0)
            return
        if self._turns.busy and not command.allowed_while_busy:
            words = safe_format(
                "/{name} needs the end of the reply: {escape} stops it, then {sends}.",
                name=safe_line(command.name),
                escape=self._bound.label(Action.ESCAPE),
                sends=self._context.sends,
            )
            self._editor.keep_refused()
            self._toast.say(words)
            return
        if is_sent_to_models(command.name) and not self._is_confirmed():
            return
        rest = self._editor.pastes.attachment_marks(line) + rest
        if rest:
            self._editor.set_text(line)
        self._editor.pop(keep_aside=True)
        self._effects.run_command(text)
        aside = self._editor.take_aside()
        if rest:
            self._editor.restore(rest)  # not before the command: it may begin a chat that is not saved
        elif aside and self._editor.empty and not self._turns.busy:
            self._editor.restore(aside)

    def accept_choice(self) -> None:
        """Accept the marked row of the picker."""
        self._effects.accept_choice()

    def accept_menu_row(self) -> None:
        """Complete the marked command; run it if it needs no argument."""
        item, typed = self._menu.marked, self._editor.text_with_marks
        if self._editor.complete(item, entered=not self._menu.chosen):
            if typed.startswith("/open "):  # a chat may have the name that was typed
                names = [self._bound.label(action) for action in (Action.UNDO, Action.ESCAPE, Action.ENTER)]
                self._toast.say(safe_format("{keys}: opens what you typed", keys=join(" ", [n for n in names if n])))
            return
        differs = item.cursor is None and item.text != typed
        begins = item.text.startswith(normalise(typed)) or not item.runnable
        if differs and self._menu.by_enter and (self._menu.chosen or begins):
            self._editor.set_text(item.text)
            if not item.runnable:
                return
        self.enter()

    def newline(self) -> None:
        self._editor.newline()

    # Esc, Ctrl-C, Ctrl-D

    def close_key_help(self) -> None:
        self._key_help.close()

    def leave_picker(self) -> None:
        """Clear the filter of the picker, then close it."""
        self._picker.back()

    def close_picker(self) -> None:
        self._picker.close()

    def close_menu(self) -> None:
        self._menu.close()

    def stop(self) -> None:
        """Stop the turn."""
        self._turns.stop()

    def stop_or_abandon(self) -> None:
        """Stop the turn; on the second press, stop waiting for its tools."""
        now = monotonic()
        if now - self._stopped <= self._timings.second_stop:
            self._turns.abandon()
        self._stopped = now
        self._turns.stop()

    def stop_aside(self) -> None:
        """Stop the side questions."""
        self._turns.side.stop_questions()

    def clear_on_second_press(self) -> None:
        """Clear the input on the second press; on an empty input, edit an earlier message."""
        if not self._escape.repeats(self._keys, self._timings.second_escape):
            does = safe_format("again to edit an earlier message" if self._editor.empty else "again clears")
            self._toast.say(self._bound.hint(Action.ESCAPE, does), self._timings.second_escape)
        elif self._editor.empty:
            self._effects.run_command("/edit")
        else:
            self.clear()

    def clear(self) -> None:
        """Clear the input; its text stays in the history."""
        self._editor.pop()
        self._toast.say(safe_format("Draft kept: {up}", up=self._bound.up))

    def leave_on_second_press(self) -> None:
        if self._interrupt.repeats(self._keys, self._timings.second_leave):
            self.leave()
        else:
            words = safe_format("Press {key} again to exit", key=self._bound.label(Action.INTERRUPT))
            self._toast.say(words, self._timings.second_leave)

    def leave(self) -> None:
        self._effects.perform((Quit(),))

    def delete_character(self) -> None:
        self._editor.buffer.delete()

    # Up, Down, Tab, Right

    def previous_choice(self) -> None:
        self._picker.move(-1)

    def next_choice(self) -> None:
        self._picker.move(1)

    def previous_menu_row(self) -> None:
        self._menu.move(-1)

    def next_menu_row(self) -> None:
        self._menu.move(1)

    def move_up(self) -> None:
        """Move up one row of the input; from the first row, to the previous history entry."""
        if self._editor.history.browsing or not self._editor.up(self._width()):
            self._editor.history_back()

    def move_down(self) -> None:
        """Move down one row of the input; from the last row, to the next history entry."""
        if self._editor.history.browsing or not self._editor.down(self._width()):
            self._editor.history_forward()

    def edit_queued(self) -> None:
        """Move the last queued message to the input."""
        if (queued := self._turns.pop_queued()) is not None:
            self._editor.set_text(queued)

    def complete_menu_row(self) -> None:
        """Complete the marked command, with a blank after it if it takes an argument."""
        item = self._menu.marked
        if self._editor.complete(item):
            return
        command = self._context.registry.find(split_command(item.text)[0])
        more = command is not None and command.complete is not None and " " not in item.text
        self._editor.set_text(f"{item.text} " if more else item.text)

    def toggle_picker(self) -> None:
        """Switch the picker to its other list, if it has one."""
        self._picker.tab()

    def accept_suggestion(self) -> None:
        self._editor.accept()

    def accept_or_move_right(self) -> None:
        """Accept the suggestion, else move the cursor."""
        if not self._editor.accept():
            document = self._editor.buffer.document
            self._editor.buffer.cursor_position += document.get_cursor_right_position()

    # Models, replies, queue

    def choose_model(self) -> None:
        """Open the model picker; the input keeps its text."""
        self._effects.perform((ListModels(),))

    def last_model(self) -> None:
        self._effects.last_model()

    def retry_now(self) -> None:
        """Send the request again at once if it waits for a retry or has stalled."""
        if not self._turns.retry_now():
            stop, retry = self._bound.label(Action.ESCAPE), self._bound.label(Action.RETRY)
            self._toast.say(
                safe_format("Press {stop} to stop the reply, then {retry} to retry.", stop=stop, retry=retry)
            )

    def retry(self) -> None:
        """Send again the message that returned to the input, else the last question.

        After a host that could not be reached, keep retrying until it can.
        """
        last = self._turns.view.last
        if last is not None and not last.has_content and not self._editor.blank:
            self.submit(wait_for_host=self._turns.view.away)
        else:
            self._effects.run_command("/retry")

    def continue_reply(self) -> None:
        """Continue the last reply where it stopped."""
        self._effects.run_command("/continue")

    def send_now(self) -> None:
        """Queue the input, then send the queue after the running tools; a reply is stopped, and its text is kept."""
        draft = self._editor.text
        if not (self._editor.blank or is_command(draft) or parse_shell_line(draft)):
            if self.attaching.sends_later(self.send_now):
                return
            if not self._is_confirmed():
                return
            self._turns.queue.append(self._editor.pop())
        self._turns.send_now()

    def drop_queued(self) -> None:
        """Move the last queued message to the history."""
        if (queued := self._turns.pop_queued()) is not None:
            self._editor.history.add(queued)
            self._toast.say(safe_format("Dropped; kept in the history: {up}", up=self._bound.up))

    # Text

    def delete_word(self) -> None:
        buffer = self._editor.buffer
        start = buffer.document.find_previous_word_beginning()
        buffer.delete_before_cursor(-(start or -buffer.cursor_position))

    def undo(self) -> None:
        self._editor.buffer.undo()

    def redo(self) -> None:
        self._editor.buffer.redo()

    def unfold_or_show_error(self) -> None:
        """Unfold the paste nearest to the cursor; without one, show the details of the last error."""
        if self._editor.unfold():
            return
        if self._context.session.failure:
            self._effects.run_command("/error")
        else:
            self._toast.say(self._bound.hint(Action.UNFOLD_PASTE, safe_format("unfolds a paste in the input")))

    def show_key_help(self) -> None:
        """Show the key sheet; any other key closes it."""
        self._key_help.open()

    def insert_question_mark(self) -> None:
        self._editor.buffer.insert_text("?")

    def _width(self) -> int:
        return max(1, self._transcript.columns - 2)
