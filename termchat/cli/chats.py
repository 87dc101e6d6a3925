"""`termchat chats`: list, delete, restore, export and import chats, without the REPL."""

import inspect
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer

from termchat.cli.command import run_typer, with_store
from termchat.cli.print_table import Column, Fit, print_json, print_table, terminal_width
from termchat.commands.answers.new_file import NewFile
from termchat.config.paths import user_path
from termchat.core.chat_store import ChatStore
from termchat.core.chats import ChatInfo, ExportFormat
from termchat.core.errors import Failure, FailureKind, error_reason
from termchat.core.outcomes import ExitCode
from termchat.core.sanitize import EMPTY, Safe, counted, safe_format, safe_line
from termchat.ui.phrases import age, count, import_words
from termchat.ui.stderr import Stderr, print_stdout, warn

_MOST = 1_000_000  # chats in a pipe and in JSON: all of them
_MOST_ON_TERMINAL = 50
_ROOM_FOR_MODEL = 80  # columns of a terminal from which models and one-shots are shown
_MODEL = 24  # characters of a model's name


def run(arguments: list[str], env: Mapping[str, str]) -> int:
    """Parse the arguments of `termchat chats`, run it or the action that the first one names; return the exit code."""
    name = _ALIASES.get(arguments[0], arguments[0]) if arguments else ""
    if action := _COMMANDS.get(name):
        return run_typer(action, arguments[1:], f"termchat chats {name}", env)
    return run_typer(print_chats, arguments, "termchat chats", env, ACTIONS)


def print_chats(
    context: typer.Context,
    query: Annotated[
        list[str] | None, typer.Argument(metavar="WORDS", help="Show only chats that contain these words.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON array.")] = False,
    one_shot: Annotated[
        bool | None, typer.Option("--one-shot/--no-one-shot", help="Show only, or hide, one-shots never continued.")
    ] = None,
) -> None:
    """List the saved chats, newest first."""
    words = " ".join(query or ())
    raise typer.Exit(with_store(context, lambda store: _show(store, words, as_json=as_json, one_shot=one_shot)))


def delete_chat(
    context: typer.Context,
    chat: Annotated[str, typer.Argument(metavar="CHAT", help="The chat's id, the beginning of its id, or its title.")],
    sure: Annotated[bool, typer.Option("--yes", "-y", help="Delete without confirmation.")] = False,
) -> None:
    """Delete a chat; it can be restored for 30 days."""
    raise typer.Exit(with_store(context, lambda store: _remove(store, chat, sure=sure)))


def restore_chat(
    context: typer.Context,
    chat: Annotated[
        str | None, typer.Argument(metavar="CHAT", help="The chat's id or title; omit it to list the deleted chats.")
    ] = None,
) -> None:
    """Restore a deleted chat."""
    raise typer.Exit(with_store(context, lambda store: _restore(store, chat)))


def export_chats(
    context: typer.Context,
    chat: Annotated[
        str | None, typer.Argument(metavar="CHAT", help="The chat's id or title; omit it to export all chats.")
    ] = None,
    form: Annotated[
        ExportFormat,
        typer.Option("--format", metavar="md|json|html|txt", help="The format; only json keeps everything."),
    ] = ExportFormat.MARKDOWN,
    output: Annotated[
        str,
        typer.Option(
            "-o", "--output", metavar="FILE", show_default=False, help="Write to this file instead of standard output."
        ),
    ] = "-",
    force: Annotated[bool, typer.Option("--force", help="Overwrite the file without asking on a terminal.")] = False,
) -> None:
    """Export one chat or all chats as Markdown, JSON, HTML or text."""
    if output == "-":
        raise typer.Exit(with_store(context, lambda store: _export(store, chat, form, print_stdout)))
    file = user_path(output)
    question = safe_format("{file} exists. Overwrite it? [y/N] ", file=safe_line(output))
    if not force and os.path.isfile(file) and _asks() and not _confirmed(question):
        warn(safe_format("{file} was not written. Use --force to overwrite it.", file=safe_line(output)))
        raise typer.Exit(ExitCode.ERROR)
    try:
        with NewFile(file) as new:
            code = with_store(context, lambda store: _export(store, chat, form, new.write))
            if code == ExitCode.COMPLETE:
                new.keep()
    except OSError as error:
        why = error_reason(error)
        words = safe_format("Cannot write {file}: {why}.", file=safe_line(output), why=why)
        raise typer.Exit(_refused(Failure(FailureKind.STORAGE, words))) from None
    if code != ExitCode.COMPLETE:
        warn(safe_format("{file} was not written.", file=safe_line(output)))
    raise typer.Exit(code)


