"""Effects on saved chats, each of which returns further effects, and the transcript of saved messages."""

from __future__ import annotations

import asyncio
import os
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import assert_never

from termchat.commands.answers.new_file import save_text
from termchat.commands.branches.tree import number_of
from termchat.commands.model import failure_effects
from termchat.config.paths import user_path
from termchat.config.runtime import RuntimeSettings
from termchat.config.settings import ReasoningView, UsageLine
from termchat.core.chat_store import ChatStore, Resumed
from termchat.core.chats import ChatInfo, SearchHit
from termchat.core.conversation import Conversation
from termchat.core.effects import (
    ChangeSetting,
    ChatEffect,
    Choice,
    Choose,
    EditRule,
    Effect,
    Export,
    Fork,
    ListChats,
    MoveHead,
    OpenChat,
    Print,
    Rename,
    SaveText,
    SetLabel,
    ShowBudget,
    ShowMessages,
    UsePrompt,
    UseSettings,
)
from termchat.core.errors import Failure, error_reason
from termchat.core.messages import Message, Reasoning, Role, Search, Text, ToolCall, ToolResult, user_message
from termchat.core.models import ModelRef
from termchat.core.provider import Providers
from termchat.core.sanitize import Safe, counted, join, safe, safe_format, safe_line
from termchat.core.session import Session
from termchat.core.style import TextRole
from termchat.core.usage import Usage, token_weight
from termchat.ui.blocks import Block, EndOfText, ReasoningText, ReplyText, Sources, StaticLines, ToolCard
from termchat.ui.phrases import (
    age,
    attachment_label,
    budget_lines,
    count,
    import_words,
    lacking_words,
    saved_outcome_line,
    saved_usage_line,
    searched_line,
    size,
    switch_words,
)
from termchat.ui.text.line import styled_line
from termchat.ui.tools.rule_effects import edit_rule
from termchat.ui.turn_state import ViewState

_LISTED = 50
_SHOWN_TURNS = 3


async def run_chat_effect(session: Session, effect: ChatEffect) -> Sequence[Effect]:
    """Perform an effect on the saved chats, files or rules; return the effects that report the result."""
    if isinstance(effect, EditRule | UsePrompt | UseSettings | ShowBudget | SaveText | SetLabel):
        return await _without_store(session, effect)
    store = session.chat_store
    if store is None:
        return (Print(safe_format("Chats are not saved in this session.")),)
    match effect:
        case ListChats(query):
            return await _list(store, session, query)
        case OpenChat(chat, found):
            return await _open(store, session, chat, found)
        case Rename(title):
            await store.rename(session.chat_id, title)
            session.rename(title)
            return (Print(safe_format('Renamed this chat to "{title}".', title=safe_line(title))),)
        case Fork(title):
            return _report_fork(await session.fork(title))
        case Export():
            return await _export(store, session, effect)
    assert_never(effect)


async def _without_store(
    session: Session, effect: EditRule | UsePrompt | UseSettings | ShowBudget | SaveText | SetLabel
) -> Sequence[Effect]:
    """Perform an effect that saved chats are not needed for."""
    match effect:
        case EditRule():
            return await edit_rule(session, effect)
        case UsePrompt():
            return await _use_prompt(session, effect)
        case UseSettings(settings):
            session.update_settings(lambda _: settings, lasting=False)
        case ShowBudget():
            return tuple(map(Print, budget_lines(await session.read_budget())))
        case SaveText():
            return await _save(effect)
        case SetLabel(node, text):
            session.label(node, text)
    return ()


async def _use_prompt(session: Session, effect: UsePrompt) -> Sequence[Effect]:
    text = await session.tools.prompt(effect.name, effect.arguments) if session.tools else ""
    if isinstance(text, Failure):
        return failure_effects(text)
    return (MoveHead(session.conversation.head, user_message(text)),)


