"""The command line: flags and words to a `Launch`. The only importer of typer, and not loaded without arguments."""

import inspect
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from termchat import __version__
from termchat.app import Launch, run
from termchat.cli import replay as subcommands
from termchat.config.setting_types import Boolean, TextList
from termchat.config.settings import SETTINGS, Setting
from termchat.core.chats import ExportFormat, UsageGroup
from termchat.core.errors import Failure, FailureKind
from termchat.core.outcomes import ExitCode
from termchat.core.sanitize import safe_format, safe_line
from termchat.ui.stderr import Stderr

# Recognised only as the very first argument. The words are taken for ever, so that a prompt of today is never a
# subcommand of tomorrow.
RESERVED = frozenset((
    "models", "chats", "usage", "config", "themes", "tools", "mcp", "doctor", "batch", "serve", "replay", "suggest",
    "schema", "completion", "login", "prompts",
))  # fmt: skip
_SHORT = {"model": "-m", "system": "-s"}
_EXITS = "Exit codes: " + ", ".join(f"{code.value} {code.description}" for code in ExitCode) + "."
_HELP = f"""Chat with a language model: termchat alone starts the chat, words or a pipe ask one question.

{_EXITS}"""


def main(arguments: list[str], env: Mapping[str, str]) -> int:
    """Parse and run; the exit code."""
    command = arguments[0] if arguments else ""
    if command == "chats":
        return _chats(arguments[1:], env)
    if command in _COMMANDS:
        return _parse(_COMMANDS[command](env), arguments[1:], f"termchat {command}")
    if command in RESERVED:
        words = safe_format('"termchat {name}" is not part of this version.', name=safe_line(command))
        hint = safe_format("A prompt that begins with this word goes behind -p.")
        Stderr().failure(Failure(FailureKind.BAD_CONFIG, words, hint))
        return ExitCode.USAGE
    return _parse(_chat(env), arguments, "termchat")


def _parse(command: Callable[..., int], arguments: list[str], name: str) -> int:
    """Run a command over its arguments; wrong ones are told on standard error, with exit code 2."""
    parser = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
    parser.command(context_settings={"help_option_names": ["-h", "--help"]})(command)
    try:
        parser(arguments, prog_name=name)
    except SystemExit as done:
        return done.code if isinstance(done.code, int) else ExitCode.USAGE
    return ExitCode.COMPLETE


def _chat(env: Mapping[str, str]) -> Callable[..., int]:
    """The command for a prompt; the flags of settings come from their declarations."""

    def chat(**given: Any) -> int:
        words = [*(given.pop("prompt_option") or ()), *(given.pop("prompt") or ())]
        launch = Launch(
            words=" ".join(words),
            files=tuple(given.pop("file") or ()),
            read_input=not given.pop("no_stdin"),
            raw=given.pop("raw"),
            tools=not given.pop("no_tools"),
            saved=not given.pop("no_save"),
            record=given.pop("record") or "",
            schema=given.pop("schema") or "",
            continue_cut=given.pop("continue_cut"),
            chat=given.pop("chat") or "",
            last=given.pop("last"),
            quiet=given.pop("quiet"),
            verbose=given.pop("verbose"),
            sets=tuple(given.pop("sets") or ()),
            settings={key: given[key] for key in SETTINGS if given.get(key) not in (None, False, [])},
        )
        raise typer.Exit(run(launch, env))

    return _with_signature(
        chat,
        {
            "prompt": (Annotated[list[str] | None, typer.Argument(help="The question.")], None),
            "prompt_option": _option(list[str] | None, None, "-p", "--prompt", help="The question, as it is."),
            "file": _option(list[str] | None, None, "-f", "--file", help="Attach a text, an image, a PDF."),
            "no_stdin": _option(bool, False, "-n", "--no-stdin", help="Do not read standard input."),
            "raw": _option(bool, False, "--raw", help="The reply's exact text, on a terminal too."),
            "no_tools": _option(bool, False, "--no-tools", help="Offer the model no tools."),
            "last": _option(bool, False, "-c", "--continue", help="Go on with the last chat of this directory."),
            "chat": _option(str | None, None, "--chat", help="Go on with a chat, by its id or its title."),
            "no_save": _option(bool, False, "--no-save", help="Leave nothing of the chat behind."),
            "schema": _option(str | None, None, "--schema", help="JSON as a schema says: a file, or 'name, age int'."),
            "record": _option(str | None, None, "--record", help="Write the raw bytes of all responses to a file."),
            "continue_cut": _option(int, 0, "--continue-cut", min=0, help="Go on so often where a reply stopped."),
            "sets": _option(list[str] | None, None, "--set", help="KEY=VALUE: any setting, for this run."),
            "quiet": _option(bool, False, "-q", "--quiet", help="Only the reply and errors."),
            "verbose": _option(bool, False, "-v", "--verbose", help="Tokens and cost on standard error."),
            "version": _option(bool, False, "--version", help="Show the version.", callback=_version, is_eager=True),
            **{key: _setting_option(setting) for key, setting in SETTINGS.items() if setting.flag},
        },
    )  # fmt: skip


