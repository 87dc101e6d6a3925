"""`termchat completion`: print the completion script of a shell, and answer the calls of these scripts.

A script calls `termchat completion --words SHELL …` on each Tab. Such a call, and the printing of a script, which a
shell may evaluate at each start, load neither typer nor any other large module.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from termchat.cli.shell.candidates import Candidates

SHELLS = ("bash", "zsh", "fish")
_SCRIPTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "scripts")
_PLACES = {
    "bash": 'Add to ~/.bashrc: eval "$(termchat completion bash)"',
    "zsh": 'Add to ~/.zshrc, after compinit: eval "$(termchat completion zsh)"',
    "fish": "Add to ~/.config/fish/config.fish: termchat completion fish | source",
}


def run(arguments: list[str], env: Mapping[str, str]) -> int:
    """Print a script or the candidates of a call; everything else, such as an error, is left to typer."""
    if arguments[:1] == ["--words"]:
        return _answer(arguments[1:], env)
    shells = [word for word in arguments if word in SHELLS]
    if len(shells) == 1 and len(arguments) == 1 + arguments.count("--integration") <= 2:
        return _print_script(shells[0], integration=len(arguments) == 2)
    from termchat.cli.shell.completion_help import run_completion

    return run_completion(arguments, env)


def _print_script(shell: str, *, integration: bool) -> int:
    """Print the script; on a terminal, say below it where to put it."""
    parts = [f"termchat.{shell}", *([f"integration.{shell}"] if integration else ())]
    text = "".join(_script(part) for part in parts)
    from termchat.ui.stderr import print_stdout

    print_stdout(text)
    if sys.stdout.isatty():
        from termchat.core.sanitize import safe
        from termchat.ui.stderr import warn

        place = _PLACES[shell]
        warn(safe(place.replace(f"completion {shell}", f"completion {shell} --integration") if integration else place))
    return 0


def _script(name: str) -> str:
    """Return a script that calls this program; the wheel installs the files, which call `termchat`, as they are."""
    with open(os.path.join(_SCRIPTS, name), encoding="utf-8") as opened:
        text, program = opened.read(), _program()
    return text.replace("@termchat@", program).replace("termchat completion --words", f"{program} completion --words")


def _program() -> str:
    """Return the name of this program for a shell: its path, in quotes, where the name would find another one."""
    from shutil import which

    started = os.path.abspath(sys.argv[0])
    if os.path.basename(started) != "termchat" or not os.access(started, os.X_OK) or os.path.isdir(started):
        return "termchat"
    found = which("termchat")
    if found and os.path.realpath(found) == os.path.realpath(started):
        return "termchat"
    return "'" + started.replace("'", "'\\''") + "'"  # all three shells read it


def _answer(arguments: list[str], env: Mapping[str, str]) -> int:
    """Print the candidates of a call, one a line: a flag line, then `value TAB description`.

    bash passes COMP_WORDBREAKS and the line up to the cursor; the other shells pass the words, without the program, and
    the last one as it is typed. The flag line has `files`, `told` (see Candidates) and `open` for values after which no
    space follows.
    """
    from termchat.cli.shell.candidates import find_candidates
    from termchat.cli.shell.completion_line import CompletionLine
    from termchat.cli.shell.completion_table import load_table
    from termchat.cli.shell.completion_values import CompletionValues
    from termchat.config.paths import paths

    shell, *given = arguments or ["", ""]
    if shell == "bash":
        breaks, text = [*given, "", ""][:2]
        line = CompletionLine(text)
        words, last = line.words, line.last
    else:
        line, breaks = None, ""
        words, last = given[:-1], CompletionLine((given or [""])[-1]).last
    table = load_table(str(paths(env).cache))
    found = find_candidates(words, last, table, CompletionValues(env, table))
    rows = [(line.written(value, breaks) if line else value, about) for value, about in found.values]
    lines = [_flags(found), *(f"{value}\t{about}" for value, about in rows if value is not None)]
    sys.stdout.buffer.write("".join(f"{row}\n" for row in lines).encode("utf-8", "replace"))
    return 0


def _flags(found: Candidates) -> str:
    flags = {
        "files": found.files,
        "told": found.told,
        "open": any(value.endswith(("=", "/", ":")) for value, _ in found.values),
    }
    return " ".join(name for name, is_set in flags.items() if is_set)