def import_chats(
    context: typer.Context,
    file: Annotated[
        str,
        typer.Argument(
            metavar="FILE",
            help="An export of termchat, ChatGPT, Claude or llm; a session of Claude Code, Codex, pi or aichat, or a "
            "folder of them.",
        ),
    ],
) -> None:
    """Import chats of termchat and other programs; chats that exist already get their new messages."""
    if not file:
        raise typer.Exit(_refused(_no_file_name()))
    raise typer.Exit(with_store(context, lambda store: _import(store, user_path(file))))


_COMMANDS: Mapping[str, Callable[..., None]] = {
    "list": print_chats,
    "rm": delete_chat,
    "restore": restore_chat,
    "export": export_chats,
    "import": import_chats,
}
_ALIASES = {"ls": "list"}
ACTIONS = {name: inspect.getdoc(command) or "" for name, command in _COMMANDS.items()}


async def _show(
    store: ChatStore, query: str, *, as_json: bool, deleted: bool = False, one_shot: bool | None = None
) -> int:
    """Print the chats with `query` in their title or text, newest first; return the exit code."""
    most = _MOST_ON_TERMINAL if sys.stdout.isatty() and not as_json and not deleted else _MOST
    if deleted:
        chats = await store.deleted_chats()
    else:
        chats = (await store.chats(query, limit=most if one_shot is None else _MOST)).chats
    chats = [chat for chat in chats if one_shot is None or chat.one_shot is one_shot][:most]
    if as_json:
        print_json(map(_row, chats))
        return ExitCode.COMPLETE
    if not chats:
        warn(safe_format("No chat contains these words.") if query else safe_format("No saved chats."))
        if query:
            hint = safe_format(
                "`termchat chats` lists all chats; its commands are {names}.", names=Safe(", ".join(ACTIONS))
            )
            warn(hint)
        return ExitCode.ERROR if query else ExitCode.COMPLETE
    _print(chats, [safe_line(await store.short_id(chat.id)) for chat in chats])
    return ExitCode.COMPLETE


async def _remove(store: ChatStore, name: str, *, sure: bool) -> int:
    """Delete a chat after asking for confirmation; return the exit code."""
    found = await store.find(name)
    if isinstance(found, Failure):
        return _refused(found)
    title = safe_line(found.title)
    question = safe_format(
        'Delete "{title}" ({turns})? It can be restored for 30 days. [y/N] ',
        title=title,
        turns=counted(found.turns, "turn"),
    )
    if not sure and not _confirmed(question):
        words = safe_format("Nothing was deleted.")
        return (
            _refused(Failure(FailureKind.BAD_CONFIG, words, safe_format("Use --yes to delete without confirmation.")))
            if not _asks()
            else ExitCode.ERROR
        )
    await store.delete(found.id)
    short = await store.short_id(found.id)
    warn(
        safe_format('Deleted "{title}". Restore it with: termchat chats restore {id}', title=title, id=safe_line(short))
    )
    return ExitCode.COMPLETE