async def _save(effect: SaveText) -> Sequence[Effect]:
    """Write a text to a file; if there is one, return the question whether to overwrite it."""
    name, text = safe_line(effect.file), effect.text if effect.text.endswith("\n") else f"{effect.text}\n"
    try:
        await asyncio.to_thread(save_text, effect.file, text, overwrite=effect.overwrite)
    except FileExistsError:
        keep = Choice(safe_format("Keep it"), effects=(Print(safe_format("{file} was not written.", file=name)),))
        return (
            Choose(
                safe_format("{file} exists", file=name),
                (keep, Choice(safe_format("Overwrite it"), effects=(replace(effect, overwrite=True),))),
            ),
        )
    except (OSError, RuntimeError, ValueError) as error:  # links in a circle; a name with a NUL
        why = error_reason(error)
        return (Print(safe_format("Cannot write {file}: {why}.", file=name, why=why), TextRole.ERROR),)
    what = effect.what or safe_format("the last answer")
    n = size(len(text.encode("utf-8", "replace")))
    return (Print(safe_format("Wrote {what} to {file} ({size}).", what=what, file=name, size=n)),)


def resume_banner(session: Session, resumed: Resumed) -> Sequence[Effect]:
    """Return the effects that show a resumed chat: its title and age, and its last turns."""
    info = resumed.info
    turns = counted(info.turns, "turn")
    when = age(info.updated, time.time())
    banner = safe_format('— resumed "{title}", {n}, {when} —', title=safe_line(info.title), n=turns, when=when)
    effects: list[Effect] = [Print(banner), *_last_turns(session)]
    if resumed.forked:
        effects.append(Print(safe_format("Another termchat has this chat open; new messages go to a new chat.")))
    return effects


def _last_turns(session: Session) -> Sequence[Effect]:
    """Return the effects that show the last questions and replies."""
    path = session.conversation.path()
    questions = [n for n, node in enumerate(path) if node.message.role is Role.USER]
    begin = questions[-_SHOWN_TURNS] if len(questions) >= _SHOWN_TURNS else 0
    return [ShowMessages(tuple(node.message for node in path[begin:]))] if path else []


async def _list(store: ChatStore, session: Session, query: str) -> Sequence[Effect]:
    page = await store.chats(query, limit=_LISTED)
    choices = chat_choices(page.chats, session, query)
    if not choices:
        return (Print(safe_format("No chat matches.") if query else safe_format("No other chats yet.")),)
    hits = {hit.chat: hit for hit in reversed(await store.search(query))} if query else {}
    named = [replace(c, detail=_with_snippet(c.detail, hits[c.name])) if c.name in hits else c for c in choices]
    return (Choose(safe_format("Chats"), tuple(named)),)


def _with_snippet(detail: Safe, hit: SearchHit) -> Safe:
    return safe_format('{detail} · "{text}"', detail=detail, text=safe_line(hit.snippet))


def chat_choices(chats: Sequence[ChatInfo], session: Session, query: str = "") -> tuple[Choice, ...]:
    """Return the picker rows of chats found by `query`, without the current one in a list of all; twins show ids."""
    shown = [chat for chat in chats if query.strip() or chat.id != session.chat_id]
    titles = Counter(chat.title for chat in shown)
    return tuple(_choice(chat, session, query, is_twin=titles[chat.title] > 1) for chat in shown)


def _choice(chat: ChatInfo, session: Session, query: str, *, is_twin: bool) -> Choice:
    parts = [age(chat.updated, time.time()), counted(chat.turns, "turn")]
    if chat.directory and chat.directory != session.location.directory:
        parts.append(safe_line(Path(chat.directory).name))
    if chat.one_shot:
        parts.append(safe_format("one-shot"))
    if chat.open_elsewhere:
        parts.append(safe_format("open elsewhere"))
    if chat.id == session.chat_id:
        parts.append(safe_format("this chat"))
    if is_twin:  # a fork, or a question that was asked twice
        parts.append(safe_line(chat.id[:4]))
    return Choice(safe_line(chat.title), join(" · ", parts), (OpenChat(chat.id, query.strip()),), name=chat.id)


async def _open(store: ChatStore, session: Session, name: str, words: str) -> Sequence[Effect]:
    found = await store.find(name)
    if isinstance(found, Failure):
        file = await asyncio.to_thread(_existing, name)
        return await _open_file(store, session, file) if file else _refused(found)
    hit = next(iter(await store.search(words, 1, found.id)), None) if words else None
    if found.id == session.chat_id:
        return _found(session, hit) or (Print(safe_format("This chat is open already; /redraw prints it again.")),)
    resumed = await session.resume(found.id)
    if isinstance(resumed, Failure):
        return _refused(resumed)
    return (*resume_banner(session, resumed), *_found(session, hit), *draft_effects(session, resumed))


