"""Export chats as one HTML file without scripts or external resources; it follows the reader's light or dark mode.

Text of a model is foreign: raw HTML in it is shown as text, links may lead to http, https and mailto only, and an
external image becomes a link. The file's content security policy enforces the same
(https://developer.mozilla.org/docs/Web/HTTP/Guides/CSP).
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Iterator, MutableMapping, Sequence
from html import escape
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.token import Token

from termchat.core.chats import FullChat
from termchat.core.conversation import Node
from termchat.core.messages import File, Image, Message, Part, Reasoning, Search, Text, ToolCall, ToolResult
from termchat.core.sanitize import LINK_SCHEMES
from termchat.store.export import common

_PICTURES = ("image/png", "image/jpeg", "image/gif", "image/webp")
_LINK_STARTS = tuple(f"{scheme}:" if scheme == "mailto" else f"{scheme}://" for scheme in LINK_SCHEMES)
_STYLE = """
:root { color-scheme: light dark; --text: #1f2328; --back: #fff; --dim: #656d76; --card: #f6f8fa; --line: #d0d7de; }
@media (prefers-color-scheme: dark) {
  :root { --text: #e6edf3; --back: #0d1117; --dim: #8d96a0; --card: #161b22; --line: #30363d; }
}
body { color: var(--text); background: var(--back); font: 16px/1.6 system-ui, sans-serif;
       max-width: 48rem; margin: 2rem auto; padding: 0 1rem; overflow-wrap: break-word; }
h1, h2 { line-height: 1.25; } h2 { font-size: 1rem; margin: 2rem 0 .5rem; }
h2 small, .note { color: var(--dim); font-weight: normal; }
.you { border-left: 3px solid var(--line); padding-left: 1rem; }
pre, details { background: var(--card); border: 1px solid var(--line); border-radius: 6px; padding: .75rem; }
pre { overflow-x: auto; } details pre { border: 0; padding: 0; } code { font: .9em ui-monospace, monospace; }
table { border-collapse: collapse; } td, th { border: 1px solid var(--line); padding: .25rem .75rem; }
img { max-width: 100%; } blockquote { border-left: 3px solid var(--line); margin-left: 0; padding-left: 1rem; }
"""
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
END = "</body>\n</html>\n"


def begin(title: str) -> str:
    """Return the HTML before the first chat."""
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title or 'Chats')}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
    )


def chat_to_html(record: FullChat) -> str:
    """Return an article with the messages on the path to the head."""
    markdown = _markdown()
    head = f"<article>\n<h1>{escape(record.info.title or 'Chat')}</h1>\n"
    system = f"<details><summary>System prompt</summary>{_pre(record.state.system)}</details>\n"
    messages = "".join(_message(record, node, markdown) for node in record.conversation.path())
    return f"{head}{system if record.state.system else ''}{messages}</article>\n"


def _message(record: FullChat, node: Node, markdown: MarkdownIt) -> str:
    ending = common.outcome_label(node)
    notes = f"{common.timestamp(record, node)}{f' · {ending}' if ending else ''}"
    speaker = common.author_label(node)
    body = "\n".join((*_parts(common.parts(node.message), markdown), *_sources(node.message)))
    style = ' class="you"' if speaker == "You" else ""
    return f"<h2>{escape(speaker)} <small>{escape(notes)}</small></h2>\n<div{style}>\n{body}\n</div>\n"


def _parts(parts: Iterable[Part], markdown: MarkdownIt) -> Iterator[str]:
    for part in parts:
        match part:
            case Text():
                yield markdown.render(part.text)
            case Reasoning():
                if part.text:
                    yield f"<details><summary>Thinking</summary>{_pre(part.text)}</details>"
            case Search():
                if part.queries:
                    yield f'<p class="note">searched the web: {escape(", ".join(part.queries))}</p>'
            case ToolCall():
                yield f"<details><summary>Calls {escape(part.name)}</summary>{_pre(part.arguments)}</details>"
            case ToolResult():
                ending = common.result_label(part)
                images = "".join(_image(inner) for inner in part.parts if isinstance(inner, Image))
                yield f"<details><summary>{escape(part.name)}{ending}</summary>{_pre(part.text)}{images}</details>"
            case Image():
                yield _image(part)
            case File():
                yield _file(part)


def _sources(message: Message) -> Iterator[str]:
    """Yield the numbered sources of a reply."""
    rows = "".join(
        f'<li><a href="{escape(url)}">{escape(title)}</a></li>' if url else f"<li>{escape(title)}</li>"
        for title, url in common.sources(message)
    )
    if rows:
        yield f'<p class="note">Sources:</p>\n<ol class="note">{rows}</ol>'


def _file(part: File) -> str:
    name, content = escape(common.file_name(part)), common.file_text(part)
    return (
        f"<details><summary>{name}</summary>{_pre(content)}</details>"
        if content
        else f'<p class="note">file {name}</p>'
    )


def _image(part: Image) -> str:
    name = escape(common.image_name(part))
    if part.data and part.mime in _PICTURES:
        data = b64encode(part.data).decode("ascii")
        return f'<p><img alt="{name}" title="{name}" src="data:{part.mime};base64,{data}"></p>'
    if part.url.startswith(_LINK_STARTS):
        return f'<p><a href="{escape(part.url)}">{escape(part.url)}</a></p>'
    return f'<p class="note">image {name}</p>'


def _pre(text: str) -> str:
    return f"<pre>{escape(text)}</pre>"


def _markdown() -> MarkdownIt:
    """Return a renderer of Markdown without raw HTML and external images, and with safe links only."""
    markdown = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
    markdown.validateLink = _allowed
    markdown.add_render_rule("image", _picture_as_link)
    return markdown


def _allowed(url: str) -> bool:
    return url.strip().lower().startswith(_LINK_STARTS)


def _picture_as_link(
    _renderer: Any, tokens: Sequence[Token], at: int, _options: Any, _env: MutableMapping[str, Any]
) -> str:
    address = escape(str(tokens[at].attrGet("src") or ""))
    return f'<a href="{address}">{escape(tokens[at].content) or address}</a>'
