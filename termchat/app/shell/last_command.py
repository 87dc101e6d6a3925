"""The last command of the shell: as its integration recorded it, and its output from the screen that tmux keeps."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping, Sequence

from termchat.app.shell.recorded_command import recorded_command
from termchat.core.errors import Failure, FailureKind
from termchat.core.sanitize import Safe, code_fence, excerpt, join, safe, safe_format
from termchat.late_dataclass import dataclass
from termchat.ui.text.terminal_text import shortened

_SHOWN = 60  # columns of the command
_ROWS = 2000  # of the history of the pane
_TIMEOUT = 5.0  # seconds
_MAX_CHARACTERS = 60_000  # of the output in the question
_ASKED = re.compile(r"(?:\S*/)?(?:termchat\s+|\S*python\S*\s+-m\s+termchat\s+)?wtf(?:\s|$)")
_GAP = re.compile(r"\s{4,}\S+(?: \S+)*$")  # a prompt at the right of the row
_WHAT = "What does it mean? If something went wrong, say what, and how to fix it."
_SETUP = safe_format(
    "Load the shell integration (termchat completion SHELL --integration) or start the shell in tmux, or pipe the "
    'output: COMMAND 2>&1 | termchat "what went wrong?"'
)
_PIPE = safe_format('Or pipe the output: COMMAND 2>&1 | termchat "what went wrong?"')


@dataclass(frozen=True, slots=True)
class LastCommand:
    """A command, its output and its exit code; None for what is not known. All texts are safe."""

    command: Safe
    output: Safe | None
    status: int | None = None


def last_command(env: Mapping[str, str]) -> LastCommand | Failure:
    """Return the last command of this shell, or why it is unknown.

    The integration of the shell knows the command and its exit code, tmux its output. Without the integration, the
    command is the one on the screen of tmux.
    """
    recorded = recorded_command(env)
    in_tmux = env.get("TMUX") and env.get("TMUX_PANE")
    if recorded is None and not in_tmux:
        words = safe_format("The last command is unknown: this shell has no integration and does not run in tmux.")
        return Failure(FailureKind.BAD_CONFIG, words, _SETUP)
    screen = _tmux_screen(env) if in_tmux else None
    if recorded:
        output = None if screen is None or isinstance(screen, Failure) else find_output(screen, recorded.command)
        return LastCommand(recorded.command, output, recorded.status)
    if screen is None or isinstance(screen, Failure):
        return screen or Failure(FailureKind.NOT_FOUND, safe_format("The last command is unknown."), _SETUP)
    found = find_last_command(screen)
    if found is None:
        words = safe_format("The last command is not on the screen: no earlier row begins with the same prompt.")
        return Failure(FailureKind.NOT_FOUND, words, _PIPE)
    return found


def _tmux_screen(env: Mapping[str, str]) -> str | Failure:
    """Return the rows of the pane and of its history."""
    capture = ["tmux", "capture-pane", "-p", "-J", "-S", f"-{_ROWS}", "-t", env["TMUX_PANE"]]
    try:
        done = subprocess.run(  # noqa: S603 - a fixed command
            capture, capture_output=True, timeout=_TIMEOUT, env=dict(env), check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        done = None
    if done is None or done.returncode:
        return Failure(FailureKind.BAD_CONFIG, safe_format("tmux does not answer, so the screen is unknown."), _PIPE)
    return done.stdout.decode("utf-8", "replace")


def find_output(screen: str, command: str) -> Safe | None:
    """Return the rows between the last prompt with this command and the next prompt; None if it is not on the screen.

    The screen may end with the output, because a key binding erases the prompt.
    """
    rows = [row.rstrip() for row in screen.rstrip().split("\n")]
    first, *more = command.split("\n")
    for at in range(len(rows) - 1, -1, -1):
        row = rows[at] if rows[at].endswith(first) else _GAP.sub("", rows[at])
        prompt = row.removesuffix(first)
        if prompt == row or not prompt.strip():
            continue
        is_prompt = _prompt_pattern(prompt)
        start = at + 1 + len(more)
        end = next((n for n in range(start, len(rows)) if is_prompt.match(rows[n])), len(rows))
        return _output(rows, start - 1, end)
    return None


def find_last_command(screen: str) -> LastCommand | None:
    """Find the command before the `wtf` in the last row of a screen, and the rows between both."""
    rows = [row.rstrip() for row in screen.rstrip().split("\n")]
    asked = next(iter(_ASKED.finditer(rows[-1])), None) if rows else None
    prompt = rows[-1][: asked.start()] if asked else ""
    if not prompt.strip():
        return None
    is_prompt = _prompt_pattern(prompt)
    end = len(rows) - 1
    for at in range(len(rows) - 2, -1, -1):
        begins = is_prompt.match(rows[at])
        if not begins:
            continue
        command = _GAP.sub("", rows[at][begins.end() :]).strip()
        if command and not _ASKED.fullmatch(command.split(" -", 1)[0]):
            return LastCommand(safe(command), _output(rows, at, end))
        end = at
    return None


def question(found: LastCommand, words: str = "") -> str:
    """Return the question about a command: the user's words, or what its output means."""
    return f"I ran this command in my shell:\n\n{described(found)}\n\n{words.strip() or _WHAT}"


