"""`termchat acp`: chat from an editor."""

from collections.abc import Callable, Mapping
from typing import Any

import typer

from termchat.app.options import Options
from termchat.app.script.acp_server import run_acp
from termchat.cli.command import run_typer, with_context
from termchat.cli.prompt_command import named_option, setting_option, with_signature
from termchat.config.settings import SETTINGS

_SETTINGS = (
    "model", "system", "think", "tools", "allow", "deny", "max_rounds", "max_calls", "max_cost", "connect_timeout",
    "idle_timeout", "max_retries",
)  # fmt: skip
_HELP = """Chat from an editor: speak the Agent Client Protocol on standard input and output.

The editor starts this command: Zed, JetBrains, Neovim, Emacs. It has your models, keys, chats, budget and ledger. Tools
are off unless --tools or the setting names them, or the user turns them on in the editor; those that write, run or use
the network ask there first."""


def run(arguments: list[str], env: Mapping[str, str]) -> int:
    """Parse the arguments of `termchat acp`, run it and return its exit code."""
    return run_typer(acp_command(), arguments, "termchat acp", env)


def acp_command() -> Callable[..., None]:
    """The command that runs the agent; the flags of settings come from their declarations."""

    def acp(context: typer.Context, **given: Any) -> None:
        raise typer.Exit(run_acp(_options(given), context.obj))

    parameters = {
        **{key: setting_option(SETTINGS[key]) for key in _SETTINGS},
        "no_tools": named_option(bool, False, "--no-tools", help="Offer no tools, also not those of the editor."),
        "functions": named_option(
            list[str] | None, None, "--functions", metavar="FILE",
            help="Offer the functions of a Python file to the model. May be repeated.",
        ),
        "sets": named_option(
            list[str] | None, None, "--set", metavar="KEY=VALUE", help="Set any setting for this run."
        ),
        "no_save": named_option(bool, False, "--no-save", help="Do not save the chats."),
        "quiet": named_option(bool, False, "-q", "--quiet", help="Print only errors."),
    }  # fmt: skip
    return with_context(with_signature(acp, parameters, _HELP))


def _options(given: Mapping[str, Any]) -> Options:
    return Options(
        tools=not given["no_tools"],
        functions=tuple(given["functions"] or ()),
        quiet=given["quiet"],
        saved=not given["no_save"],
        sets=tuple(given["sets"] or ()),
        settings={key: given[key] for key in _SETTINGS if given[key] not in (None, False, [])},
    )
