"""The context of a front end: the ports, the theme, and the display options."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from termchat.commands.registry import CommandRegistry
from termchat.config.keys.key_bindings import DEFAULT_KEYS, KeyMap
from termchat.config.runtime import RuntimeSettings
from termchat.config.settings import EnterKey, ReasoningView, UsageLine
from termchat.core.chat_store import Resumed
from termchat.core.messages import Message
from termchat.core.provider import Providers
from termchat.core.sanitize import EMPTY, Safe
from termchat.core.session import Session
from termchat.core.style import Theme
from termchat.ui.notices import NoticeQueue
from termchat.ui.terminal.tty import Tty
from termchat.ui.text.palette import ColorDepth

if TYPE_CHECKING:
    from termchat.attachments.sources import AttachmentSources
    from termchat.commands.setup.ports import Setup


async def _nothing() -> None:
    """Preload nothing."""


def _no_secret(message: Message) -> Safe:
    return EMPTY


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
    late_key         after a list has closed by itself, in which a key was pressed for it
    """

    stall: float = 5.0
    long_turn: float = 10.0
    first_wait: float = 2.0
    heartbeat: float = 30.0
    second_escape: float = 1.0
    second_leave: float = 2.0
    second_stop: float = 2.0
    late_key: float = 0.6


@dataclass(frozen=True, slots=True)
class DisplayOptions:
    """Options of the screen and the input, made from the settings by `app`.

    plain        append-only text without repainting; also for dumb terminals
    accessible   plain text in words that a screen reader can read
    depth        the colours of the terminal
    hyperlinks   links are written as OSC 8
    signs        typographic signs are shown; else ASCII
    math         formulas are shown as Unicode, which needs signs; else as LaTeX
    motion       the spinner is animated
    frame_rate   the most frames a second while a reply streams
    reasoning    how much of the reasoning is shown
    usage        the line of tokens and cost below each reply
    vi           vi keys in the input
    keys         the keys of all actions
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
    math: bool = True
    motion: bool = True
    frame_rate: int = 60
    reasoning: ReasoningView = ReasoningView.TAIL
    usage: UsageLine = UsageLine.LINE
    vi: bool = False
    keys: KeyMap = DEFAULT_KEYS
    enter_sends: bool = True
    notify: str = "auto"
    merge_queue: bool = True
    timings: Timings = field(default_factory=Timings)


@dataclass(frozen=True, slots=True)
class FrontendContext:
    """Everything that a front end is built from.

    tty        the terminal acquired at the start, restored at the end; None in tests
    notes      lines shown at the start
    typeahead  text typed before the front end could read it
    preload_store  run once after the first paint: imports the store
    preload_sdk    run once after the first paint: imports the SDK of the active model on a thread
    preferences    the settings, to be shown and changed; None in tests
    notices        notices to show while the front end runs, for example that the disk is full
    resumed        the resumed chat, if any
    find_secret    returns a sentence about a key in a message, EMPTY without one
    attachments    returns the sources of attachments, None to attach nothing
    setup          what /login and /doctor need; None where nothing can be set up
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
    find_secret: Callable[[Message], Safe] = _no_secret
    attachments: Callable[[], AttachmentSources] | None = None
    setup: Setup | None = None

    @property
    def enter_sends(self) -> bool:
        """Return True if Enter sends and Alt-Enter breaks the line, False if it is the other way round."""
        return self.preferences.settings.enter is EnterKey.SEND if self.preferences else self.look.enter_sends

    @property
    def sends(self) -> Safe:
        """The key that sends the input: `Enter`."""
        return self.look.keys.sends(enter_sends=self.enter_sends)