def _models(env: Mapping[str, str]) -> Callable[..., int]:
    def models(
        query: Annotated[str, typer.Argument(help="Part of a name.")] = "",
        fresh: Annotated[bool, typer.Option("--fresh", help="Ask the servers, not the cache of a day.")] = False,
        as_json: Annotated[bool, typer.Option("--json", help="One JSON array.")] = False,
    ) -> int:
        raise typer.Exit(subcommands.models(query, env, fresh=fresh, as_json=as_json))

    models.__doc__ = "The models of the providers you have a key for, as provider/model."
    return models


def _config(env: Mapping[str, str]) -> Callable[..., int]:
    def config() -> int:
        raise typer.Exit(subcommands.show_config(env))

    config.__doc__ = "Every setting with its value and where it came from."
    return config


def _themes(env: Mapping[str, str]) -> Callable[..., int]:
    def themes() -> int:
        raise typer.Exit(subcommands.themes(env))

    themes.__doc__ = "Every theme with a sample of it."
    return themes


def _replay(env: Mapping[str, str]) -> Callable[..., int]:
    def replay(
        file: Annotated[str, typer.Argument(help="What --record wrote.")],
        speed: Annotated[float, typer.Option("--speed", min=0.0, help="2 is twice as fast, 0 at once.")] = 1.0,
        raw: Annotated[bool, typer.Option("--raw", help="The exact text, on a terminal too.")] = False,
    ) -> int:
        raise typer.Exit(subcommands.replay(file, speed, Launch(raw=raw), env))

    replay.__doc__ = "Play recorded responses again, without a network."
    return replay


def _usage(env: Mapping[str, str]) -> Callable[..., int]:
    def usage(
        by: Annotated[UsageGroup, typer.Option("--by", help="What to add up by.")] = UsageGroup.MODEL,
        since: Annotated[str, typer.Option("--since", help="12h, 7d, 2w or a date.")] = "30d",
        as_json: Annotated[bool, typer.Option("--json", help="One JSON array.")] = False,
    ) -> int:
        from termchat.ui.relative_time import since as moment

        begin = moment(since, time.time())
        if isinstance(begin, Failure):
            Stderr().failure(begin)
            raise typer.Exit(ExitCode.USAGE)
        raise typer.Exit(subcommands.usage(by, begin, env, as_json=as_json))

    usage.__doc__ = "Tokens and cost of everything that was asked."
    return usage


