"""What the command line asked for, and what every way into the program needs of it."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from termchat.config.load import Config
from termchat.config.settings import Links
from termchat.core.errors import Failure
from termchat.core.outcomes import ExitCode
from termchat.core.sanitize import safe_format
from termchat.core.style import Theme
from termchat.ui.oneshot.formats import Format
from termchat.ui.stderr import Stderr
from termchat.ui.terminal.capabilities import background, supports_hyperlinks

if TYPE_CHECKING:
    from termchat.ui.terminal.tty import Tty


@dataclass(frozen=True, slots=True)
class Launch:
    """What the command line asked for.

    words       the prompt, "" when there is none
    files       attachments, as paths
    settings    setting -> text of its flag, or its texts where it may be repeated
    sets        other settings of this run, as KEY=VALUE; a flag goes before them
    read_input  whether standard input may be read
    raw         the reply as plain text, on a terminal too
    tools       whether the model is offered tools
    saved       whether the chat is kept
    chat        go on with this chat; `last`: with the last one of this terminal and directory
    record      write the raw bytes of every response to this file
    schema      what a script's reply has to be: a file with a JSON Schema, or fields in short
    continue_cut  how often an incomplete reply of a script is gone on with
    quiet       errors only, verbose: tokens and cost too
    """

    words: str = ""
    files: tuple[str, ...] = ()
    settings: Mapping[str, object] = field(default_factory=dict[str, object])
    sets: tuple[str, ...] = ()
    read_input: bool = True
    raw: bool = False
    tools: bool = True
    saved: bool = True
    chat: str = ""
    last: bool = False
    record: str = ""
    schema: str = ""
    continue_cut: int = 0
    quiet: bool = False
    verbose: bool = False


def usage_error(failure: Failure, tty: Tty | None) -> int:
    """A command line or a configuration that cannot be used."""
    if tty:
        tty.restore()
    Stderr().failure(failure)
    return ExitCode.USAGE


def reply_format(launch: Launch, config: Config, env: Mapping[str, str]) -> Format | Failure:
    """Rendered for a person at a terminal, exact for everything else."""
    from termchat.ui.oneshot.formats.text import TextFormat

    fd = sys.stdout.fileno()
    if not os.isatty(fd):
        return TextFormat(fd)
    from termchat.ui.text.palette import ColorDepth, detect_color_depth

    depth = detect_color_depth(env)
    if launch.raw or config.settings.plain or config.settings.accessible or depth is ColorDepth.PLAIN:
        return TextFormat(fd, terminal=True)
    theme = resolve_theme(config, env)
    if isinstance(theme, Failure):
        return theme
    from termchat.ui.oneshot.formats.markdown import Canvas, MarkdownFormat

    return MarkdownFormat(Canvas(fd, theme, depth, hyperlinks_enabled(config, env)))


def resolve_theme(config: Config, env: Mapping[str, str]) -> Theme | Failure:
    """The chosen theme; `auto` goes by what the environment tells of the background."""
    from termchat.config.themes import BY_BACKGROUND, load_theme, theme_folders

    name = config.settings.theme
    if name == "auto":
        name = BY_BACKGROUND[background(env)]
    theme = load_theme(name, theme_folders(config.paths))
    if isinstance(theme, Failure):
        return replace(theme, message=safe_format("{at}: {what}", at=config.origin("theme"), what=theme.message))
    return theme


def hyperlinks_enabled(config: Config, env: Mapping[str, str]) -> bool:
    """Whether links are the terminal's own."""
    wanted = config.settings.hyperlinks
    return wanted is Links.ON or (wanted is Links.AUTO and supports_hyperlinks(env))
