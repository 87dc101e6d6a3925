"""`termchat serve`: answer the requests of other programs, and show the chats in a browser."""

from collections.abc import Callable, Mapping
from typing import Any

import typer

from termchat.app import with_command_line
from termchat.app.options import Options, usage_error
from termchat.app.script.serving import ServeOptions, run_serve
from termchat.cli.command import require_config, run_typer, with_context
from termchat.cli.prompt_command import named_option, setting_option, with_signature
from termchat.config.settings import SETTINGS
from termchat.core.errors import Failure
from termchat.system import startup_gc

_SETTINGS = ("model", "max_cost", "tools", "allow", "connect_timeout", "idle_timeout", "max_retries")
_TRUST = "Who may call"
_HELP = """Answer the requests of other programs: one address and one token for all models, in the dialects of OpenAI
(/v1/chat/completions, /v1/responses) and Anthropic (/v1/messages), and a page with the chats.

The first line on standard output is the address with the token behind #; in a browser it opens the page. Only this
machine reaches it, unless --host names another address. --max-cost limits the replies to other programs together, and
each chat of the page. The page offers tools only if --tools names them; it asks before a call that no rule allows."""


def run(arguments: list[str], env: Mapping[str, str]) -> int:
    """Parse the arguments of `termchat serve`, run it and return its exit code."""
    return run_typer(serve_command(), arguments, "termchat serve", env)


def serve_command() -> Callable[..., None]:
    """The command that runs the server; the flags of settings come from their declarations."""

    def serve(context: typer.Context, **given: Any) -> None:
        options = _options(given)
        config = with_command_line(require_config(context), options.run)
        if isinstance(config, Failure):
            raise typer.Exit(usage_error(config, None))
        startup_gc.resume()  # paused in __main__: a server runs for long
        raise typer.Exit(run_serve(options, config, context.obj))

    parameters = {
        "host": named_option(str, "127.0.0.1", "--host", metavar="ADDRESS", help="The address to listen on."),
        "port": named_option(int, 8484, "--port", min=0, max=65535, metavar="N", help="The port; 0 picks a free one."),
        **{key: setting_option(SETTINGS[key]) for key in _SETTINGS},
        "sets": named_option(
            list[str] | None, None, "--set", metavar="KEY=VALUE", help="Set any setting for this run."
        ),
        "no_save": named_option(
            bool, False, "--no-save", help="Keep requests out of the usage ledger, and serve no page."
        ),
        "quiet": named_option(bool, False, "-q", "--quiet", help="Print only the address and errors."),
        **_trust_options(),
    }
    return with_context(with_signature(serve, parameters, _HELP))


def _trust_options() -> dict[str, tuple[Any, Any]]:
    return {
        "token_file": named_option(
            str | None, None, "--token-file", group=_TRUST, metavar="FILE",
            help="A private file with the token; by default, each start makes a new one.",
        ),
        "names": named_option(
            list[str] | None, None, "--name", group=_TRUST, metavar="HOST",
            help="A host name that clients use for this server. May be repeated.",
        ),
        "origins": named_option(
            list[str] | None, None, "--cors", group=_TRUST, metavar="ORIGIN",
            help="A web origin whose pages may call, such as https://example.org. May be repeated.",
        ),
        "certificate": named_option(
            str | None, None, "--tls-cert", group=_TRUST, metavar="FILE", help="The certificate, as PEM."
        ),
        "key": named_option(str | None, None, "--tls-key", group=_TRUST, metavar="FILE", help="Its key, as PEM."),
        "insecure": named_option(
            bool, False, "--insecure", group=_TRUST,
            help="Listen beyond this machine without TLS, such as behind a proxy that encrypts.",
        ),
    }  # fmt: skip


def _options(given: Mapping[str, Any]) -> ServeOptions:
    run_options = Options(
        quiet=given["quiet"],
        saved=not given["no_save"],
        sets=tuple(given["sets"] or ()),
        settings={key: given[key] for key in _SETTINGS if given[key] not in (None, False, [])},
    )
    return ServeOptions(
        run_options,
        given["host"],
        given["port"],
        given["token_file"] or "",
        tuple(given["names"] or ()),
        tuple(given["origins"] or ()),
        given["certificate"] or "",
        given["key"] or "",
        given["insecure"],
    )
