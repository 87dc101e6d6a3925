"""`termchat themes`: list the themes, each with a sample on a terminal."""

import sys
from collections.abc import Mapping

import typer

from termchat.cli.command import require_config, run_typer
from termchat.cli.print_table import terminal_width
from termchat.config.load import Config
from termchat.config.themes import load_theme, theme_folders, theme_names
from termchat.core.errors import Failure
from termchat.core.outcomes import ExitCode
from termchat.core.sanitize import Safe, safe_format, safe_line
from termchat.core.style import TextRole, Theme
from termchat.ui.stderr import Stderr, print_stdout
from termchat.ui.text.console import make_console, to_text
from termchat.ui.text.fit import text_width, truncate
from termchat.ui.text.palette import Palette, detect_color_depth
from termchat.ui.text.row import Segment
from termchat.ui.text.theme_sample import sample_line

_WIDTH = 22  # cells of a theme's name


def run(arguments: list[str], env: Mapping[str, str]) -> int:
    """Parse the arguments of `termchat themes`, run it and return its exit code."""
    return run_typer(print_themes, arguments, "termchat themes", env)


def print_themes(context: typer.Context) -> None:
    """List the themes, each with a sample on a terminal."""
    raise typer.Exit(_show(require_config(context), context.obj))


def _show(config: Config, env: Mapping[str, str]) -> int:
    """Print all themes with the current one marked; report a theme with a mistake on standard error."""
    folders = theme_folders(config.paths)
    names = theme_names(folders)
    if not sys.stdout.isatty():
        print_stdout("".join(f"{name}\n" for name in names))
        return ExitCode.COMPLETE
    wrong = 0
    for name in names:
        theme = load_theme(name, folders)
        if isinstance(theme, Failure):
            Stderr().failure(theme)
            wrong += 1
        else:
            print_stdout(_sample(theme, env, current=name == config.settings.theme))
    print_stdout(
        safe_format("theme = {name} ({where})\n", name=safe_line(config.settings.theme), where=config.origin("theme"))
    )
    return ExitCode.ERROR if wrong else ExitCode.COMPLETE


def _sample(theme: Theme, env: Mapping[str, str], *, current: bool) -> str:
    """Return a line with the theme's name and a sample, with escape sequences for the terminal of `env`."""
    mark = "*" if current else " "
    name = truncate(safe_line(theme.name), _WIDTH - 1)
    gap = " " * (_WIDTH - text_width(name))
    head = Segment(Safe(f"{mark} {name}{gap}{theme.kind:<6}"), (TextRole.TEXT,))
    console = make_console(Palette(theme, detect_color_depth(env)), width=terminal_width())
    with console.capture() as captured:
        console.print(to_text((head, *sample_line())), soft_wrap=True)
    return captured.get()
