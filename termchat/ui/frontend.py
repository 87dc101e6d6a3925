"""What the REPL is given: the ports, the theme, and how the terminal is to be treated."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from termchat.commands.registry import CommandRegistry
from termchat.config.runtime import RuntimeSettings
from termchat.config.settings import ReasoningView
from termchat.core.chat_store import Resumed
from termchat.core.provider import Providers
from termchat.core.sanitize import Safe
from termchat.core.session import Session
from termchat.core.style import Theme
from termchat.ui.notices import NoticeQueue
from termchat.ui.terminal.tty import Tty
from termchat.ui.text.palette import ColorDepth


async def _nothing() -> None:
    """Nothing needs warming."""


@dataclass(frozen=True, slots=True)
class Timings:
    """Durations in seconds after which the front ends act.

    stall            no data from the provider, before the reply counts as stalled
    long_turn        length of a turn from which its end is notified, while the terminal has no focus
    first_wait       no reply, before the plain front end reports that it waits
    heartbeat        interval at which the accessible front end reports that it still works
    second_escape    between two presses of Esc that clear the input
    second_leave     between two presses of Ctrl-C that leave
    second_stop      between two presses of Ctrl-C that stop waiting for the tools of a stopped turn
    """

    stall: float = 5.0
    long_turn: float = 10.0
    first_wait: float = 2.0
    heartbeat: float = 30.0
    second_escape: float = 1.0
    second_leave: float = 2.0
    second_stop: float = 2.0


@dataclass(frozen=True, slots=True)
class DisplayOptions:
    """How the REPL looks and behaves; `app` makes it from the settings.

    plain        append-only text, nothing is repainted; also what a dumb terminal gets
    accessible   plain, in words a screen reader can follow
    depth        how much colour there is
    hyperlinks   links may be OSC 8
    signs        typographic signs; else ASCII
    motion       the spinner turns
    reasoning    how much of the reasoning is shown
    usage        a line of tokens and cost below each reply
    vi           vi keys in the input
    enter_sends  Enter sends and Alt-Enter begins a line; else the other way round
    notify       "auto", "bell", "off", or "cmd" and a command
    merge_queue  the whole queue is sent as one message
    timings      durations after which the REPL acts
    """

    plain: bool = False
    accessible: bool = False
    depth: ColorDepth = ColorDepth.INDEXED
    hyperlinks: bool = False
    signs: bool = True
    motion: bool = True
    reasoning: ReasoningView = ReasoningView.TAIL
    usage: bool = True
    vi: bool = False
    enter_sends: bool = True
    notify: str = "auto"
    merge_queue: bool = True
    timings: Timings = field(default_factory=Timings)


@dataclass(frozen=True, slots=True)
class FrontendContext:
    """Everything the REPL works with.

    tty        the terminal taken at the start, whose snapshot is restored; None in tests without one
    notes      lines shown at the start
    prepare    run once after the first paint: imports what the kept chats need
    warm       run once after the first paint: imports the active model's SDK on a thread
    preferences  the settings, to be shown and changed; None in tests without them
    notices    what is to be told while the REPL runs, for example that the disk is full
    resumed    the chat that was taken up again
    """

    session: Session
    providers: Providers
    registry: CommandRegistry
    theme: Theme
    look: DisplayOptions = field(default_factory=DisplayOptions)
    tty: Tty | None = None
    notes: tuple[Safe, ...] = ()
    typeahead: str = ""
    env: Mapping[str, str] = field(default_factory=dict[str, str])
    cwd: str = ""
    preload_store: Callable[[], Awaitable[None]] = _nothing
    preload_sdk: Callable[[], Awaitable[None]] = _nothing
    preferences: RuntimeSettings | None = None
    notices: NoticeQueue = field(default_factory=NoticeQueue)
    resumed: Resumed | None = None
