"""Options of a run, and values that front ends derive from them and the configuration."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import field, replace
from typing import TYPE_CHECKING, Any

from termchat.config.load import Config
from termchat.config.settings import Links, Settings
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
    prompts       the parts of the prompt that options gave
    arguments     the parts of the prompt that are arguments; those that set variables of a role are no part of it
    role          use the role of this name
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
    schema_retries   repair an invalid reply by up to this many more requests
    extract       print the first code block only
    block         print this code block only, a number or `all`
    json, ndjson  print the run as one object, or as one line for each event
    output        write the reply to this file, "" for standard output
    dry_run       print the request, and send nothing
    timeout       the longest time of a question in seconds, 0 for any
    messages      a JSON file of messages that precede the prompt
    base_url, protocol, key   a provider for this run: its address, its protocol, the source of its key
    continue_cut  continue an incomplete reply up to this many times
    quiet         print errors only
    verbose       print tokens and cost too

    priced        look up prices, because the cost is shown
    paced         many requests run at once, and share the rate limits of their servers
    person        a person sits at the terminal: without a key, start with the demo
    directory     the working directory of the tools and the chat, "" for that of the process
    json_schema   the JSON Schema that `schema` describes
    unroled       the settings without the role
    role_tools    the tools of the role, None if it names none
    """

    words: str = ""
    prompts: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()
    role: str = ""
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
    schema_retries: int = 0
    extract: bool = False
    block: str = ""
    json: bool = False
    ndjson: bool = False
    output: str = ""
    dry_run: bool = False
    timeout: float = 0
    messages: str = ""
    base_url: str = ""
    protocol: str = ""
    key: str = ""
    continue_cut: int = 0
    quiet: bool = False
    verbose: bool = False
    priced: bool = False
    paced: bool = False
    person: bool = False
    directory: str = ""
    json_schema: Mapping[str, Any] | None = None
    unroled: Settings | None = None
    role_tools: tuple[str, ...] | None = None


def usage_error(failure: Failure, tty: Tty | None) -> int:
    """Report an unusable command line or configuration on standard error; return the exit code for that."""
    typed = tty.release() if tty else ""
    Stderr().failure(failure)
    report_unsent(typed)
    return ExitCode.USAGE


def reply_format(options: Options, config: Config, env: Mapping[str, str], fd: int | None = None) -> Format | Failure:
    """The format of a one-shot reply: rendered Markdown for a terminal, the exact text for everything else.

    fd   where it is written, None for standard output
    """
    from termchat.ui.oneshot.formats.text import TextFormat

    to = sys.stdout.fileno() if fd is None else fd
    if chosen := _chosen_format(options, to):
        return chosen
    if not os.isatty(to):
        wrong = resolve_theme(config, env) if "theme" in options.settings else None
        return wrong if isinstance(wrong, Failure) else TextFormat(to)
    from termchat.ui.text.palette import ColorDepth, detect_color_depth

    depth = detect_color_depth(env)
    if options.raw or config.settings.plain or config.settings.accessible or depth is ColorDepth.PLAIN:
        return TextFormat(to, terminal=True)
    theme = resolve_theme(config, env)
    if isinstance(theme, Failure):
        return theme
    from termchat.ui.oneshot.formats.markdown import Canvas, MarkdownFormat
    from termchat.ui.terminal.frame_clock import frame_rate

    rate = frame_rate(config.settings.frame_rate, env)
    return MarkdownFormat(Canvas(to, theme, depth, hyperlinks_enabled(config, env), config.settings.math, rate))


def _chosen_format(options: Options, fd: int) -> Format | None:
    """Return the format that an option names."""
    if options.ndjson:
        from termchat.ui.oneshot.formats.json_lines import NdjsonFormat

        return NdjsonFormat(fd)
    if options.json:
        from termchat.ui.oneshot.formats.json_document import JsonFormat

        return JsonFormat(fd)
    if options.extract or options.block:
        from termchat.ui.oneshot.formats.code_block import CodeBlockFormat

        number = None if options.block == "all" else int(options.block or 1)
        return CodeBlockFormat(fd, number, terminal=os.isatty(fd))
    return None


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
