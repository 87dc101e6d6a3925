"""Write the README's picture: a reply as the REPL shows it, exported by rich.

python -m tests.picture > .github/images/reply.svg
"""

from __future__ import annotations

import re
from io import StringIO
from pathlib import Path

from termchat.config.themes import load_theme
from termchat.core.errors import Failure
from termchat.core.sanitize import safe, safe_format
from termchat.core.style import TextRole
from termchat.ui.markdown import Markdown
from termchat.ui.text.console import make_console, to_text
from termchat.ui.text.line import styled_line
from termchat.ui.text.palette import ColorDepth, Palette

COLUMNS = 84
QUESTION = safe_format("❯ How do I read a large file line by line in Python?")
REPLY = safe("""\
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
""")
USAGE = safe_format("claude-opus-5 · 412 in · 188 out · 3.1s · $0.0068")


def picture() -> str:
    """Return the picture as SVG; its font is the viewer's own, nothing is loaded from elsewhere."""
    theme = load_theme("nord", (Path(__file__).parent.parent / "themes",))
    assert not isinstance(theme, Failure)
    console = make_console(Palette(theme, ColorDepth.TRUE), file=StringIO(), width=COLUMNS, record=True)
    console.print(to_text(styled_line(QUESTION, TextRole.ACCENT)))
    console.print()
    console.print(Markdown(REPLY, headers=True))
    console.print()
    console.print(to_text(styled_line(USAGE, TextRole.DIM)))
    svg = console.export_svg(title="termchat", unique_id="termchat")
    svg = re.sub(r"\s*@font-face \{.*?\}", "", svg, flags=re.DOTALL)
    return svg.replace("<text ", '<text xml:space="preserve" ')


if __name__ == "__main__":
    print(picture(), end="")