def _chats(arguments: list[str], env: Mapping[str, str]) -> int:
    """`termchat chats [QUERY]`, or one of its own subcommands as the very next word."""
    from termchat.cli import chats

    def listed(
        query: Annotated[list[str] | None, typer.Argument(help="Words of the title or the text.")] = None,
        as_json: Annotated[bool, typer.Option("--json", help="One JSON array.")] = False,
    ) -> int:
        raise typer.Exit(
            subcommands.chats(env, lambda kept: chats.show_chats(kept, " ".join(query or ()), as_json=as_json))
        )

    def rm(chat: _Chat, sure: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False) -> int:
        raise typer.Exit(subcommands.chats(env, lambda kept: chats.remove_chat(kept, chat, sure=sure)))

    def restore(
        chat: Annotated[str, typer.Argument(help="Its id; without one they are listed.")] = "",
    ) -> int:
        raise typer.Exit(subcommands.chats(env, lambda kept: chats.restore_chat(kept, chat)))

    def export(
        chat: Annotated[str, typer.Argument(help="Its id or its title; without one, all chats.")] = "",
        form: Annotated[ExportFormat, typer.Option("--format", help="json keeps everything.")] = ExportFormat.MARKDOWN,
        output: Annotated[str, typer.Option("-o", "--output", help="A file; standard output without one.")] = "",
    ) -> int:
        raise typer.Exit(subcommands.chats(env, lambda kept: chats.export_chats(kept, chat, form, _path(output))))

    def import_(file: Annotated[str, typer.Argument(help="Of termchat, ChatGPT, Claude or llm.")]) -> int:
        raise typer.Exit(subcommands.chats(env, lambda kept: chats.import_chats(kept, Path(file).expanduser())))

    listed.__doc__ = "The kept chats, newest first. Also: chats rm, restore, export, import."
    rm.__doc__ = "Delete a chat; it can be restored for thirty days."
    restore.__doc__ = "Bring a deleted chat back."
    export.__doc__ = "Write one chat or all of them as Markdown, JSON, HTML or text."
    import_.__doc__ = "Take in chats from a file; doing it twice adds nothing."
    acts = {"rm": rm, "restore": restore, "export": export, "import": import_}
    if arguments and arguments[0] in acts:
        return _parse(acts[arguments[0]], arguments[1:], f"termchat chats {arguments[0]}")
    return _parse(listed, arguments, "termchat chats")


def _path(name: str) -> Path | None:
    return Path(name).expanduser() if name not in ("", "-") else None


_Chat = Annotated[str, typer.Argument(help="Its id, the beginning of one, or its title.")]
_COMMANDS = {"models": _models, "config": _config, "themes": _themes, "usage": _usage, "replay": _replay}


def _with_signature(command: Callable[..., int], parameters: Mapping[str, tuple[Any, Any]]) -> Callable[..., int]:
    """A function of keyword arguments with the signature that typer is to see."""
    kind = inspect.Parameter.KEYWORD_ONLY
    shown = [
        inspect.Parameter(name, kind, default=default, annotation=hint) for name, (hint, default) in parameters.items()
    ]
    command.__signature__ = inspect.Signature(shown)  # type: ignore[attr-defined]
    command.__annotations__ = {name: hint for name, (hint, _) in parameters.items()}
    command.__doc__ = _HELP
    return command


def _option(kind: Any, default: object, *names: str, help: str, **more: Any) -> tuple[Any, Any]:  # noqa: A002, its name
    return Annotated[kind, typer.Option(*names, help=help, **more)], default


def _setting_option(setting: Setting) -> tuple[Any, Any]:
    names = [name for name in (_SHORT.get(setting.key), setting.flag) if name]
    if isinstance(setting.kind, Boolean):
        return _option(bool, False, *names, help=setting.help)
    if isinstance(setting.kind, TextList):
        return _option(list[str] | None, None, *names, help=f"{setting.help} May be repeated.")
    return _option(str | None, None, *names, help=setting.help)


def _version(wanted: bool) -> None:
    if wanted:
        sys.stdout.write(f"termchat {__version__}\n")
        raise typer.Exit
