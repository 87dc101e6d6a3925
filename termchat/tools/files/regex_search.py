"""Search files for a regular expression, in a process of its own: one that takes exponential time can be killed.

Run by its path, with nothing but the standard library: `python -I regex_search.py PATTERN i|s CONTEXT FILE...`.
Writes the messages of `rg --json` that the parent reads; exit code 2 is an invalid pattern, explained on stderr.
"""

from __future__ import annotations

import base64
import codecs
import json
import re
import sys
from collections.abc import Iterator

Message = dict[str, object]


def _search(path: str, pattern: re.Pattern[str], around: int) -> Iterator[Message]:
    with open(path, "rb") as file:
        raw = file.read()
    wide = raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    if wide:
        text = raw.decode("utf-16", "replace")
    else:
        if b"\0" in raw:
            return
        text = raw.removeprefix(codecs.BOM_UTF8).decode("utf-8", "surrogateescape")
    lines = text.split("\n")
    if not lines[-1]:
        lines.pop()
    lines = [line.removesuffix("\r") for line in lines]
    hits = {n: found.start() for n, line in enumerate(lines) if (found := pattern.search(line))}
    shown = 0
    for hit in hits:
        for n in range(max(shown, hit - around), min(len(lines), hit + around + 1)):
            yield _line(n, lines[n], hits.get(n))
        shown = max(shown, hit + around + 1)


def _line(number: int, line: str, start: int | None) -> Message:
    raw = line.encode("utf-8", "surrogateescape")
    try:
        text: dict[str, str] = {"text": raw.decode()}
    except UnicodeDecodeError:
        text = {"bytes": base64.b64encode(raw).decode()}
    spans = [] if start is None else [{"start": len(line[:start].encode("utf-8", "surrogateescape"))}]
    data = {"lines": text, "line_number": number + 1, "submatches": spans}
    return {"type": "context" if start is None else "match", "data": data}


def _main(pattern: str, case: str, around: str, *paths: str) -> int:
    try:
        compiled = re.compile(pattern, re.IGNORECASE if case == "i" else 0)
    except (re.error, RecursionError, OverflowError) as error:
        sys.stderr.write(str(error))
        return 2
    for path in paths:
        name = {"path": {"text": path}}
        print(json.dumps({"type": "begin", "data": name}))  # noqa: T201 - a program's output
        for message in _search(path, compiled, int(around)):
            print(json.dumps(message))  # noqa: T201
        print(json.dumps({"type": "end", "data": {**name, "binary_offset": None}}), flush=True)  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(_main(*sys.argv[1:]))
