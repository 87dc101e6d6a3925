"""One open chat of a client: its prompts, one at a time, each with a turn, questions and a true end."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from datetime import UTC
from decimal import Decimal
from typing import Any
from uuid import uuid4

from acp.exceptions import RequestError
from acp.interfaces import Client
from acp.schema import (
    AvailableCommandsUpdate,
    Cost,
    PermissionOption,
    PromptResponse,
    RequestPermissionResponse,
    SessionInfoUpdate,
    StopReason,
    TextContentBlock,
    UsageUpdate,
)
from acp.schema import ToolCallUpdate as CallInQuestion
from acp.schema import Usage as TokenCounts

from termchat.core.errors import Failure, FailureKind
from termchat.core.events import ApprovalAsked, StepCounted, TurnEnded
from termchat.core.messages import Message
from termchat.core.numbers import moment
from termchat.core.outcomes import Outcome
from termchat.core.sanitize import Safe, safe_format, safe_line
from termchat.core.session import Turn
from termchat.core.usage import Usage
from termchat.serve.acp.chat_choices import ChatChoices
from termchat.serve.acp.client_questions import GONE, confirm, decide
from termchat.serve.acp.editor_chats import EditorChat
from termchat.serve.acp.prompt_blocks import Block, PromptContent, prompt_content
from termchat.serve.acp.slash_commands import CommandResult, available_commands, run_slash_command
from termchat.serve.acp.turn_updates import TurnUpdates, Update, call_name, notice_chunk, text_chunk
from termchat.serve.faults import client_words

_AUTH_REQUIRED, _NOT_FOUND, _INVALID, _INTERNAL = -32000, -32002, -32602, -32603
_CODES = {
    FailureKind.NO_KEY: _AUTH_REQUIRED,
    FailureKind.NOT_FOUND: _NOT_FOUND,
    FailureKind.BAD_CONFIG: _INVALID,
    FailureKind.BAD_REQUEST: _INVALID,
}
_STOP_REASONS: dict[Outcome, StopReason] = {
    Outcome.COMPLETE: "end_turn",
    Outcome.LENGTH: "max_tokens",
    Outcome.LIMIT: "max_turn_requests",
    Outcome.REFUSED: "refusal",
    Outcome.FILTERED: "refusal",
    Outcome.CANCELLED: "cancelled",
}


def request_error(failure: Failure, outcome: Outcome | None = None) -> RequestError:
    """Return a failure as the error of a request; its text is the sentence with the next step."""
    hint = client_words(Safe(failure.hint.replace(", /drop N, --set fit=true in a script", "")))  # /compact is there
    data: dict[str, Any] = {"kind": failure.kind.value}
    if outcome:
        data["outcome"] = outcome.value
    return RequestError(_CODES.get(failure.kind, _INTERNAL), f"{failure.message} {hint}".strip(), data)


class EditorSession:
    """A chat that a client has opened under an id."""

    def __init__(self, name: str, chat: EditorChat, client: Client, *, reads_files: bool = False) -> None:
        self._reads_files = reads_files
        self.chat = chat
        self.choices = ChatChoices(chat)
        self._name = name
        self._client = client
        self._turn: Turn | None = None
        self._stop = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._notices = [*chat.notices]
        self._unused_servers = bool(chat.servers)  # and the user was not told so
        self._title = chat.session.title
        self._commands: list[Any] = []

    async def prompt(self, blocks: Sequence[Block]) -> PromptResponse:
        """Answer a prompt. Raises RequestError for one that fails, also in the middle of its reply."""
        if self._stop.is_set():
            await self._idle.wait()
        if not self._idle.is_set():
            words = safe_format("A reply is running in this session.")
            raise request_error(Failure(FailureKind.BAD_REQUEST, words, safe_format("Cancel it, or wait for its end.")))
        self._idle.clear()
        self._stop.clear()
        try:
            return await self._answer(blocks)
        finally:
            self._turn = None
            self._stop.clear()
            self._idle.set()

    def cancel(self) -> None:
        """Stop the prompt that runs, if any; what has come is kept."""
        if not self._idle.is_set():
            self._stop.set()
            if self._turn:
                self._turn.cancel()

    async def close(self) -> None:
        """Stop the prompt that runs, and release the chat."""
        self.cancel()
        await self._idle.wait()
        await self.chat.close()

    async def update(self, update: Update) -> None:
        """Send an update; without a client the turn is stopped, so that it ends and is saved."""
        try:
            await self._client.session_update(self._name, update)
        except ConnectionError:
            self.cancel()

    async def tell_commands(self) -> None:
        """Send the commands of the session if they have changed."""
        commands = available_commands(self.chat)
        if commands != self._commands:
            self._commands = commands
            update = AvailableCommandsUpdate(session_update="available_commands_update", available_commands=commands)
            await self.update(update)

    async def _answer(self, blocks: Sequence[Block]) -> PromptResponse:
        notices, self._notices = self._notices, []
        if self._unused_servers and not self.choices.offers_tools:
            self._unused_servers = False
            names = safe_line(", ".join(self.chat.servers))
            notices.append(safe_format("The MCP servers of the editor are not used while tools are off: {n}.", n=names))
        for words in notices:
            await self.update(notice_chunk(words))
        prepared = asyncio.create_task(self._prepared(blocks))
        stopped = asyncio.create_task(self._stop.wait())
        try:
            await asyncio.wait({prepared, stopped}, return_when=asyncio.FIRST_COMPLETED)
            if not prepared.done():
                return PromptResponse(stop_reason="cancelled")
            turn = await prepared
        finally:
            prepared.cancel()
            stopped.cancel()
        return turn if isinstance(turn, PromptResponse) else await self._stream(turn)

    async def _prepared(self, blocks: Sequence[Block]) -> Turn | PromptResponse:
        """Return the turn that answers a prompt, or the response to one that needs none."""
        result = await self._command(blocks)
        if result and result.send is None:
            await self.update(text_chunk(result.text, f"command-{uuid4().hex[:12]}"))
            await self._tell_title()
            return PromptResponse(stop_reason="end_turn")
        if result and result.send:
            sent = result.send
            node = self.chat.session.add(sent.message, sent.parent) if sent.message else sent.parent
            assert node, "an answer needs a question"
            return self.chat.session.send(node, sent.model, think=sent.think)
        content = await prompt_content(blocks, self.chat, self._confirm, self._read_buffer)
        if isinstance(content, Failure):
            raise request_error(content)
        return await self._sent(content)

    async def _command(self, blocks: Sequence[Block]) -> CommandResult | None:
        texts = [block.text for block in blocks if isinstance(block, TextContentBlock)]
        result = await run_slash_command(self.chat, "".join(texts).strip()) if len(texts) == len(blocks) else None
        if isinstance(result, Failure):
            raise request_error(result)
        return result

    async def _sent(self, content: PromptContent) -> Turn | PromptResponse:
        message, session = content.message, self.chat.session
        if not message.text.strip() and not message.attachments:
            raise request_error(Failure(FailureKind.BAD_REQUEST, safe_format("The prompt is empty.")))
        for words in content.notes:
            await self.update(notice_chunk(words))
        if not await self._may_send(message):
            await self.update(notice_chunk(safe_format("The prompt was not sent.")))
            return PromptResponse(stop_reason="end_turn")
        session.remember(message.words)
        return session.send(session.add(message, session.conversation.head))

    async def _may_send(self, message: Message) -> bool:
        secret = self.chat.find_secret(message)
        return not secret or await self._confirm(safe_format("{secret} Send it?", secret=secret))

    async def _confirm(self, question: Safe) -> bool:
        return await confirm(question, self._ask_client, self.update)

    async def _read_buffer(self, path: str) -> str | None:
        """Return the text of a file as the client has it, None if it does not tell."""
        if not self._reads_files:
            return None
        try:
            return (await self._client.read_text_file(session_id=self._name, path=path)).content
        except GONE:
            return None

    async def _ask_client(self, question: CallInQuestion, options: list[PermissionOption]) -> RequestPermissionResponse:
        return await self._client.request_permission(self._name, question, options)

    async def _stream(self, turn: Turn) -> PromptResponse:
        self._turn = turn
        if self._stop.is_set():
            turn.cancel()
        updates = TurnUpdates(self.chat.cwd)
        questions: set[asyncio.Task[None]] = set()
        try:
            async with aclosing(turn.events()) as events:
                async for event in events:
                    for update in updates.read(event):
                        await self.update(update)
                    if isinstance(event, ApprovalAsked):
                        question = asyncio.create_task(self._decide(turn, event))
                        questions.add(question)
                        question.add_done_callback(questions.discard)
                    if isinstance(event, StepCounted):
                        await self._tell_usage(event)
        finally:
            for question in questions:
                question.cancel()
        ended = updates.pieces.ended
        assert ended, "a turn ends with TurnEnded"
        await self._tell_title()
        await self.tell_commands()
        return await self._response(ended)

    async def _decide(self, turn: Turn, asked: ApprovalAsked) -> None:
        name = call_name(asked.turn_id, asked.request.call)
        turn.answer(asked.request, await decide(asked.request, name, self.chat.cwd, self._ask_client))

    async def _response(self, ended: TurnEnded) -> PromptResponse:
        reason = _STOP_REASONS.get(ended.outcome)
        if reason is None:
            words = safe_format("The reply is incomplete ({outcome}).", outcome=Safe(ended.outcome))
            failure = ended.failure or Failure(FailureKind.CUT, words, safe_format("Send /continue, or /retry."))
            raise request_error(failure, ended.outcome)
        if ended.failure:
            await self.update(notice_chunk(ended.failure.message))
        return PromptResponse(stop_reason=reason, usage=_counts(ended.usage))

    async def _tell_usage(self, counted: StepCounted) -> None:
        """Send the tokens in the window and the cost of the session, if the window of the model is known."""
        last = counted.requests[-1] if counted.requests else None
        info = self.chat.providers.model_info(last.origin.ref) if last else None
        if last is None or last.usage is None or info is None or not info.context:
            return
        costs = [total.cost for total in self.chat.session.totals.values()]
        known = [cost for cost in costs if cost is not None]
        await self.update(
            UsageUpdate(
                session_update="usage_update",
                used=last.usage.input + last.usage.output,
                size=info.context,
                cost=Cost(amount=float(sum(known, Decimal(0))), currency="USD") if len(known) == len(costs) else None,
            )
        )

    async def _tell_title(self) -> None:
        """Send the title of the saved chat if it has changed."""
        store, name = self.chat.session.chat_store, self.chat.session.chat_id
        info = await store.find(name) if store and name else None
        if info is None or isinstance(info, Failure) or not info.title or info.title == self._title:
            return
        self._title = info.title
        await self.update(
            SessionInfoUpdate(
                session_update="session_info_update", title=safe_line(info.title), updated_at=iso_time(info.updated)
            )
        )


def iso_time(seconds: float) -> str:
    """Return seconds since 1970 as ISO 8601 in UTC."""
    return moment(seconds, UTC).isoformat(timespec="seconds")


def _counts(usage: Usage) -> TokenCounts:
    return TokenCounts(
        total_tokens=usage.input + usage.output,
        input_tokens=usage.input,
        output_tokens=usage.output,
        thought_tokens=usage.reasoning,
        cached_read_tokens=usage.cached,
        cached_write_tokens=usage.cache_write,
    )