def draft_effects(session: Session, resumed: Resumed) -> Sequence[Effect]:
    """Return the effect that puts the draft of a resumed chat into the input."""
    return (MoveHead(session.conversation.head, user_message(resumed.draft)),) if resumed.draft else ()


def _existing(name: str) -> Path | None:
    with suppress(OSError, ValueError):
        file = user_path(name)
        return file if file.exists() else None
    return None


async def _open_file(store: ChatStore, session: Session, file: Path) -> Sequence[Effect]:
    """Import the chats of a file, and open the only one or return the list of all."""
    report = await store.import_file(file)
    if isinstance(report, Failure):
        return _refused(report)
    left_out = [
        Print(safe_format("{name}: {why}", name=safe_line(s.name), why=s.why)) for s in report.skipped[:_LISTED]
    ]
    words = import_words(report)
    if report.read == 1:
        return (Print(words), *left_out, *await _open(store, session, report.last, ""))
    return (Print(words), *left_out, *((ListChats(),) if report.read else ()))


def _found(session: Session, hit: SearchHit | None) -> Sequence[Effect]:
    """Return the effects that show the message that a search found: its turn, then its number.

    The words found come before the number, unless they are the whole message.
    """
    conversation = session.conversation
    if hit is None or hit.node not in conversation.nodes:
        return ()
    number = number_of(conversation, hit.node)
    title = safe_format("— found in message {n} —", n=safe(str(number)))
    whole = safe_line(hit.snippet) == safe_line(conversation.nodes[hit.node].message.text.strip())
    words = [] if whole else [Print(safe_format('"{text}"', text=safe_line(hit.snippet)), TextRole.TEXT)]
    hint = safe_format("/goto {n} continues from there.", n=safe(str(number)))
    turn = ShowMessages(tuple(node.message for node in conversation.turn(hit.node)))
    return (Print(title), turn, *words, Print(hint))


def _report_fork(resumed: Resumed | Failure) -> Sequence[Effect]:
    if isinstance(resumed, Failure):
        return _refused(resumed)
    return (Print(safe_format("— forked: this is a new chat, the original is unchanged —")),)


async def _export(store: ChatStore, session: Session, effect: Export) -> Sequence[Effect]:
    pieces: list[str] = []
    async for piece in store.export(effect.form, [session.chat_id], session.conversation.head):
        if isinstance(piece, Failure):
            return _refused(piece)
        pieces.append(piece)
    data = "".join(pieces).encode("utf-8", "replace")
    try:
        await asyncio.to_thread(_write_new, effect.file, data)
    except (OSError, ValueError) as error:
        why = error_reason(error)
        words = safe_format("Cannot write {file}: {why}.", file=safe_line(effect.file), why=why)
        return (Print(words, TextRole.ERROR), Print(safe_format("Choose another name with /export.")))
    return (Print(safe_format("Written to {file} ({size}).", file=safe_line(effect.file), size=size(len(data)))),)


