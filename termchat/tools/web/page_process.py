"""The process that turns a page into Markdown."""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

SECONDS = 20.0
_PROGRAM = Path(__file__).with_name("readable_page.py")


class PageError(Exception):
    """The page cannot be converted."""


async def read_page(html: bytes, url: str, charset: str, seconds: float = SECONDS) -> tuple[str, str]:
    """Return the title of a page and its readable text as Markdown. Raises PageError."""
    found = find_spec("justhtml")
    if found is None or found.origin is None:
        raise PageError("the package justhtml is missing: pip install justhtml")
    libraries = str(Path(found.origin).parents[1])
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-I", "-S", str(_PROGRAM), libraries, url, charset, cwd="/", env={},
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        async with asyncio.timeout(seconds):
            output, _ = await process.communicate(html)
    except TimeoutError as error:
        raise PageError(f"the page could not be converted within {seconds:g} seconds") from error
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    if process.returncode:
        raise PageError("the page could not be converted: it is too large or too deep")
    page: dict[str, str] = json.loads(output)
    return page["title"], page["text"]
