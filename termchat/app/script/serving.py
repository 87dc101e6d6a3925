"""`termchat serve`: check what opens the server to others, listen, tell the address, serve until a signal."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
import sys
from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from importlib.util import find_spec
from typing import TYPE_CHECKING

from termchat.app.build import build_app
from termchat.app.options import Options
from termchat.config.bounded_read import is_open_to_others, read_bounded
from termchat.config.load import Config
from termchat.config.paths import user_path
from termchat.core.errors import Failure, FailureKind, error_reason
from termchat.core.outcomes import ExitCode
from termchat.core.sanitize import safe, safe_format, safe_line
from termchat.late_dataclass import dataclass
from termchat.system.installation import install_command
from termchat.ui.oneshot.stop_signals import handled_signals
from termchat.ui.stderr import Stderr, log_to_stderr, print_stdout

if TYPE_CHECKING:
    from termchat.serve.run_server import TlsFiles
    from termchat.serve.trust import TrustRules

_LEAST_TOKEN = 16  # characters
_BACKLOG = 1024


@dataclass(frozen=True, slots=True)
class ServeOptions:
    """Options of a server.

    run          those of its replies
    token_file   a private file with the token, "" for a new one at each start
    names        host names that clients use, besides those of loopback
    origins      web origins that may call the server
    insecure     listen beyond loopback without TLS
    """

    run: Options
    host: str = "127.0.0.1"
    port: int = 8484
    token_file: str = ""
    names: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()
    certificate: str = ""
    key: str = ""
    insecure: bool = False


@dataclass(frozen=True, slots=True)
class _Opened:
    """The parts of a server that has not begun: its rules, certificate and socket."""

    rules: TrustRules
    tls: TlsFiles | None
    listener: socket.socket


def run_serve(options: ServeOptions, config: Config, env: Mapping[str, str]) -> int:
    """Run the server until a signal, and return its exit code."""
    stderr = Stderr(options.run.quiet)
    log_to_stderr()
    opened = _opened(options) if all(map(find_spec, ("starlette", "uvicorn"))) else _no_extra()
    if isinstance(opened, Failure):
        stderr.failure(opened)
        return ExitCode.USAGE
    for words in config.notes:
        stderr.note(words)
    with closing(opened.listener):
        return asyncio.run(_serve(options, config, env, stderr, opened))


def _opened(options: ServeOptions) -> _Opened | Failure:
    rules = _rules(options)
    if isinstance(rules, Failure):
        return rules
    tls = _tls(options)
    if isinstance(tls, Failure):
        return tls
    listener = _listener(options)
    return listener if isinstance(listener, Failure) else _Opened(rules, tls, listener)


async def _serve(
    options: ServeOptions, config: Config, env: Mapping[str, str], stderr: Stderr, opened: _Opened
) -> ExitCode:
    from termchat.app.script.page.page_chats import open_page
    from termchat.app.script.served_models import ServedModels
    from termchat.serve.run_server import run_server
    from termchat.serve.web_app import web_app

    asked = replace(options.run, priced=True, tools=config.origin("tools").startswith("--"))
    async with build_app(config, env, asked, stderr.failure) as app:
        if isinstance(app, Failure):
            stderr.failure(app)
            return ExitCode.NO_KEY if app.kind is FailureKind.NO_KEY else ExitCode.USAGE
        models, stop = ServedModels(app), asyncio.Event()
        async with open_page(app, models) as page:
            with handled_signals(lambda code: _stop(stop, code)):
                address = _address(options, opened.listener, secure=opened.tls is not None)
                print_stdout(f"{safe_line(f'{address}/#{opened.rules.token}')}\n")
                if sys.stderr.isatty():
                    stderr.note(safe_format("In a browser, it opens your chats. Ctrl-C stops the server."))

                def on_stop() -> None:
                    models.stop()
                    if page:
                        page.stop()

                web = web_app(models, opened.rules, page)
                await run_server(web, opened.listener, stop, on_stop, opened.tls)
    return ExitCode.COMPLETE


def _stop(stop: asyncio.Event, code: ExitCode) -> None:
    """Begin the stop at the first signal; end the process at the second, as when a client reads nothing."""
    if stop.is_set():
        os._exit(code)
    stop.set()


def _address(options: ServeOptions, listener: socket.socket, *, secure: bool) -> str:
    host = f"[{options.host}]" if ":" in options.host else options.host
    return f"{'https' if secure else 'http'}://{host}:{listener.getsockname()[1]}"


def _rules(options: ServeOptions) -> TrustRules | Failure:
    from termchat.serve.trust import LOCAL_NAMES, TrustRules, is_loopback

    beyond = not is_loopback(options.host)
    if beyond and not options.insecure and not (options.certificate and options.key):
        words = safe_format("{host} is reached from other machines, without encryption.", host=safe_line(options.host))
        hint = safe_format("Give --tls-cert and --tls-key, or --insecure behind a proxy that encrypts.")
        return Failure(FailureKind.BAD_CONFIG, words, hint)
    token = _token_in(options.token_file) if options.token_file else secrets.token_urlsafe(32)
    if isinstance(token, Failure):
        return token
    names = {name.lower().rstrip(".") for name in (options.host, *options.names)} - {*LOCAL_NAMES, ""}
    return TrustRules(token, frozenset(names), beyond, tuple(origin.rstrip("/") for origin in options.origins))


def _token_in(name: str) -> str | Failure:
    """Return the token of a file that only its owner can read."""
    path, shown = user_path(name), safe_line(name)
    try:
        token = read_bounded(path, 4096).decode().strip()
    except (OSError, ValueError) as error:
        why = safe_line((getattr(error, "strerror", None) or "it is not text").lower())
        return Failure(FailureKind.BAD_CONFIG, safe_format("Cannot read {name}: {why}.", name=shown, why=why))
    if is_open_to_others(path):
        words = safe_format("Others can read {name}, which holds the token.", name=shown)
        return Failure(FailureKind.BAD_CONFIG, words, safe_format("Run: chmod 600 {name}", name=shown))
    if len(token) < _LEAST_TOKEN or not token.isascii() or not token.isprintable() or " " in token:
        words = safe_format(
            "{name} must hold one word of at least {n} ASCII characters.", name=shown, n=safe(str(_LEAST_TOKEN))
        )
        hint = safe_format("Make one: openssl rand -hex 32 > {name}", name=shown)
        return Failure(FailureKind.BAD_CONFIG, words, hint)
    return token


def _tls(options: ServeOptions) -> TlsFiles | Failure | None:
    from termchat.serve.run_server import TlsFiles

    if not options.certificate and not options.key:
        return None
    if not options.certificate or not options.key:
        return Failure(FailureKind.BAD_CONFIG, safe_format("--tls-cert and --tls-key belong together."))
    import ssl

    files = TlsFiles(str(user_path(options.certificate)), str(user_path(options.key)))
    try:
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(files.certificate, files.key)
    except (OSError, ValueError) as error:
        why = error_reason(error)
        words = safe_format("Cannot use {certificate} with the key {key}: {why}.", why=why,
                            certificate=safe_line(options.certificate), key=safe_line(options.key))  # fmt: skip
        return Failure(FailureKind.BAD_CONFIG, words, safe_format("Both files are PEM; the key has no password."))
    return files


def _listener(options: ServeOptions) -> socket.socket | Failure:
    family = socket.AF_INET6 if ":" in options.host else socket.AF_INET
    try:
        return socket.create_server((options.host, options.port), family=family, backlog=_BACKLOG)
    except (OSError, OverflowError, UnicodeError) as error:
        at = safe_line(f"{options.host}:{options.port}")
        words = safe_format("Cannot listen on {at}: {why}.", at=at, why=error_reason(error))
        return Failure(FailureKind.BAD_CONFIG, words, safe_format("Choose another port; --port 0 picks a free one."))


def _no_extra() -> Failure:
    return Failure(
        FailureKind.BAD_CONFIG,
        safe_format("The server needs packages that are not installed."),
        safe_format("Install them: {command}", command=install_command("serve")),
    )
