"""The offer of servers on this machine on the first screen: Enter on an empty input uses the first one."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from termchat.commands.setup.offer_lines import needs_model, offer_lines
from termchat.core.effects import Effect, LogIn
from termchat.core.style import TextRole
from termchat.ui.frontend import FrontendContext
from termchat.ui.repl.widgets import Widgets
from termchat.ui.text.line import styled_line


class LocalOffer:
    """Looks for servers once, after the first paint; the offer ends with the first message."""

    def __init__(self, context: FrontendContext, widgets: Widgets, perform: Callable[[Sequence[Effect]], None]) -> None:
        self._context = context
        self._transcript = widgets.transcript
        self._perform = perform
        self._provider = ""

    async def look(self) -> None:
        """Search this machine, and print what answers."""
        setup = self._context.setup
        if setup is None or not self._is_needed:
            return
        found = await setup.find_local()
        if found and self._is_needed:
            self._provider = next((server.provider for server in found if not server.locked), "")
            lines = offer_lines(found, key=self._context.sends)
            self._transcript.lines([styled_line(words, TextRole.ACCENT) for words in lines])

    def accept(self) -> bool:
        """Begin to use the offered server; return False without an offer."""
        provider, self._provider = self._provider, ""
        if not provider or not self._is_needed:
            return False
        self._perform((LogIn(provider, at_once=True),))
        return True

    @property
    def _is_needed(self) -> bool:
        session = self._context.session
        return needs_model(session, self._context.providers) and session.conversation.head is None
