"""Attachments of the input: mentions when it is sent, dropped files, the clipboard, and /attach.

The text stays in the input until everything it mentions is read, so that nothing is lost when something cannot be.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, LiteralString, Protocol

from termchat.commands.registry import MenuItem, file_argument, is_command
from termchat.config.keys.key_bindings import Action
from termchat.core.effects import Attach
from termchat.core.errors import Failure
from termchat.core.messages import Part, Text
from termchat.core.sanitize import Safe, join, safe, safe_format, safe_line
from termchat.core.style import TextRole
from termchat.ui.frontend import FrontendContext
from termchat.ui.phrases import attachment_label
from termchat.ui.repl.input.draft_question import DraftQuestion
from termchat.ui.repl.widgets import Widgets
from termchat.ui.terminal.queries import TerminalQueries
from termchat.ui.text.line import styled_line

if TYPE_CHECKING:
    from termchat.attachments.fit_to_model import Taker
    from termchat.attachments.resolve import Attached, Resolution, Resolver
    from termchat.attachments.sources import AttachmentSources
    from termchat.ui.repl.input.mention_completion import MentionCompletion
    from termchat.ui.repl.input.mention_sizes import MentionSizes
    from termchat.ui.repl.input.remote_clipboard import RemoteClipboard

_HELD = 0.3  # seconds that keys wait for attachments; typing on is possible after them
_ASKED = 60.0  # seconds, or until the next key
_SHOWN = 60.0  # seconds, or until the next key
_WITHOUT_MENTIONS = ("!", "/fork ", "/vs ", "/btw ")  # in a command of the shell, @ names no file; in /fork a model


class KeyHolder(Protocol):
    """The running REPL, as attachments need it."""

    def refresh(self) -> None:
        """Redraw the live region."""

    def hold_keys(self) -> None:
        """Keep all further keys until `release_keys`."""

    def release_keys(self) -> None:
        """Process the keys that were kept."""

    def write_control(self, sequence: str) -> None:
        """Send a control sequence to the terminal."""

    @property
    def terminal(self) -> TerminalQueries:
        """The replies of the terminal."""
        ...


class Attaching:
    """Attaches what the input mentions before it is sent, and what the user adds in other ways."""

    def __init__(self, context: FrontendContext, widgets: Widgets, app: KeyHolder) -> None:
        self._context = context
        self._widgets = widgets
        self._editor = widgets.editor
        self._toast = widgets.toast
        self._app = app
        self._resolver: Resolver | None = None
        self._sources: AttachmentSources | None = None
        self._remote: RemoteClipboard | None = None
        self._completion: MentionCompletion | None = None
        self._resolved = ""  # the draft whose mentions are attached, as far as they name something
        self._question = DraftQuestion(lambda: self._editor.text_with_marks)
        self._task: asyncio.Task[None] | None = None
        self._holds = False
        self._sizes: MentionSizes | None = None
        self._offered: tuple[str, MenuItem] | None = None  # a text, and the row that attaches the path in it
        if context.attachments:
            widgets.menu.complete_mentions(self._offer)
            widgets.editor.on_paste(self._takes_paste)

    @property
    def is_busy(self) -> bool:
        """True while something is read."""
        return self._task is not None and not self._task.done()

    def stop(self) -> None:
        """Stop reading; the text stays in the input."""
        if self._task:
            self._task.cancel()

    def sends_later(self, submit: Callable[[], None]) -> bool:
        """Begin to attach what the input mentions; return True if `submit` is called after that.

        False if there is nothing to attach; then the text can be sent at once.
        """
        draft = self._editor.text_with_marks
        if "@" not in draft or draft == self._resolved or is_command(draft) or not self._context.attachments:
            return False
        from termchat.attachments.mentions import find_mentions

        if not find_mentions(draft):
            return False
        if not self.is_busy:
            self._start(self._attach_mentions(draft, submit))
        return True

    def perform(self, effect: Attach) -> None:
        """Attach files by name, remove an attachment, or list those of the input, once the command has left it."""
        loop = asyncio.get_running_loop()
        if effect.remove:
            loop.call_soon(self._remove, effect.remove)
        elif effect.names:
            self._start(self._attach_named(effect.names))
        else:
            loop.call_soon(self._list)

    def paste_clipboard(self) -> None:
        """Attach the image of the clipboard, or insert its text."""
        if self._context.attachments and not self.is_busy:
            self._start(self._attach_clipboard())

    def _open_resolver(self) -> Resolver:
        from termchat.attachments.resolve import Resolver

        self._resolver = self._resolver or Resolver(self._open_sources())
        return self._resolver

    def _open_sources(self) -> AttachmentSources:
        assert self._context.attachments
        if self._sources is None:
            sources = self._context.attachments()
            self._sources = replace(sources, clipboard=lambda: self._read_clipboard(sources))
        return self._sources

    async def _read_clipboard(self, sources: AttachmentSources) -> Part | Failure:
        """Read the clipboard by a program of this machine, else through the terminal, as over ssh."""
        from termchat.attachments.clipboard_reader import clipboard_content

        found = await sources.clipboard()
        if not isinstance(found, Failure) or self._context.env.get("TERM") in ("dumb", "linux"):
            return found
        if self._remote is None:
            from termchat.ui.repl.input.remote_clipboard import RemoteClipboard

            self._remote = RemoteClipboard(self._app.write_control)
            self._app.terminal.listeners.append(self._remote.reply)
        content = await self._remote.read()
        return (clipboard_content(content.data) or found) if content else found

    def _taker(self) -> Taker:
        from termchat.attachments.fit_to_model import taker_of

        return taker_of(self._context.providers, self._context.session.model)

    def _offer(self) -> Sequence[MenuItem]:
        """Return the rows of the menu for the mention that is typed."""
        document = self._editor.buffer.document
        if self._sizes:
            self._sizes.typed(document.text)
        if self._offered and self._offered[0] == document.text:
            return (self._offered[1],)
        if "@" not in document.text and not file_argument(document.text):
            return ()
        if document.text.startswith(_WITHOUT_MENTIONS):
            return ()
        return self._open_completion().offer()

    def _open_completion(self) -> MentionCompletion:
        if self._completion is None:
            from termchat.ui.repl.input.mention_completion import MentionCompletion
            from termchat.ui.repl.input.mention_sizes import MentionSizes

            self._sizes = MentionSizes(
                self._open_resolver(), lambda: self._widgets.style.style(TextRole.DIM), self._app.refresh
            )
            self._editor.processor = self._sizes
            self._completion = MentionCompletion(
                self._open_sources(), self._editor, self._widgets.menu, self._app.refresh
            )
        return self._completion

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        """Run work while keys are held, for a moment at most: then the user may type on or stop it."""
        loop = asyncio.get_running_loop()
        self._app.hold_keys()
        self._holds = True
        self._task = loop.create_task(work)
        release = loop.call_later(_HELD, self._release, True)
        self._task.add_done_callback(lambda task: self._ended(task, release))

    def _ended(self, task: asyncio.Task[None], release: asyncio.TimerHandle) -> None:
        release.cancel()
        if task.cancelled():
            self._toast.say(safe_format("Stopped; nothing was sent."))
        elif error := task.exception():
            loop = asyncio.get_running_loop()
            loop.call_exception_handler({"message": "attaching failed", "exception": error, "task": task})
        self._release()
        self._app.refresh()

    def _release(self, slow: bool = False) -> None:
        if self._holds:
            self._holds = False
            if slow:
                stop = self._context.look.keys.label(Action.ESCAPE)
                self._toast.say(safe_format("Reading attachments… {key} stops.", key=stop), _SHOWN)
                self._app.refresh()
            self._app.release_keys()

    async def _attach_mentions(self, draft: str, submit: Callable[[], None]) -> None:
        if self._question.is_too_early(draft):
            self._toast.clear()
            return
        approved = self._question.is_given(draft)
        found = await self._open_resolver().resolve(draft, self._taker(), approved=approved)
        if self._editor.text_with_marks != draft:
            self._toast.say(self._enter("The text has changed: {key} attaches and sends it."), _SHOWN)
            return
        if (found.failures or found.questions) and not approved:
            self._ask(draft, found)
            return
        self._tell(found.notes)
        text = self._with_marks(draft, found.attached)
        self._resolved = text
        if text != draft:
            self._editor.set_text(text)
        self._toast.clear()
        submit()

    def _with_marks(self, draft: str, attached: Sequence[Attached]) -> str:
        """Return the draft with marks in the places of what is attached."""
        for one in reversed(attached):
            place = one.mention
            mark = self._editor.pastes.attach(*one.parts, words=draft[place.start : place.end])
            draft = f"{draft[: place.start]}{mark}{draft[place.end :]}"
            self._open_completion().used(place.target)
        return draft

    def _ask(self, draft: str, found: Resolution) -> None:
        """Say why nothing was sent yet, and a moment later that Enter sends it nevertheless."""
        self._toast.clear()
        from termchat.attachments.resolve import unattached_words

        sends = self._enter("{key} sends the text as typed.")
        if found.questions and not found.failures:
            sends = self._enter("{key} attaches and sends it.")
        elif found.questions:
            sends = self._enter("{key} sends it without what cannot be attached.")
        self._tell(unattached_words(found), TextRole.WARNING)

        def say_how() -> None:
            self._toast.say(sends, _ASKED)

        self._question.ask(draft, say_how)

    def _enter(self, words: LiteralString) -> Safe:
        """Return words with the key that sends."""
        return safe_format(words, key=self._context.sends)

    def _tell(self, lines: Sequence[Safe], role: TextRole = TextRole.DIM) -> None:
        if lines:
            self._widgets.transcript.lines([styled_line(words, role) for words in lines])

    async def _attach_named(self, names: Sequence[str]) -> None:
        """Attach files at the beginning of the input."""
        approved = self._question.is_given("\n".join(names))
        found = await self._open_resolver().attach(names, self._taker(), approved=approved)
        self._toast.clear()
        self._tell(found.notes)
        if found.failures or found.questions:
            from termchat.attachments.resolve import unattached_words

            self._question.ask("\n".join(names), lambda: None)
            again = [safe_format("Repeat the command to attach it.")] if found.questions else []
            self._tell((*unattached_words(found), *again), TextRole.WARNING)
        marks = "".join(self._editor.pastes.attach(*one.parts) for one in found.attached)
        if marks:
            text = self._editor.text_with_marks
            self._editor.set_text(marks + text, len(marks) + self._editor.buffer.cursor_position)
            self._question.forget()

    async def _attach_clipboard(self) -> None:
        found = await self._open_resolver().clipboard(self._taker())
        self._toast.clear()
        if found.failures:
            from termchat.attachments.resolve import unattached_words

            self._tell(unattached_words(found), TextRole.WARNING)
        self._tell(found.notes)
        for one in found.attached:
            part = one.parts[0]
            if isinstance(part, Text):
                frame = part.text.partition("\n")[2]
                self._editor.insert_paste(frame.removesuffix("\n</file>\n"))
            else:
                self._editor.buffer.save_to_undo_stack()
                self._editor.buffer.insert_text(self._editor.pastes.attach(*one.parts))

    def _remove(self, name: str) -> None:
        text = self._editor.text_with_marks
        left = self._editor.pastes.without_attachment(text, name)
        if left == text:
            self._toast.say(safe_format("No attachment {name} in the input.", name=safe_line(name)), 5.0)
        else:
            self._editor.set_text(left)
        self._app.refresh()

    def _list(self) -> None:
        parts = self._editor.pastes.attachments(self._editor.text_with_marks)
        if not parts:
            self._tell((safe_format("No attachments. /attach FILE adds one, and so does @FILE in a message."),))
        rows = [safe_format("{n}  {label}", n=safe(str(n)), label=attachment_label(p)) for n, p in enumerate(parts, 1)]
        self._tell(rows)

    def _takes_paste(self, text: str) -> bool:
        """Take a pasted text that consists of paths: files with pictures are attached, for others that is offered."""
        if not text.lstrip().startswith(("/", "~", "'", '"', "file:")) or self.is_busy:
            return False
        from termchat.attachments.dropped import dropped_paths

        paths = dropped_paths(text)
        if not paths:
            return False
        self._start(self._insert_paths(text, paths))
        return True

    async def _insert_paths(self, text: str, paths: Sequence[str]) -> None:
        """Insert dropped paths: as mentions for media, else as text that Tab turns into mentions."""
        from termchat.attachments.dropped import Dropped, look_at
        from termchat.attachments.mentions import mention_text

        editor = self._editor
        kind = await asyncio.to_thread(look_at, paths)
        before, after = editor.buffer.document.text_before_cursor, editor.buffer.document.text_after_cursor
        editor.insert_paste(text)
        if kind is Dropped.NOTHING:
            return
        blank = "" if not before or before[-1].isspace() else " "
        mentions = f"{blank}{' '.join(map(mention_text, paths))} "
        mentioned, cursor = f"{before}{mentions}{after}", len(before) + len(mentions)
        if kind is Dropped.MEDIA:
            editor.set_text(mentioned, cursor)
            undo = self._context.look.keys.hint(Action.UNDO, safe_format("keeps its path as text"))
            sends = self._enter("{key} sends the file with the message")
            self._toast.say(join(" · ", [words for words in (sends, undo) if words]), 10.0)
            return
        label = safe_line(mentions.strip())
        attaches = self._context.look.keys.hint(Action.COMPLETE, safe_format("attaches it"))
        item = MenuItem(mentioned, label, attaches, runnable=False, cursor=cursor, by_tab=True)
        self._offered = (editor.text_with_marks, item)
        self._widgets.menu.extended()
