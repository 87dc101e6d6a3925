"""What each key does, in each state: one method for an action of the key table (interaction table 2.15)."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic

from termchat.commands.registry import CommandContext, is_command, normalise, parse, unescape_slash
from termchat.config.keymap import Action
from termchat.core.effects import ListModels, Print, UseModel
from termchat.core.sanitize import safe_format, safe_line
from termchat.core.style import TextRole
from termchat.ui.repl.effects import EffectRunner
from termchat.ui.repl.input.completion_menu import CompletionMenu
from termchat.ui.repl.input.editor import InputEditor
from termchat.ui.repl.panels.content import LiveContent
from termchat.ui.repl.panels.picker import Picker
from termchat.ui.repl.panels.toast import Toast
from termchat.ui.repl.transcript import Transcript
from termchat.ui.repl.turns import TurnRunner
from termchat.ui.text.line import styled_line

_AGAIN_CLEAR = 1.0
_AGAIN_LEAVE = 2.0
_AGAIN_KILL = 2.0


class Actions:
    """The actions. `leave` ends the program."""

    def __init__(
        self,
        context: CommandContext,
        draft: InputEditor,
        talk: TurnRunner,
        menu: CompletionMenu,
        picker: Picker,
        toast: Toast,
        painter: Transcript,
        performer: EffectRunner,
        faces: LiveContent,
        leave: Callable[[int], None],
    ) -> None:
        self._context = context
        self._draft = draft
        self._talk = talk
        self._menu = menu
        self._picker = picker
        self._toast = toast
        self._painter = painter
        self._performer = performer
        self._faces = faces
        self._leave = leave
        self._escaped = -1e9
        self._interrupted = -1e9
        self._stopped = -1e9

    def actions(self) -> dict[Action, Callable[[], None]]:
        """The method of each action that needs no terminal of its own."""
        return {
            Action.ENTER: self.enter,
            Action.NEWLINE: self._draft.newline,
            Action.ESCAPE: self.escape,
            Action.INTERRUPT: self.interrupt,
            Action.EOF: self.eof,
            Action.UP: self.up,
            Action.DOWN: self.down,
            Action.COMPLETE: self.complete,
            Action.ACCEPT: self.accept,
            Action.MODEL: self.model,
            Action.LAST_MODEL: self._performer.last_model,
            Action.RETRY: self.retry,
            Action.CONTINUE: self.continue_reply,
            Action.SEND_NOW: self.send_now,
            Action.DROP_QUEUED: self.drop_queued,
            Action.UNFOLD_PASTE: self.unfold_or_show_error,
            Action.UNDO: self._draft.buffer.undo,
            Action.REDO: self._draft.buffer.redo,
            Action.KEY_HELP: self.show_key_help,
        }

    def enter(self) -> None:
        """Enter: take what is marked, run the command, send the message, or send the queue that waits."""
        if self._picker.is_open:
            self._take()
            return
        if self._menu.is_open and self._menu.marked.text != self._draft.text_with_marks:
            item = self._menu.marked
            if self._menu.chosen or item.text.startswith(normalise(self._draft.text_with_marks)) or not item.runnable:
                self._draft.set_text(item.text)
                if not item.runnable:
                    return
        if self._draft.expand_backslash():
            return
        if self._draft.empty or self._draft.text_with_marks == self._talk.restored_text:
            self._use_closest()
        if self._draft.text.strip():
            self.submit()
        elif self._talk.queue and not self._talk.busy:
            self._talk.send_queue()

    def _use_closest(self) -> None:
        """Where a model was not there, Enter takes the one that comes closest."""
        if model := self._talk.suggested_model:
            said = Print(safe_format("→ {model}", model=safe_line(str(model))))
            self._performer.perform((UseModel(model), said), self._faces.columns)

    def submit(self, *, wait_for_host: bool = False) -> None:
        """What stands in the input is entered; a queue that waits goes with it, or after what was sent already.

        `wait_for_host`: where the host cannot be reached, it is waited for.
        """
        text = self._draft.text
        if is_command(text):
            self._command(text)
            return
        again = self._draft.text_with_marks == self._talk.restored_text
        raw = self._draft.pop()
        if self._talk.queue and not self._talk.busy and not again:
            self._talk.queue.append(raw)
            self._talk.send_queue()
            return
        self._talk.submit(raw, unescape_slash(text), wait_for_host=wait_for_host)

    def _command(self, text: str) -> None:
        command = self._context.registry.find(parse(text)[0])
        if command and self._talk.busy and not command.allowed_while_busy:
            words = safe_format("/{name} waits for the reply to end (Esc stops it).", name=safe_line(command.name))
            self._toast.say(words)
            return
        raw = self._draft.pop()
        if command is None:
            self._draft.set_text(raw)
            self._toast.say(self._context.registry.unknown(parse(text)[0]), 5.0)
            return
        self._performer.perform(self._context.registry.run(self._context, text), self._faces.columns)

    def _take(self) -> None:
        self._performer.perform(self._picker.taken(), self._faces.columns)

    def escape(self) -> None:
        """Esc: close what is open, stop what runs, twice clear the input."""
        if self._faces.sheet:
            self._faces.sheet = False
        elif self._picker.is_open:
            self._picker.close()
        elif self._menu.is_open:
            self._menu.close()
        elif self._talk.busy:
            self._talk.stop()
        else:
            self._escape_again()

    def _escape_again(self) -> None:
        """Twice within a second: the text is cleared; on an empty input, an earlier message is edited."""
        now = monotonic()
        again, self._escaped = now - self._escaped <= _AGAIN_CLEAR, now
        if not again:
            empty, words = safe_format("Esc again to edit an earlier message"), safe_format("Esc again clears")
            self._toast.say(empty if self._draft.empty else words, _AGAIN_CLEAR)
        elif self._draft.empty:
            self._performer.perform(self._context.registry.run(self._context, "/edit"), self._faces.columns)
        else:
            self._draft.pop()
            self._toast.say(safe_format("Draft kept: ↑"))

    def interrupt(self) -> None:
        """Ctrl-C: close, stop, twice without waiting for it, clear, and twice leave."""
        now = monotonic()
        if self._picker.is_open:
            self._picker.close()
        elif self._menu.is_open and not self._talk.busy:
            self._menu.close()
        elif self._talk.busy:
            if now - self._stopped <= _AGAIN_KILL:
                self._talk.abandon()
            self._stopped = now
            self._talk.stop()
        elif not self._draft.empty:
            self._draft.pop()
            self._toast.say(safe_format("Draft kept: ↑"))
        elif now - self._interrupted <= _AGAIN_LEAVE:
            self._leave(0)
        else:
            self._interrupted = now
            self._toast.say(safe_format("Press Ctrl-C again to exit"), _AGAIN_LEAVE)

    def eof(self) -> None:
        """Ctrl-D: delete a character, or leave when the input is empty and nothing runs."""
        if not self._draft.empty:
            self._draft.buffer.delete()
        elif not self._talk.busy and not self._picker.is_open:
            self._leave(0)

    def up(self) -> None:
        """Up: in lists; by visual row; then the queue; then the history."""
        if self._picker.is_open:
            self._picker.move(-1)
        elif self._menu.is_open:
            self._menu.move(-1)
        elif self._draft.empty and (queued := self._talk.pop_queued()) is not None:
            self._draft.set_text(queued)
        elif self._draft.history.browsing or not self._draft.up(self._width()):
            self._draft.history_back()

    def down(self) -> None:
        if self._picker.is_open:
            self._picker.move(1)
        elif self._menu.is_open:
            self._menu.move(1)
        elif self._draft.history.browsing or not self._draft.down(self._width()):
            self._draft.history_forward()

    def complete(self) -> None:
        """Tab: take the marked row of the menu into the input."""
        if self._menu.is_open:
            item = self._menu.marked
            command = self._context.registry.find(parse(item.text)[0])
            more = command is not None and command.complete is not None and " " not in item.text
            self._draft.set_text(f"{item.text} " if more else item.text)
        elif self._picker.tab:
            self._picker.tab()
        elif not self._picker.is_open:
            self._draft.accept()

    def accept(self) -> None:
        """Right, Ctrl-E: take the suggestion, else move."""
        if not self._draft.accept():
            document = self._draft.buffer.document
            self._draft.buffer.cursor_position += document.get_cursor_right_position()

    def model(self) -> None:
        """The model picker; the draft stays."""
        if self._picker.is_open:
            self._picker.close()
        else:
            self._performer.perform((ListModels(),), self._faces.columns)

    def retry(self) -> None:
        """Send again: what waits or has stalled, the message that came back to the input, or the last question.

        After a host that could not be reached, it goes out as soon as that is back.
        """
        if self._talk.busy:
            if not self._talk.retry_now():
                self._toast.say(safe_format("Esc stops the reply; Alt-R asks again then."))
            return
        last = self._talk.view.last
        if last is not None and not last.has_content and self._draft.text.strip():
            self.submit(wait_for_host=self._talk.view.away)
            return
        self._performer.perform(self._context.registry.run(self._context, "/retry"), self._faces.columns)

    def continue_reply(self) -> None:
        """Go on where the last reply stopped."""
        if not self._talk.busy:
            self._performer.perform(self._context.registry.run(self._context, "/continue"), self._faces.columns)

    def send_now(self) -> None:
        """Ctrl-S: what is in the input joins the queue, which goes out behind tools; a reply is stopped, and kept."""
        if not self._draft.empty and not is_command(self._draft.text_with_marks):
            self._talk.queue.append(self._draft.pop())
        self._talk.send_now()

    def drop_queued(self) -> None:
        """Alt-Backspace: on an empty input drop the last queued message, into the history; else delete a word."""
        if not self._draft.empty:
            self._kill_word()
        elif (queued := self._talk.pop_queued()) is not None:
            self._draft.history.add(queued)
            self._toast.say(safe_format("Dropped; kept in the history: ↑"))

    def _kill_word(self) -> None:
        buffer = self._draft.buffer
        start = buffer.document.find_previous_word_beginning()
        buffer.delete_before_cursor(-(start or -buffer.cursor_position))

    def unfold_or_show_error(self) -> None:
        """Ctrl-O: the paste under the cursor unfolded; where there is none, what is known of the last error."""
        if self._draft.unfold():
            return
        if self._context.session.failure:
            self._performer.perform(self._context.registry.run(self._context, "/error"), self._faces.columns)
        else:
            self._toast.say(safe_format("Ctrl-O unfolds the paste under the cursor"))

    def show_key_help(self) -> None:
        """`?` on an empty input: the keys; any other key takes them away."""
        if self._draft.empty and not self._faces.sheet:
            self._faces.sheet = True
        else:
            self._draft.buffer.insert_text("?")

    def complain(self, words: str) -> None:
        self._painter.lines([styled_line(safe_line(words), TextRole.ERROR)])

    def _width(self) -> int:
        return max(1, self._faces.columns - 2)