def sent_note(found: LastCommand) -> Safe:
    """Return the line that names what is sent about a command: `make · exit code 2 · 12 lines`."""
    parts = [excerpt(found.command, _SHOWN)]
    if found.status is not None:
        parts.append(safe_format("exit code {n}", n=safe(str(found.status))))
    if found.output is None:
        parts.append(safe_format("output not known"))
    else:
        rows = found.output.count("\n") + 1 if found.output else 0
        parts.append(safe("1 line" if rows == 1 else f"{rows} lines"))
    return join(" · ", parts)


def described(found: LastCommand) -> str:
    """Return the command, its exit code and its output, as far as they are known, in the words of a question."""
    parts = [code_block(found.command, "sh")]
    if found.status is not None:
        parts.append(f"It ended with exit code {found.status}.")
    if found.output is None:
        parts.append("Its output is not known.")
    else:
        output = shortened(found.output, _MAX_CHARACTERS)
        parts.append(f"It printed:\n\n{code_block(output)}" if output else "It printed nothing.")
    return "\n\n".join(parts)


def _prompt_pattern(prompt: str) -> re.Pattern[str]:
    """Return a pattern of prompts like this one: its words may differ, but not its signs and its first character."""
    words = prompt.split()
    patterns = [_word_pattern(word) for word in words]
    if words[0][0].isalnum():
        patterns[0] = f"(?={re.escape(words[0][0])}){patterns[0]}"
    together = r"\s+".join(patterns)
    return re.compile(rf"\s*{together}(?:\s+|$)")


def _word_pattern(word: str) -> str:
    """Return a pattern of a word of a prompt: any word that ends with the same sign, or the same sign alone."""
    if not any(map(str.isalnum, word)) and not set("~/") & set(word):
        return re.escape(word)
    return r"\S*" + (re.escape(word[-1]) if not word[-1].isalnum() and word[-1] not in "~/" else r"[\w~/.)\]-]")


def _output(rows: Sequence[str], at: int, end: int) -> Safe:
    """Return the rows after the prompt `at` up to the one at `end`, without the first row of a prompt of two rows."""
    shown = list(rows[at + 1 : end])
    above = rows[at - 1].split() if at else []
    if shown and above and shown[-1].split()[:1] == above[:1] and _prompt_pattern(rows[at - 1]).match(shown[-1]):
        shown.pop()
    return safe("\n".join(shown).strip("\n"))


def code_block(text: str, language: str = "") -> str:
    """Return a text as a fenced code block, whose fence is longer than any in the text."""
    fence = code_fence(text)
    return f"{fence}{language}\n{text}\n{fence}"