def _write_new(name: str, data: bytes) -> None:
    """Write a new file that only the user can read. Raises OSError, also if the file exists, and ValueError."""
    fd = os.open(os.path.expanduser(name), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(fd, "wb") as file:
        file.write(data)


def _refused(failure: Failure) -> Sequence[Effect]:
    hint = (Print(failure.hint),) if failure.hint else ()
    return (Print(failure.message, TextRole.ERROR), *hint)


def configured(preferences: RuntimeSettings | None, effect: ChangeSetting) -> tuple[bool, Sequence[Effect]]:
    """Change a setting; return True if it was changed, and the effects that report the result."""
    if preferences is None:
        return False, (Print(safe_format("No settings are available here.")),)
    done = preferences.change(effect.key, effect.value, save=effect.save)
    return (False, failure_effects(done)) if isinstance(done, Failure) else (True, (Print(done),))


async def switch_effects(session: Session, providers: Providers, model: ModelRef) -> Sequence[Print]:
    """Return the effects that say what a model that the chat was switched to lacks, and what a question costs."""
    info = providers.model_info(model)
    cost = await session.switch_cost(model)
    words = lacking_words(info)
    words += switch_words(cost, info.context if info else None) if cost else []
    effects = [Print(join(" · ", words))] if words else []
    if key := providers.missing_key(model.provider):
        name = safe_line(model.provider)
        hint = safe_format("No key for it: /login {name}, or set {key} and start again.", name=name, key=key)
        effects.insert(0, Print(hint, TextRole.WARNING))
    return effects


def saved_transcript(
    messages: Sequence[Message], conversation: Conversation, view: ViewState
) -> Iterator[Message | Block]:
    """Yield the questions among the messages as they are, and the blocks of everything else.

    A reply ends with its outcome unless it is complete, and with its usage if the view shows that; a question without
    a reply ends with a line that says so. The durations of saved turns are not known.
    """
    numbers = {id(result): n for n, (_, result) in enumerate(conversation.tool_results(), 1)}
    at = 0
    while at < len(messages):
        end = next((n for n in range(at + 1, len(messages)) if messages[n].role is Role.USER), len(messages))
        turn = messages[at:end]
        if turn[0].role is Role.USER:
            yield turn[0]
        yield from _reply(turn, numbers, view)
        at = end


def message_line(message: Message) -> Safe:
    """Return a question as it was entered, the labels of its attachments first."""
    return Safe(" ".join((*map(attachment_label, message.attachments), safe(message.words))).rstrip())


def _reply(turn: Sequence[Message], numbers: Mapping[int, int], view: ViewState) -> Iterator[Block]:
    """Yield the blocks of the replies and tool results of one turn."""
    results = {result.call_id: result for message in turn for result in message.results}
    replies = [message for message in turn if message.role is Role.ASSISTANT]
    for message in replies:
        yield from _parts(message, results, numbers, view)
    if sources := [source for message in replies for source in message.sources]:
        yield Sources(tuple({source.url: source for source in sources}.values()))
    last = turn[-1]
    mark = saved_outcome_line(last.outcome) if last.outcome else safe_format("■ no reply")
    lines = [styled_line(mark, TextRole.WARNING)] if mark else []
    origin = replies[-1].origin if replies else None
    usage = sum((message.usage for message in replies if message.usage), Usage())
    if view.usage_line is not UsageLine.OFF and origin and usage != Usage():
        words = saved_usage_line(origin.ref, usage, full=view.usage_line is UsageLine.FULL)
        lines.append(styled_line(words, TextRole.DIM))
    if lines:
        yield StaticLines(tuple(lines))


def _parts(
    message: Message, results: Mapping[str, ToolResult], numbers: Mapping[int, int], view: ViewState
) -> Iterator[Block]:
    speaking = carded = False
    for part in message.parts:
        if speaking and not isinstance(part, Text):
            yield EndOfText()
        speaking = isinstance(part, Text) and (speaking or bool(part.text.strip()))
        match part:
            case Text() if speaking:
                yield ReplyText(part.text)
            case Reasoning():
                yield from _reasoning(part, view)
            case Search() if part.queries:
                yield StaticLines((styled_line(searched_line(part.queries), TextRole.DIM),))
            case ToolCall():
                yield _card(part, results.get(part.id), numbers, gap=not carded)
                carded = True
            case _:
                pass
    if speaking:
        yield EndOfText()


def _card(call: ToolCall, result: ToolResult | None, numbers: Mapping[int, int], *, gap: bool) -> Block:
    if result is None:
        result = ToolResult(call.id, call.name, (Text("not run"),), is_error=True)
    return ToolCard(numbers.get(id(result), 0), call, result, None, gap=gap)


def _reasoning(part: Reasoning, view: ViewState) -> Iterator[Block]:
    if view.reasoning is ReasoningView.FULL and part.text:
        yield ReasoningText(part.text)
        yield EndOfText()
    if part.redacted and not part.text.strip():
        words = safe_format("✻ thought (hidden by the provider)")
    elif part.text.strip():
        words = safe_format("✻ thought · ~{n} tok", n=count(round(token_weight(part.text))))
    else:
        return
    steps = [view.step_labels.read] if view.step_labels.read and part.text else []
    yield StaticLines((styled_line(join(" · ", [words, *steps]), TextRole.REASONING),))