async def _restore(store: ChatStore, name: str | None) -> int:
    """Restore a deleted chat, or list the deleted chats if `name` is None; return the exit code."""
    if name is None:
        return await _show(store, "", as_json=False, deleted=True)
    deleted = await store.deleted_chats()
    matching = [chat for chat in deleted if name.strip() and (chat.id.startswith(name) or chat.title == name)]
    if len(matching) != 1:
        words = 'Several deleted chats match "{name}".' if matching else 'No deleted chat matches "{name}".'
        return _refused(
            Failure(
                FailureKind.NOT_FOUND,
                safe_format(words, name=safe_line(name)),
                safe_format("`termchat chats restore` lists the deleted chats."),
            )
        )
    await store.restore(matching[0].id)
    warn(safe_format('Restored "{title}".', title=safe_line(matching[0].title)))
    return ExitCode.COMPLETE


async def _export(store: ChatStore, name: str | None, form: ExportFormat, put: Callable[[str], object]) -> int:
    """Write one chat, or all chats if `name` is None; report those that cannot be read. Return the exit code."""
    ids: list[str] | None = None
    if name is not None:
        found = await store.find(name)
        if isinstance(found, Failure):
            return _refused(found)
        ids = [found.id]
    code = ExitCode.COMPLETE
    async for piece in store.export(form, ids):
        if isinstance(piece, Failure):
            Stderr().failure(piece)
            code = ExitCode.ERROR
        else:
            put(piece)
    return code


async def _import(store: ChatStore, file: Path) -> int:
    """Import chats from an export file and report each record that cannot be read; return the exit code."""
    report = await store.import_file(file)
    if isinstance(report, Failure):
        return _refused(report)
    for skipped in report.skipped:
        whole = EMPTY if skipped.parts else Safe("Skipped ")
        warn(safe_format("{whole}{name}: {why}", whole=whole, name=safe_line(skipped.name), why=skipped.why))
    warn(import_words(report))
    return ExitCode.COMPLETE if report.chats or report.known or report.messages else ExitCode.ERROR


def _print(chats: Sequence[ChatInfo], ids: Sequence[Safe]) -> None:
    """Print a table on a terminal; in a pipe, id and title separated by a tab."""
    titles = [safe_line(chat.title) for chat in chats]
    if not sys.stdout.isatty():
        print_stdout("".join(f"{chat_id}\t{title}\n" for chat_id, title in zip(ids, titles, strict=True)))
        return
    now = time.time()
    columns = [Column(), Column(right=True), Column(right=True), Column(fit=Fit.CUT), Column()]
    wide = terminal_width() >= _ROOM_FOR_MODEL
    rows = [
        [chat_id, age(chat.updated, now), _turns(chat), title, _mark(chat, wide=wide)]
        for chat_id, title, chat in zip(ids, titles, chats, strict=True)
    ]
    if wide:
        columns.insert(3, Column(fit=Fit.CUT))
        for row, chat in zip(rows, chats, strict=True):
            row.insert(3, safe_line(chat.model.model[:_MODEL]) if chat.model else EMPTY)
    print_table(columns, rows)


def _mark(chat: ChatInfo, *, wide: bool) -> Safe:
    return Safe("(open)") if chat.open_elsewhere else Safe("(one-shot)") if chat.one_shot and wide else EMPTY


def _turns(chat: ChatInfo) -> Safe:
    return count(chat.turns)


def _row(chat: ChatInfo) -> dict[str, object]:
    return {
        "id": chat.id,
        "title": chat.title,
        "model": str(chat.model) if chat.model else None,
        "created": chat.created,
        "updated": chat.updated,
        "turns": chat.turns,
        "directory": chat.directory,
        "one_shot": chat.one_shot,
    }


def _no_file_name() -> Failure:
    return Failure(FailureKind.BAD_REQUEST, safe_format("The name of the file is empty."))


def _asks() -> bool:
    return sys.stdin.isatty() and sys.stderr.isatty()


def _confirmed(question: Safe) -> bool:
    if not _asks():
        return False
    sys.stderr.write(question)
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _refused(failure: Failure) -> int:
    Stderr().failure(failure)
    return ExitCode.USAGE
