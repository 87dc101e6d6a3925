"""Options of a run, and values that front ends derive from them and the configuration."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import field, replace
from typing import TYPE_CHECKING, Any

from termchat.config.load import Config
from termchat.config.settings import Links
from termchat.core.errors import Failure
from termchat.core.outcomes import ExitCode
from termchat.core.sanitize import safe_format
from termchat.core.style import Theme
from termchat.late_dataclass import dataclass
from termchat.ui.oneshot.formats import Format
from termchat.ui.stderr import Stderr, report_unsent
from termchat.ui.terminal.capabilities import background, supports_hyperlinks

if TYPE_CHECKING:
    from termchat.ui.terminal.tty import Tty


@dataclass(frozen=True, slots=True)
class Options:
    """Options of a run: those of the command line, and at the end those that a front end adds.

    words         the prompt, or ""
    files         attachments, as paths
    settings      setting -> text of its flag, or a list of texts for a flag that may be repeated
    sets          other settings of this run, as KEY=VALUE; a flag takes precedence
    read_input    read standard input if it is a pipe or a file
    stdin_timeout the longest silence of standard input in seconds, 0 for any
    raw           print the reply's exact text, even on a terminal
    tools         offer the model the tools of the setting `tools`
    functions     files of functions that are offered as tools
    approve_all   run tool calls that a person would be asked about
    saved         save the chat
    chat          continue this chat: an id, the beginning of one, or a title
    last          continue the last chat of this terminal and directory
    record        file for the raw bytes of every response, "" for none
    schema        schema of a script's reply: a file with a JSON Schema, or a short list of fields
    continue_cut  continue an incomplete reply up to this many times
    quiet         print errors only
    verbose       print tokens and cost too

    priced        look up prices, because the cost is shown
    person        a person sits at the terminal: without a key, start with the demo
    json_schema   the JSON Schema that `schema` describes
    """

    words: str = ""
    files: tuple[str, ...] = ()
    settings: Mapping[str, object] = field(default_factory=dict[str, object])
    sets: tuple[str, ...] = ()
    read_input: bool = True
    stdin_timeout: float = 0
    raw: bool = False
    tools: bool = True
    functions: tuple[str, ...] = ()
    approve_all: bool = False
    saved: bool = True
    chat: str = ""
    last: bool = False
    record: str = ""
    schema: str = ""
    continue_cut: int = 0
    quiet: bool = False
    verbose: bool = False
    priced: bool = False
    person: bool = False
    json_schema: Mapping[str, Any] | None = None


def usage_error(failure: Failure, tty: Tty | None) -> int:
    """Report an unusable command line or configuration on standard error; return the exit code for that."""
    typed = tty.release() if tty else ""
    Stderr().failure(failure)
    report_unsent(typed)
    return ExitCode.USAGE


def reply_format(options: Options, config: Config, env: Mapping[str, str]) -> Format | Failure:
    """The format of a one-shot reply: rendered Markdown for a terminal, the exact text for everything else."""
    from termchat.ui.oneshot.formats.text import TextFormat

    fd = sys.stdout.fileno()
    if not os.isatty(fd):
        wrong = resolve_theme(config, env) if "theme" in options.settings else None
        return wrong if isinstance(wrong, Failure) else TextFormat(fd)
    from termchat.ui.text.palette import ColorDepth, detect_color_depth

    depth = detect_color_depth(env)
    if options.raw or config.settings.plain or config.settings.accessible or depth is ColorDepth.PLAIN:
        return TextFormat(fd, terminal=True)
    theme = resolve_theme(config, env)
    if isinstance(theme, Failure):
        return theme
    from termchat.ui.oneshot.formats.markdown import Canvas, MarkdownFormat
    from termchat.ui.terminal.frame_clock import frame_rate

    rate = frame_rate(config.settings.frame_rate, env)
    return MarkdownFormat(Canvas(fd, theme, depth, hyperlinks_enabled(config, env), config.settings.math, rate))


def resolve_theme(config: Config, env: Mapping[str, str]) -> Theme | Failure:
    """The configured theme; `auto` depends on the background that the environment reports."""
    from termchat.config.themes import BY_BACKGROUND, load_theme, theme_folders

    name = config.settings.theme
    if name == "auto":
        name = BY_BACKGROUND[background(env)]
    theme = load_theme(name, theme_folders(config.paths))
    if isinstance(theme, Failure):
        return replace(theme, message=safe_format("{at}: {what}", at=config.origin("theme"), what=theme.message))
    return theme


def hyperlinks_enabled(config: Config, env: Mapping[str, str]) -> bool:
    """True if links are written as the terminal's own hyperlinks (OSC 8)."""
    wanted = config.settings.hyperlinks
    return wanted is Links.ON or (wanted is Links.AUTO and supports_hyperlinks(env))
