"""Run a front end over fake providers, in tests or by hand: `python -m tests.pty.program`.

| Variable   | Value                                                                                         |
| ---------- | --------------------------------------------------------------------------------------------- |
| TESTFLAGS  | words from the table below, separated by blanks                                               |
| TESTGATE   | a path; imports begin when the file exists                                                    |
| TESTTOOL   | a named pipe; the tool `wait` and the reply `held` end when it is opened (`tests/ui/fakes.py`) |
| TESTNOTIFY | the setting `notify`                                                                          |
| TESTKEYS   | the rows of `[keys]`                                                                          |

| Flag       | Effect                                                                                        |
| ---------- | --------------------------------------------------------------------------------------------- |
| plain      | the plain front end                                                                           |
| accessible | the plain front end for screen readers                                                        |
| vi         | vi key bindings                                                                               |
| links      | hyperlinks                                                                                    |
| newline    | Enter inserts a line break                                                                    |
| still      | no spinner                                                                                    |
| one        | queued messages are sent one per turn                                                         |
| hasty      | short durations: stall 0.5 s, long turn 0.2 s, heartbeat 0.3 s, first wait 0.2 s              |
| patient    | 60 s for the second press of Esc or Ctrl-C, and for late keys: a busy machine separates keys; |
|            | 60 s in which a line is no answer to a question of the plain front end that follows another   |
| silent     | the provider's model list never arrives                                                       |
| bug        | each key raises an error in the completion menu                                               |
| blind      | nothing can be drawn above the input                                                          |
| undrawn    | a reply cannot be drawn                                                                       |
| stuck      | the exit hangs                                                                                |
| crash      | the exit raises an error                                                                      |
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Sequence

from termchat.ui.terminal.tty import Tty


def main() -> int:
    """Run the front end chosen by the environment; return its exit code."""
    tty = Tty.acquire(early_prompt=True)
    while (gate := os.environ.get("TESTGATE")) and not os.path.exists(gate):
        time.sleep(0.01)  # simulates slow imports; a call that blocks could miss a signal that came just before it
    import tomllib
    from dataclasses import replace
    from pathlib import Path

    from termchat.commands.builtin import builtin
    from termchat.config.keys.user_keys import load_keys
    from termchat.config.themes import load_theme
    from termchat.config.toml_file import TomlFile
    from termchat.core.errors import Failure
    from termchat.core.sanitize import safe_format
    from termchat.ui.frontend import DisplayOptions, FrontendContext, Timings
    from termchat.ui.plain import approvals
    from termchat.ui.plain.app import PlainApp, run_plain
    from termchat.ui.plain.writer import PlainWriter
    from termchat.ui.repl.app import run_repl
    from termchat.ui.repl.input.completion_menu import CompletionMenu
    from termchat.ui.repl.transcript import Transcript
    from termchat.ui.repl.turns import TurnRunner
    from termchat.ui.terminal.early_prompt import supports_unicode
    from termchat.ui.text.palette import detect_color_depth
    from tests.ui.fakes import FakeProviders, fake_session

    theme = load_theme("dark", (Path(__file__).parent.parent.parent / "themes",))
    assert not isinstance(theme, Failure)
    flags = os.environ.get("TESTFLAGS", "").split()
    timings = Timings()
    if "hasty" in flags:
        timings = replace(timings, stall=0.5, long_turn=0.2, heartbeat=0.3, first_wait=0.2)
    if "patient" in flags:
        timings = replace(timings, second_escape=60, second_leave=60, second_stop=60, late_key=60)
        approvals._NEW_SECONDS = 60
    display = DisplayOptions(
        depth=detect_color_depth(os.environ),
        plain="plain" in flags,
        accessible="accessible" in flags,
        vi="vi" in flags,
        hyperlinks="links" in flags,
        signs=supports_unicode(os.environ),
        enter_sends="newline" not in flags,
        motion="still" not in flags,
        notify=os.environ.get("TESTNOTIFY", "auto"),
        merge_queue="one" not in flags,
        keys=load_keys(TomlFile(Path("config.toml"), table=tomllib.loads(f"[keys]\n{os.environ.get('TESTKEYS', '')}"))),
        timings=timings,
    )
    context = FrontendContext(
        fake_session(),
        FakeProviders(),
        builtin(),
        theme,
        display,
        tty=tty,
        notes=(safe_format("fake/one answers by your first word"),),
        typeahead=tty.typed if tty else "",
        env=os.environ,
        cwd="~/proj",
    )
    if "silent" in flags:
        FakeProviders.models = _never  # type: ignore[method-assign,assignment]
    if "bug" in flags:
        CompletionMenu.update = _crash  # type: ignore[method-assign,assignment]
    if "blind" in flags:
        Transcript.lines = _crash  # type: ignore[method-assign,assignment]
    if "undrawn" in flags:
        Transcript.show = PlainWriter.show = _undrawn  # type: ignore[method-assign,assignment]
    if "stuck" in flags:
        TurnRunner.close = PlainApp._ended = _stuck  # type: ignore[method-assign]
    if "crash" in flags:
        TurnRunner.close = _crash  # type: ignore[method-assign,assignment]
    run = run_plain if display.plain or display.accessible else run_repl
    return asyncio.run(run(context))


async def _never(*_: object, **__: object) -> None:
    await asyncio.Event().wait()


async def _stuck(*_: object) -> None:
    print("closing")
    await asyncio.Event().wait()


def _undrawn(_: object, blocks: Sequence[object]) -> None:
    if blocks:
        _crash()


def _crash(*_: object) -> object:
    raise RuntimeError("a bug of the front end")


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
