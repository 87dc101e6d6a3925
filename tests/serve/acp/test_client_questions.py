"""Questions in an editor: foreign text neither acts as Markdown nor hides; unsaved files have the limits of others."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from acp.exceptions import RequestError
from acp.schema import (
    AllowedOutcome,
    ClientCapabilities,
    FileSystemCapabilities,
    PermissionOption,
    RequestPermissionResponse,
    ResourceContentBlock,
)
from acp.schema import ToolCallUpdate as CallInQuestion
from markdown_it import MarkdownIt

from termchat.attachments.classify import LARGEST
from termchat.core.approval import ApprovalRequest, PreviewKind, ToolEffect
from termchat.core.messages import ToolCall
from termchat.core.sanitize import Safe
from termchat.serve.acp.client_questions import confirm, decide
from termchat.serve.acp.question_text import code_span, escape_markdown, reveal
from termchat.serve.acp.turn_updates import Update
from tests.cli.conftest import KEY, Program
from tests.gateway import Reply, Text
from tests.serve.acp.editor import EditorClient, editing

MODEL = ("-m", "xopenai/gpt-5.2")
HOSTILE = [
    "**bold** [click](http://e.example) ![](http://e.example/x.png)",
    "a`b``c``` d", "`", "``x``", "<img src=x><!-- hidden", "&#8238; &lt;", "~~gone~~ ~/x~", "_a_ __b__ c_d",
    "# head", "- item", "1. one", "12) two", "> quote", "a | b", "\\* \\", "$x$", "*", "=== ", "+ x",
]  # fmt: skip


def seen(markdown: str) -> list[str]:
    """The paragraphs that a reader sees; anything but plain text and code in them fails."""
    paragraphs: list[str] = []
    for token in MarkdownIt("commonmark", {"html": True}).enable(["strikethrough", "table"]).parse(markdown):
        assert token.type in ("paragraph_open", "paragraph_close", "inline"), (token.type, markdown)
        if token.type == "inline":
            children = token.children or []
            assert {child.type for child in children} <= {"text", "code_inline", "text_special"}, (markdown, children)
            paragraphs.append("".join(child.content for child in children))
    return paragraphs


@pytest.mark.parametrize("text", HOSTILE)
def test_foreign_text_in_markdown_is_read_as_it_is(text: str) -> None:
    assert seen(escape_markdown(text)) == [text.strip()]
    assert seen(code_span(text)) == [text.strip()]


def test_invisible_characters_are_shown_as_escapes() -> None:
    shown = r"a\u202eb\u200bc\x1bd\u2066\U000e0041\x0d\ufeff\u3164e"
    assert reveal("a\u202eb\u200bc\x1bd\u2066\U000e0041\r\ufeff\u3164e") == shown
    kept = "你好\u3000 👩\u200d💻 é\tx\r\ny\n"
    assert reveal(kept) == kept


async def _asked(request: ApprovalRequest) -> CallInQuestion:
    questions: list[CallInQuestion] = []

    async def ask(question: CallInQuestion, options: list[PermissionOption]) -> RequestPermissionResponse:
        questions.append(question)
        return RequestPermissionResponse(outcome=AllowedOutcome(outcome="selected", option_id="no"))

    await decide(request, "1", Path("/w"), ask)
    return questions[0]


async def test_question_about_command_shows_all_of_it_as_code() -> None:
    command = "echo\r```\r\n```\n**ok**" + " " * 200 + "; rm -rf \u202e~"
    call = ToolCall("1", "run_shell", json.dumps({"command": command}))
    request = ApprovalRequest(
        call, ToolEffect.RUN, command, PreviewKind.COMMAND, facts=("in `x` **safe** \u202e",), reason="<!--"
    )
    question = await _asked(request)
    text, facts = (part.content.text for part in question.content or [])  # type: ignore[union-attr]
    tokens = MarkdownIt().parse(text)
    assert [token.type for token in tokens] == ["fence"]
    assert "⟨200 spaces⟩" in tokens[0].content and r"rm -rf \u202e~" in tokens[0].content
    assert facts == "- ``in `x` **safe** \\u202e``\n- `<!--`"
    assert (question.title or "").startswith("run_shell wants to run: ````echo") and "…" in (question.title or "")
    assert all(len(paragraph) < 200 for paragraph in seen(question.title or ""))


async def test_question_about_change_shows_invisible_characters() -> None:
    arguments = {"path": "a\u202e*b*.py", "old": "x\u200b", "new": "y\u2066\r\n"}
    call = ToolCall("1", "edit_file", json.dumps(arguments))
    question = await _asked(ApprovalRequest(call, ToolEffect.WRITE, "diff", PreviewKind.DIFF))
    change: Any = (question.content or [])[0]
    assert (change.path, change.old_text, change.new_text) == ("/w/a\\u202e*b*.py", "x\\u200b", "y\\u2066\r\n")
    assert question.title == "edit_file wants to write: `a\\u202e*b*.py`"


async def test_name_of_tool_is_no_markdown() -> None:
    question = await _asked(ApprovalRequest(ToolCall("1", "*x*", "{}"), ToolEffect.RUN))
    assert question.title == "`*x*` wants to run"
    named = ApprovalRequest(ToolCall("1", "ask", "{}"), ToolEffect.RUN, title="[s](http://e.example) asks you")
    assert seen((await _asked(named)).title or "") == ["[s](http://e.example) asks you"]


async def test_question_without_call_is_no_markdown() -> None:
    shown: list[str] = []

    async def ask(question: CallInQuestion, options: list[PermissionOption]) -> RequestPermissionResponse:
        part: Any = (question.content or [])[0]
        shown.extend((question.title or "", part.content.text))
        return RequestPermissionResponse(outcome=AllowedOutcome(outcome="selected", option_id="yes"))

    async def update(update: Update) -> None:
        shown.extend([update.title] if update.session_update == "tool_call" else [])

    assert await confirm(Safe("*a*\u200b.env may hold secrets."), ask, update)
    assert {*map(str, map(seen, shown))} == {str(["*a*\\u200b.env may hold secrets."])} and len(shown) == 3


async def test_unsaved_file_is_asked_about_and_bounded_as_others(program: Program) -> None:
    names = ("large", "huge", "binary", "key")
    for name in names:
        (program.cwd / name).write_text("on disk")
    texts = ("x" * 300_000, "y" * (LARGEST + 1), "a\0b", f"use {KEY}")
    buffers = {str(program.cwd / name): text for name, text in zip(names, texts, strict=True)}
    client = EditorClient(["no", "yes", "no"], buffers=buffers)
    program.gateway.reply(Reply(Text("one")), Reply(Text("two")))
    async with editing(program, *MODEL, client=client) as editor:
        reads = ClientCapabilities(fs=FileSystemCapabilities(read_text_file=True))
        await editor.agent.initialize(1, client_capabilities=reads)
        session = (await editor.agent.new_session(str(program.cwd), mcp_servers=[])).session_id

        async def send(name: str) -> None:
            link = ResourceContentBlock(type="resource_link", uri=f"file://{program.cwd}/{name}", name=name)
            await editor.agent.prompt(session, [link])

        await send("large")
        assert "300 kB of text" in client.questions[0][0].title and "Not attached: large" in client.text(
            "agent_thought_chunk"
        )
        await send("large")
        for name, why in (("huge", "larger than 32 MB"), ("binary", "binary")):
            with pytest.raises(RequestError, match=why):
                await send(name)
        await send("key")
    assert "password" in client.questions[2][0].title
    sent = [str(request.body) for request in program.gateway.asked]
    assert ["xxx" in body for body in sent] == [False, True] and KEY not in "".join(sent)
