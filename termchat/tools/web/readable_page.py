"""Turn an HTML page into Markdown: `python -I -S readable_page.py LIBRARIES URL CHARSET`, from stdin to stdout as JSON.

A process of its own: a page may be built to take minutes and gigabytes, and then the process is killed.
"""

from __future__ import annotations

import json
import sys
from typing import Any
from urllib.parse import urljoin

MEMORY = 1_500_000_000  # bytes
_HIDDEN = (
    "script,style,noscript,template,svg,math,canvas,iframe,object,embed,audio,video,dialog,nav,footer,aside,button,"
    "select,input,textarea,[hidden],[aria-hidden=true],[role=navigation],[role=banner],[style*='display:none'],"
    "[style*='display: none'],[style*='visibility:hidden'],[style*='visibility: hidden']"
)
_ENOUGH = 200  # characters of text in a main element that is taken for the page
_OPEN, _CLOSE = "\ue000", "\ue001"  # around the number of a table in the Markdown


def convert_page(html: bytes, url: str, charset: str) -> dict[str, str]:
    """Return the title and the readable text of a page as Markdown; links are absolute."""
    from justhtml import Drop, JustHTML

    page: Any = JustHTML(html, sanitize=False, encoding=charset or None, transforms=[Drop(_HIDDEN)])
    titles = page.query("title")
    title = " ".join(titles[0].to_text().split()) if titles else ""
    body = page.query("body")
    main = next((m for m in page.query("main,[role=main],article") if len(m.to_text()) >= _ENOUGH), None)
    root = main or (body[0] if body else page)
    for link in root.query("a[href]"):
        _make_absolute(link, url)
    for image in root.query("img"):
        _replace(image, image.attrs.get("alt") or "")
    tables = _take_tables(root)
    text: str = root.to_markdown()
    for number, table in enumerate(tables):
        text = text.replace(f"{_OPEN}{number}{_CLOSE}", f"\n\n{table}\n\n")
    return {"title": title, "text": _squeeze(text)}


def _make_absolute(link: Any, url: str) -> None:
    try:
        target = urljoin(url, link.attrs["href"])
    except ValueError:
        target = ""
    if target.startswith(("http://", "https://", "mailto:")):
        link.attrs["href"] = target
    else:
        del link.attrs["href"]
        link.name = "span"


def _replace(node: Any, text: str) -> None:
    from justhtml import Text

    if node.parent is not None:
        node.parent.replace_child(Text(text), node)


def _take_tables(root: Any) -> list[str]:
    """Replace each table of data by a mark, and return them as Markdown; tables for layout become plain blocks."""
    made: list[str] = []
    for table in reversed(root.query("table")):  # inner ones first
        rows = [[_cell(cell) for cell in row.query("th,td")] for row in table.query("tr")]
        width = max(map(len, rows), default=0)
        if width < 2 or table.query("table") or any(_OPEN in cell for row in rows for cell in row):
            for part in [table, *table.query("caption,thead,tbody,tfoot,tr,td,th")]:
                part.name = "div"
            continue
        lines = ["| " + " | ".join(row + [""] * (width - len(row))) + " |" for row in rows]
        lines.insert(1, "|" + " --- |" * width)
        _replace(table, f"{_OPEN}{len(made)}{_CLOSE}")
        made.append("\n".join(lines))
    return made


def _cell(cell: Any) -> str:
    return " ".join(cell.to_markdown().split()).replace("|", "\\|")


def _squeeze(text: str) -> str:
    """Remove white space at the ends of lines, and all but one empty line in a row."""
    lines = [line.rstrip() for line in text.strip().split("\n")]
    kept = [line for n, line in enumerate(lines) if line or (n and lines[n - 1])]
    return "\n".join(kept)


def _limit_memory() -> None:
    try:
        import resource
    except ImportError:  # Windows
        return
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


def _main(libraries: str, url: str, charset: str) -> None:
    _limit_memory()
    sys.path.append(libraries)
    sys.setrecursionlimit(20_000)
    html = sys.stdin.buffer.read()
    marks = (_OPEN.encode(), _CLOSE.encode())
    if not charset or charset == "utf-8":
        for mark in marks:
            html = html.replace(mark, b"")
    sys.stdout.write(json.dumps(convert_page(html, url, charset)))


if __name__ == "__main__":
    _main(*sys.argv[1:])
