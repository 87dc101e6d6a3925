"""What each key does, in each state: one method for an action of the key table (interaction table 2.15)."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic

from termchat.commands.registry import is_command, normalise, parse, unescape_slash
from termchat.config.keymap import Action
from termchat.core.effects import ListModels, Quit
from termchat.core.sanitize import safe_format, safe_line
from termchat.core.style import TextRole
from termchat.ui.frontend import FrontendContext
from termchat.ui.repl.effects import EffectRunner
from termchat.ui.repl.turns import TurnRunner
from termchat.ui.repl.widgets import Widgets
from termchat.ui.text.line import styled_line

_AGAIN_CLEAR = 1.0
_AGAIN_LEAVE = 2.0
_AGAIN_KILL = 2.0


class Actions:
    """The actions of the keys."""

    def __init__(self, context: FrontendContext, widgets: Widgets, turns: TurnRunner, effects: EffectRunner) -> None:
        self._session = context.session
        self._registry = context.registry
        self._editor = widgets.editor
        self._picker = widgets.picker
        self._menu = widgets.menu
        self._toast = widgets.toast
        self._key_help = widgets.key_help
        self._transcript = widgets.transcript
        self._turns = turns
        self._effects = effects
        self._escaped = -1e9
        self._interrupted = -1e9
        self._stopped = -1e9

    def actions(self) -> dict[Action, Callable[[], None]]:
        """The method of each action that needs no terminal of its own."""
        return {
            Action.ENTER: self.enter,
            Action.NEWLINE: self._editor.newline,
            Action.ESCAPE: self.escape,
            Action.INTERRUPT: self.interrupt,
            Action.EOF: self.eof,
            Action.UP: self.up,
            Action.DOWN: self.down,
            Action.COMPLETE: self.complete,
            Action.ACCEPT: self.accept,
            Action.MODEL: self.model,
            Action.LAST_MODEL: self._effects.last_model,
            Action.RETRY: self.retry,
            Action.CONTINUE: self.continue_reply,
            Action.SEND_NOW: self.send_now,
            Action.DROP_QUEUED: self.drop_queued,
            Action.UNFOLD_PASTE: self.unfold_or_show_error,
            Action.UNDO: self._editor.buffer.undo,
            Action.REDO: self._editor.buffer.redo,
            Action.KEY_HELP: self.show_key_help,
        }

    def enter(self) -> None:
        """Enter: take what is marked, run the command, send the message, or send the queue that waits."""
        if self._picker.is_open:
            self._take()
            return
        if self._menu.is_open and self._menu.marked.text != self._editor.text_with_marks:
            item = self._menu.marked
            if self._menu.chosen or item.text.startswith(normalise(self._editor.text_with_marks)) or not item.runnable:
                self._editor.set_text(item.text)
                if not item.runnable:
                    return
        if self._editor.expand_backslash():
            return
        if self._editor.empty or self._editor.text_with_marks == self._turns.restored_text:
            self._use_closest()
        if self._editor.text.strip():
            self.submit()
        elif self._turns.queue and not self._turns.busy:
            self._turns.send_queue()

    def _use_closest(self) -> None:
        """Where a model was not there, Enter takes the one that comes closest."""
        if model := self._turns.suggested_model:
            self._effects.use_model(model)

    def submit(self, *, wait_for_host: bool = False) -> None:
        """What stands in the input is entered; a queue that waits goes with it, or after what was sent already.

        `wait_for_host`: where the host cannot be reached, it is waited for.
        """
        text = self._editor.text
        if is_command(text):
            self._command(text)
            return
        again = self._editor.text_with_marks == self._turns.restored_text
        raw = self._editor.pop()
        if self._turns.queue and not self._turns.busy and not again:
            self._turns.queue.append(raw)
            self._turns.send_queue()
            return
        self._turns.submit(raw, unescape_slash(text), wait_for_host=wait_for_host)

    def _command(self, text: str) -> None:
        command = self._registry.find(parse(text)[0])
        if command and self._turns.busy and not command.allowed_while_busy:
            words = safe_format("/{name} waits for the reply to end (Esc stops it).", name=safe_line(command.name))
            self._toast.say(words)
            return
        raw = self._editor.pop()
        if command is None:
            self._editor.set_text(raw)
            self._toast.say(self._registry.unknown(parse(text)[0]), 5.0)
            return
        self._effects.run_command(text)

    def _take(self) -> None:
        self._effects.perform(self._picker.taken())

    def escape(self) -> None:
        """Esc: close what is open, stop what runs, twice clear the input."""
        if self._key_help.close():
            return
        if self._picker.is_open:
            self._picker.close()
        elif self._menu.is_open:
            self._menu.close()
        elif self._turns.busy:
            self._turns.stop()
        else:
            self._escape_again()

    def _escape_again(self) -> None:
        """Twice within a second: the text is cleared; on an empty input, an earlier message is edited."""
        now = monotonic()
        again, self._escaped = now - self._escaped <= _AGAIN_CLEAR, now
        if not again:
            empty, words = safe_format("Esc again to edit an earlier message"), safe_format("Esc again clears")
            self._toast.say(empty if self._editor.empty else words, _AGAIN_CLEAR)
        elif self._editor.empty:
            self._effects.run_command("/edit")
        else:
            self._editor.pop()
            self._toast.say(safe_format("Draft kept: ↑"))

    def interrupt(self) -> None:
        """Ctrl-C: close, stop, twice without waiting for it, clear, and twice leave."""
        now = monotonic()
        if self._picker.is_open:
            self._picker.close()
        elif self._menu.is_open and not self._turns.busy:
            self._menu.close()
        elif self._turns.busy:
            if now - self._stopped <= _AGAIN_KILL:
                self._turns.abandon()
            self._stopped = now
            self._turns.stop()
        elif not self._editor.empty:
            self._editor.pop()
            self._toast.say(safe_format("Draft kept: ↑"))
        elif now - self._interrupted <= _AGAIN_LEAVE:
            self._effects.perform((Quit(),))
        else:
            self._interrupted = now
            self._toast.say(safe_format("Press Ctrl-C again to exit"), _AGAIN_LEAVE)

    def eof(self) -> None:
        """Ctrl-D: delete a character, or leave when the input is empty and nothing runs."""
        if not self._editor.empty:
            self._editor.buffer.delete()
        elif not self._turns.busy and not self._picker.is_open:
            self._effects.perform((Quit(),))

    def up(self) -> None:
        """Up: in lists; by visual row; then the queue; then the history."""
        if self._picker.is_open:
            self._picker.move(-1)
        elif self._menu.is_open:
            self._menu.move(-1)
        elif self._editor.empty and (queued := self._turns.pop_queued()) is not None:
            self._editor.set_text(queued)
        elif self._editor.history.browsing or not self._editor.up(self._width()):
            self._editor.history_back()

    def down(self) -> None:
        if self._picker.is_open:
            self._picker.move(1)
        elif self._menu.is_open:
            self._menu.move(1)
        elif self._editor.history.browsing or not self._editor.down(self._width()):
            self._editor.history_forward()

    def complete(self) -> None:
        """Tab: take the marked row of the menu into the input."""
        if self._menu.is_open:
            item = self._menu.marked
            command = self._registry.find(parse(item.text)[0])
            more = command is not None and command.complete is not None and " " not in item.text
            self._editor.set_text(f"{item.text} " if more else item.text)
        elif self._picker.tab:
            self._picker.tab()
        elif not self._picker.is_open:
            self._editor.accept()

    def accept(self) -> None:
        """Right, Ctrl-E: take the suggestion, else move."""
        if not self._editor.accept():
            document = self._editor.buffer.document
            self._editor.buffer.cursor_position += document.get_cursor_right_position()

    def model(self) -> None:
        """The model picker; the draft stays."""
        if self._picker.is_open:
            self._picker.close()
        else:
            self._effects.perform((ListModels(),))

    def retry(self) -> None:
        """Send again: what waits or has stalled, the message that came back to the input, or the last question.

        After a host that could not be reached, it goes out as soon as that is back.
        """
        if self._turns.busy:
            if not self._turns.retry_now():
                self._toast.say(safe_format("Esc stops the reply; Alt-R asks again then."))
            return
        last = self._turns.view.last
        if last is not None and not last.has_content and self._editor.text.strip():
            self.submit(wait_for_host=self._turns.view.away)
            return
        self._effects.run_command("/retry")

    def continue_reply(self) -> None:
        """Go on where the last reply stopped."""
        if not self._turns.busy:
            self._effects.run_command("/continue")

    def send_now(self) -> None:
        """Ctrl-S: what is in the input joins the queue, which goes out behind tools; a reply is stopped, and kept."""
        if not self._editor.empty and not is_command(self._editor.text_with_marks):
            self._turns.queue.append(self._editor.pop())
        self._turns.send_now()

    def drop_queued(self) -> None:
        """Alt-Backspace: on an empty input drop the last queued message, into the history; else delete a word."""
        if not self._editor.empty:
            self._kill_word()
        elif (queued := self._turns.pop_queued()) is not None:
            self._editor.history.add(queued)
            self._toast.say(safe_format("Dropped; kept in the history: ↑"))

    def _kill_word(self) -> None:
        buffer = self._editor.buffer
        start = buffer.document.find_previous_word_beginning()
        buffer.delete_before_cursor(-(start or -buffer.cursor_position))

    def unfold_or_show_error(self) -> None:
        """Ctrl-O: the paste under the cursor unfolded; where there is none, what is known of the last error."""
        if self._editor.unfold():
            return
        if self._session.failure:
            self._effects.run_command("/error")
        else:
            self._toast.say(safe_format("Ctrl-O unfolds the paste under the cursor"))

    def show_key_help(self) -> None:
        """`?` on an empty input: the keys; any other key takes them away."""
        if self._editor.empty and not self._key_help.shown:
            self._key_help.open()
        else:
            self._editor.buffer.insert_text("?")

    def complain(self, words: str) -> None:
        self._transcript.lines([styled_line(safe_line(words), TextRole.ERROR)])

    def _width(self) -> int:
        return max(1, self._transcript.columns - 2)
