"""`termchat login` and `termchat logout`: set up a provider outside of a chat, and remove its key."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any

import typer

from termchat.app.setup import AppSetup
from termchat.cli.command import require_config, run_typer
from termchat.commands.setup.login_flow import run_login
from termchat.commands.setup.logout_flow import log_out
from termchat.commands.setup.outcome_words import outcome_words
from termchat.commands.setup.pasted_key import looks_like_key, read_pasted_key
from termchat.commands.setup.ports import Dialog, DialogCancelledError
from termchat.config.base_urls import invalid_reason, normalise_base_url
from termchat.config.credentials import Credentials, is_reference
from termchat.config.load import Config
from termchat.config.stored_keys import KEYRING, put_in_keyring, write_provider
from termchat.config.toml_file import did_you_mean
from termchat.core.effects import Effect, UseModel
from termchat.core.errors import Failure, FailureKind, exit_code
from termchat.core.models import ApiProtocol, ProviderConfig
from termchat.core.outcomes import ExitCode, Outcome
from termchat.core.sanitize import EMPTY, Safe, counted, safe_format, safe_line
from termchat.core.style import TextRole
from termchat.system import startup_gc
from termchat.ui.plain.line_dialog import LineDialog
from termchat.ui.plain.line_reader import LineReader
from termchat.ui.stderr import Stderr, print_stdout, warn

_STORES = ("file", "keyring")
_PROTOCOLS = tuple(p.value for p in ApiProtocol if p is not ApiProtocol.DEMO)
_MAX_KEY = 65536  # bytes of standard input


def run(arguments: list[str], env: Mapping[str, str]) -> int:
    """Parse the arguments of `termchat login`, run it and return its exit code."""
    return run_typer(print_login, arguments, "termchat login", env)


def run_logout(arguments: list[str], env: Mapping[str, str]) -> int:
    """Parse the arguments of `termchat logout`, run it and return its exit code."""
    return run_typer(print_logout, arguments, "termchat logout", env)


def print_login(
    context: typer.Context,
    provider: Annotated[
        str, typer.Argument(metavar="PROVIDER", help="A vendor, gateway or local server; without it, choose one.")
    ] = "",
    key_stdin: Annotated[
        bool, typer.Option("--key-stdin", help="Read the key from standard input, and ask nothing.")
    ] = False,
    store: Annotated[
        str, typer.Option("--store", metavar="PLACE", help="With --key-stdin, keep the key in: file, keyring.")
    ] = "file",
    base_url: Annotated[
        str | None, typer.Option("--base-url", metavar="URL", help="With --key-stdin, the base URL of the provider.")
    ] = None,
    protocol: Annotated[
        str, typer.Option("--protocol", metavar="NAME", help=f"Its protocol: {', '.join(_PROTOCOLS)}.")
    ] = "openai",
    model: Annotated[
        str | None,
        typer.Option("--model", "-m", metavar="NAME", help="With --key-stdin, the default model of the provider."),
    ] = None,
    no_check: Annotated[bool, typer.Option("--no-check", help="With --key-stdin, keep the key untried.")] = False,
    plain: Annotated[bool, typer.Option("--plain", help="Ask in lines, with numbered lists.")] = False,
    accessible: Annotated[bool, typer.Option("--accessible", help="The same, for screen readers.")] = False,
) -> None:
    """Set up a provider: try its key, and keep it. No key is taken as an argument."""
    if looks_like_key(provider):
        words = safe_format("A key is no argument: other programs can read those.")
        raise typer.Exit(
            _usage(words, safe_format("Run termchat login, or pipe the key into termchat login --key-stdin"))
        )
    config = require_config(context)
    setup = AppSetup(config, context.obj, Credentials(context.obj))
    startup_gc.resume()
    if key_stdin:
        if store not in _STORES:
            raise typer.Exit(_usage(safe_format("--store is one of: {names}.", names=Safe(", ".join(_STORES)))))
        found = _named(config, provider, base_url or "", protocol)
        if isinstance(found, Failure):
            raise typer.Exit(_usage(found.message, found.hint))
        raise typer.Exit(asyncio.run(_from_stdin(setup, found, store, model or "", check=not no_check)))
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        if provider and isinstance(unknown := _named(config, provider, base_url or "", protocol), Failure):
            raise typer.Exit(_usage(unknown.message, unknown.hint))
        words = safe_format("termchat login asks questions, which needs a terminal.")
        raise typer.Exit(_usage(words, safe_format("In a script: termchat login PROVIDER --key-stdin < FILE")))

    async def ask(dialog: Dialog) -> int:
        effects = await run_login(dialog, setup, provider)
        return _report(effects)

    raise typer.Exit(_with_dialog(ask, config, context.obj, plain=plain or accessible))


def print_logout(
    context: typer.Context,
    provider: Annotated[str, typer.Argument(metavar="PROVIDER", help="The provider whose key is removed.")],
) -> None:
    """Remove the key that a login has stored; keys that you wrote yourself stay."""
    config = require_config(context)
    setup = AppSetup(config, context.obj, Credentials(context.obj))
    dialog = LineDialog(LineReader(0), _write, _prompt, _nothing)
    try:
        removed = asyncio.run(log_out(dialog, setup, provider))
    except DialogCancelledError:
        removed = False
    raise typer.Exit(ExitCode.COMPLETE if removed else ExitCode.ERROR)


def _with_dialog(
    ask: Callable[[Dialog], Coroutine[Any, Any, int]], config: Config, env: Mapping[str, str], *, plain: bool
) -> int:
    """Run a dialogue on the terminal: in panels as in the chat, or in lines."""
    from termchat.app.options import resolve_theme
    from termchat.ui.terminal.capabilities import is_append_only

    plain = plain or config.settings.plain or config.settings.accessible or is_append_only(env)
    theme = resolve_theme(config, env)
    if plain or isinstance(theme, Failure) or not sys.stdout.isatty():
        return asyncio.run(_in_lines(ask))
    from termchat.ui.repl.setup.setup_panels import run_in_panels

    return asyncio.run(run_in_panels(ask, theme, env))


async def _in_lines(ask: Callable[[Dialog], Coroutine[Any, Any, int]]) -> int:
    reader = LineReader(0)
    reader.open()
    try:
        return await ask(LineDialog(reader, _write, _prompt, _nothing))
    finally:
        reader.close()


def _write(words: Sequence[Safe], role: TextRole) -> None:
    Stderr().rows(words)


def _prompt(words: Safe) -> None:
    sys.stderr.write(words)
    sys.stderr.flush()


def _nothing() -> None:
    """React to an answer: the terminal has shown the end of its line."""


def _report(effects: Sequence[Effect]) -> int:
    """Report the end of a login; return the exit code."""
    chosen = next((effect.model for effect in effects if isinstance(effect, UseModel)), None)
    if chosen is None:
        for effect in effects:
            if words := getattr(effect, "words", EMPTY):
                warn(words)
        return ExitCode.ERROR
    name = safe_line(str(chosen))
    warn(safe_format("Done. Start a chat: termchat -m {model}", model=name))
    return ExitCode.COMPLETE


# From standard input, for scripts


def _named(config: Config, name: str, base_url: str, protocol: str) -> ProviderConfig | Failure:
    """Return the provider of a name with another base URL, or a new one at that URL."""
    if not name:
        words = safe_format("--key-stdin needs the name of the provider.")
        return Failure(FailureKind.BAD_CONFIG, words, safe_format("Such as: termchat login openai --key-stdin < FILE"))
    known = config.providers.get(name)
    if not base_url:
        if known and name != "demo":
            return known
        words = safe_format("There is no provider {name}.", name=safe_line(name))
        hint = Safe(f"{did_you_mean(name, config.providers)} Another gateway needs --base-url.")
        return Failure(FailureKind.BAD_CONFIG, words, hint)
    if protocol not in _PROTOCOLS:
        words = safe_format("--protocol is one of: {names}.", names=Safe(", ".join(_PROTOCOLS)))
        return Failure(FailureKind.BAD_CONFIG, words)
    spoken = ApiProtocol(protocol)
    url, repairs = normalise_base_url(base_url, spoken)
    if problem := invalid_reason(url):
        return Failure(FailureKind.BAD_CONFIG, safe_format("--base-url is no base URL: {why}.", why=problem))
    for repair in repairs:
        warn(repair)
    if "/" in name or not name.isprintable() or not name.strip():
        words = safe_format("{name} is no name of a provider.", name=safe_line(name))
        return Failure(FailureKind.BAD_CONFIG, words)
    made = known or ProviderConfig(name, title=name)
    return replace(made, base_urls={**made.base_urls, spoken: url} if known else {spoken: url})


async def _from_stdin(setup: AppSetup, config: ProviderConfig, store: str, model: str, *, check: bool) -> int:
    """Read the key, try it and keep it; return the exit code. Nothing is written after a failure."""
    raw = await asyncio.to_thread(os.read, 0, _MAX_KEY)
    entered = read_pasted_key(raw.decode("utf-8", "replace"))
    if entered.problem:
        return _usage(safe_format("Standard input has no key: {why}", why=entered.problem))
    if entered.removed:
        warn(entered.removed)
    config = replace(config, key=entered.key, model=model or config.model)
    if check and (failure := await _refused(setup, config)):
        Stderr().failure(failure)
        return exit_code(Outcome.FAILED, failure)
    key = entered.key
    if store == "keyring" and not is_reference(key):
        if failure := await asyncio.to_thread(put_in_keyring, config.name, key):
            Stderr().failure(failure)
            return ExitCode.ERROR
        key = f"{KEYRING}{config.name}"
    before = setup.providers.get(config.name)
    urls = dict[ApiProtocol, str]() if before is None else before.base_urls
    row: dict[str, object] = {"key": key}
    row |= {p.value: url for p, url in config.base_urls.items() if urls.get(p) != url}
    if model:
        row["model"] = model
    if failure := write_provider(setup.file, config.name, row):
        Stderr().failure(failure)
        return ExitCode.ERROR
    where = safe_format("the keyring") if key.startswith(KEYRING) else safe_line(str(setup.file))
    warn(safe_format("Logged in to {name}; the key is in {where}.", name=safe_line(config.name), where=where))
    return ExitCode.COMPLETE


async def _refused(setup: AppSetup, config: ProviderConfig) -> Failure | None:
    """Try a key by the lists of models; return the failure of all of them, or of a refused key."""
    key = await setup.run_command(config)
    if isinstance(key, Failure):
        return key
    listed = [await setup.list_models(config, protocol) for protocol in config.base_urls]
    failures = [found.failure for found in listed if found.failure]
    for found in listed:
        if found.failure is None:
            models = counted(len(found.models), "model")
            print_stdout(safe_format("{protocol}: {models}\n", protocol=Safe(found.protocol.value), models=models))
    key_failures = (FailureKind.AUTH, FailureKind.PERMISSION, FailureKind.NO_KEY)
    refused = next((failure for failure in failures if failure.kind in key_failures), None)
    if refused is None and len(failures) == len(listed):
        refused = failures[0]
    if refused is None:
        return None
    words = outcome_words(refused, config)
    return replace(refused, message=words.words, hint=words.step)


def _usage(words: Safe, hint: Safe = EMPTY) -> int:
    Stderr().failure(Failure(FailureKind.BAD_CONFIG, words, hint))
    return ExitCode.USAGE
