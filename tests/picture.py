"""Write the README's picture: a session of the program in a pseudo-terminal, on a dark and on a light background.

python -m tests.picture

The model is played by the gateway of the tests; the screen is exported by rich as SVG.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from io import StringIO
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory

from pyte.screens import Char
from rich.console import Console
from rich.style import Style
from rich.terminal_theme import DEFAULT_TERMINAL_THEME, SVG_EXPORT_THEME
from rich.text import Text as RichText

from tests.gateway import GatewayThread, Reply, Text, Usage
from tests.pty.harness import Terminal

FOLDER = Path(__file__).parents[1] / ".github" / "images"
THEMES = {"dark": "nord", "light": "light"}  # background -> theme
COLUMNS, ROWS = 84, 26
MODEL = "claude-opus-5-5"
QUESTION = "How do I read a large file line by line in Python?"
REPLY = """\
Open it in a `with` block and **iterate over the file**: one line is in memory at a time.

```python
with open("server.log", encoding="utf-8") as file:
    errors = sum("ERROR" in line for line in file)
```

| way | memory | use |
|---|---|---|
| `for line in file` | one line | logs, exports |
| `file.readlines()` | whole file | small files |
| `mmap` | pages on demand | random access |

- `errors="replace"` keeps going over broken bytes
- for `.gz` files, `gzip.open(path, "rt")` works the same way
"""
_TIME = re.compile(r"\d+(\.\d+)?s(?= · \$)")
_SHOWN_TIME = "3.1s"  # a model takes longer than the gateway


def picture_file(background: str) -> Path:
    """Return the file of the picture on a background."""
    return FOLDER / f"reply-{background}.svg"


def session_rows(background: str) -> list[RichText]:
    """Run the session; return the rows of the screen, from the question on."""
    with GatewayThread() as gateway, TemporaryDirectory() as folder:
        gateway.reply(Reply(Text.words(REPLY), usage=Usage(412, 188)))
        home, work = Path(folder) / "home", Path(folder) / "home" / "logs"
        config = home / ".config" / "termchat" / "config.toml"
        work.mkdir(parents=True)
        config.parent.mkdir(parents=True)
        config.write_text(f'[providers.anthropic]\nkey = "no-key"\nanthropic = "{gateway.url}/anthropic"\n')
        config.chmod(0o600)
        program = f"import os, termchat.__main__ as it; os.chdir({str(work)!r}); raise SystemExit(it.main())"
        command = (sys.executable, "-c", program, "-m", f"anthropic/{MODEL}", "--theme", THEMES[background])
        env = {"HOME": str(home), "COLORTERM": "truecolor", "TERMCHAT_REDUCED_MOTION": "1"}
        with Terminal(command, columns=COLUMNS, rows=ROWS, env=env) as terminal:
            terminal.shows("Ask anything")
            terminal.send(f"{QUESTION}\r")
            terminal.shows("188 out")
            terminal.shows("Ask anything")
            terminal.settled()
            rows = [_styled(terminal.screen.buffer[y]) for y in range(ROWS)]
        gateway.check()
    first = next(at for at, row in enumerate(rows) if QUESTION in row.plain)
    last = max(at for at, row in enumerate(rows) if row.plain.strip())
    return rows[first : last + 1]


def picture(background: str) -> str:
    """Return the picture as SVG; its font is the viewer's own, nothing is loaded from elsewhere."""
    console = Console(file=StringIO(), width=COLUMNS, record=True, color_system="truecolor", force_terminal=True)
    for row in session_rows(background):
        console.print(row, soft_wrap=True, highlight=False)
    colors = SVG_EXPORT_THEME if background == "dark" else DEFAULT_TERMINAL_THEME
    svg = console.export_svg(title="termchat", unique_id="termchat", theme=colors)
    svg = re.sub(r"\s*@font-face \{.*?\}", "", svg, flags=re.DOTALL)
    return svg.replace("<text ", '<text xml:space="preserve" ')


def _styled(cells: Mapping[int, Char]) -> RichText:
    """Return a row of the emulator as styled text."""
    row = RichText()
    for look, group in groupby((cells[x] for x in range(COLUMNS)), lambda cell: cell._replace(data="")):
        row.append(_TIME.sub(_SHOWN_TIME, "".join(cell.data for cell in group)), _style(look))
    row.rstrip()
    return row


def _style(look: Char) -> Style:
    def color(name: str) -> str | None:
        if name == "default":
            return None
        return f"#{name}" if re.fullmatch("[0-9a-f]{6}", name) else name.replace("bright", "bright_")

    return Style(
        color=color(look.fg), bgcolor=color(look.bg), bold=look.bold, italic=look.italics,
        underline=look.underscore, reverse=look.reverse, strike=look.strikethrough,
    )  # fmt: skip


if __name__ == "__main__":
    for name in THEMES:
        picture_file(name).write_text(picture(name), "utf-8")
