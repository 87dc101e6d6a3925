"""Text of a response: a page as Markdown, text as it is, and errors for everything else."""

from __future__ import annotations

import codecs
import re
from email.message import Message

from termchat.tools.files.names import escape_name
from termchat.tools.registry import ToolError, ToolOutput
from termchat.tools.web.page_process import PageError, read_page
from termchat.tools.web.url_fetcher import WebResponse, status_words

_ERROR_TEXT = 1_000  # characters of the text of an error page
_HTML = frozenset({"text/html", "application/xhtml+xml"})
_TEXT = re.compile(
    r"text/.*|application/(.*[+.-])?(json|xml|yaml|toml|javascript|ecmascript|graphql|sql|x-sh|x-ndjson|jsonl|rtf|x-tex)"
)
# Other codecs of Python are no character sets, or take quadratic time (punycode).
_CHARSET = re.compile(
    r"utf-(8|16|32).*|iso8859.*|cp\d+|koi8.*|ascii|gb.*|big5.*|euc.*|shift_jis.*|iso2022.*|mac.*|tis.*"
)
_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


async def response_text(response: WebResponse, *, readable: bool) -> ToolOutput:
    """Return a line about the response and its text, or a ToolError for a status of an error or for no text."""
    kind, charset = _content_type(response.content_type)
    raw = response.body.raw
    if not kind:
        kind = "text/html" if raw.lstrip()[:20].lower().startswith((b"<!doctype html", b"<html")) else "text/plain"
    title, text = "", ""
    if kind in _HTML and readable:
        try:
            title, text = await read_page(raw, response.url.text, charset)
        except PageError as error:
            return ToolError(f"{response.url.text}: {error}")
    elif _TEXT.fullmatch(kind) or kind in _HTML:
        text = _decode(raw, charset)
        if "\0" in text:
            return ToolError(f"{response.url.text} is called {kind}, but is not text")
    elif response.status < 400:
        return ToolError(f"{response.url.text} is {escape_name(kind[:80])}, not text")
    if response.status >= 400:
        words = " ".join(text.split())[:_ERROR_TEXT]
        return ToolError(
            f"{response.url.text} answered {status_words(response.status)}" + (f": {words}" if words else "")
        )
    return _head(response, kind, title) + (text or "[no text]")


def _head(response: WebResponse, kind: str, title: str) -> str:
    notes = [f"{response.url.text}: {kind}, {len(response.body.raw)} bytes"]
    if title:
        notes.append(f"title: {escape_name(title[:200])}")
    if response.hops:
        notes.append(f"redirected from {response.hops[0].text}")
    if response.body.cut:
        notes.append("cut, the rest was not read")
    return f"[{'; '.join(notes)}]\n"


def _content_type(header: str) -> tuple[str, str]:
    """Return the type and the charset of a header, "" for what it does not tell."""
    message = Message()
    message["content-type"] = header.replace("\n", " ").replace("\r", " ")
    charset = str(message.get_param("charset") or "")
    try:
        charset = codecs.lookup(charset).name if charset else ""
    except (LookupError, ValueError):
        charset = ""
    if not _CHARSET.fullmatch(charset):
        charset = ""
    return (message.get_content_type() if "/" in header else ""), charset


def _decode(raw: bytes, charset: str) -> str:
    marked = next((encoding for mark, encoding in _BOMS if raw.startswith(mark)), "")
    return raw.decode(marked or charset or "utf-8", "replace").removeprefix("\ufeff")
