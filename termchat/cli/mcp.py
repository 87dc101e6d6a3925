"""`termchat mcp`: list, add, test, remove and import MCP servers, and log in to them."""

import asyncio
import inspect
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from threading import Thread
from typing import Annotated
from urllib.parse import parse_qs, urlsplit

import typer

from termchat.app.mcp_sources import (
    McpReport,
    list_files,
    log_in_to,
    log_out_of,
    login_store,
    missing_extra,
    pin_file,
    probe_server,
)
from termchat.cli.command import require_config, run_typer
from termchat.cli.print_table import Column, Fit, print_json, print_table
from termchat.config.load import Config
from termchat.config.mcp_import import read_servers
from termchat.config.mcp_servers import check_server, write_servers
from termchat.config.paths import user_path
from termchat.config.toml_file import TomlTable, did_you_mean
from termchat.core.errors import Failure, FailureKind, error_reason
from termchat.core.models import McpServer
from termchat.core.outcomes import ExitCode
from termchat.core.redact import redact_url
from termchat.core.sanitize import EMPTY, Safe, excerpt, safe_format, safe_line
from termchat.system import startup_gc
from termchat.ui.phrases import count
from termchat.ui.stderr import Stderr, print_stdout, warn

_URL = ("http://", "https://")
_OPTIONS_WITH_VALUE = ("--env", "-e", "--header", "-H", "--cwd", "--tool", "--client-id", "--client-secret")
_DESCRIPTION = 100  # characters of a tool's description


def run(arguments: list[str], env: Mapping[str, str]) -> int:
    """Parse the arguments of `termchat mcp`, run it or the action that the first one names; return the exit code."""
    name = _ALIASES.get(arguments[0], arguments[0]) if arguments else ""
    if action := _COMMANDS.get(name):
        given = _with_separator(arguments[1:]) if name == "add" else arguments[1:]
        return run_typer(action, given, f"termchat mcp {name}", env)
    return run_typer(print_servers, arguments, "termchat mcp", env, ACTIONS)


def print_servers(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON array.")] = False,
) -> None:
    """List the MCP servers of the config file; none is started."""
    config = require_config(context)
    servers = list(config.mcp.values())
    if as_json:
        print_json([_row(server) for server in servers])
    elif not servers:
        warn(safe_format("No MCP servers. Add one: termchat mcp add time uvx mcp-server-time"))
    elif sys.stdout.isatty():
        rows = [
            (safe_line(server.name), Safe("off") if server.disabled else Safe("on"), _place(server))
            for server in servers
        ]
        print_table((Column(), Column(), Column(fit=Fit.CUT)), rows)
    else:
        print_stdout("".join(f"{safe_line(server.name)}\t{_place(server)}\n" for server in servers))


def add_server(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Letters, digits and -; tools are mcp_NAME_TOOL.")],
    command: Annotated[
        list[str],
        typer.Argument(
            metavar="COMMAND", help="The program and its arguments, or a URL; options of termchat come before it."
        ),
    ],
    env: Annotated[
        list[str] | None,
        typer.Option(
            "--env", "-e", metavar="KEY=VALUE", help="A variable; VALUE may be env:NAME, cmd:... or keyring:NAME."
        ),
    ] = None,
    header: Annotated[
        list[str] | None,
        typer.Option("--header", "-H", metavar="KEY=VALUE", help="A header of a URL; VALUE may be env:NAME and so on."),
    ] = None,
    cwd: Annotated[
        str | None,
        typer.Option(
            "--cwd",
            metavar="DIR",
            help="The directory of the program.",
        ),
    ] = None,
    tool: Annotated[
        list[str] | None, typer.Option("--tool", metavar="NAME", help="Use only this tool; may be repeated.")
    ] = None,
    client_id: Annotated[
        str | None,
        typer.Option("--client-id", metavar="ID", help="The client of a login, if termchat cannot register itself."),
    ] = None,
    client_secret: Annotated[
        str | None,
        typer.Option("--client-secret", metavar="VALUE", help="Its secret; VALUE may be env:NAME and so on."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a server of this name.")] = False,
) -> None:
    """Add an MCP server: a program, or the URL of one that speaks streamable HTTP."""
    config = require_config(context)
    if name in config.mcp and not force:
        words = safe_format("There is a server {name}.", name=safe_line(name))
        raise typer.Exit(_refused(words, Safe("Use --force to replace it, or another name.")))
    row: TomlTable = {"tools": [*tool]} if tool else {}
    if command[0].startswith(_URL) and len(command) == 1:
        row["url"] = command[0]
    else:
        row |= {"command": command[0], "args": command[1:]}
    if cwd:  # of a URL, a mistake that is reported
        row["cwd"] = str(user_path(cwd).absolute())
    row |= {key: value for key, value in (("client_id", client_id), ("client_secret", client_secret)) if value}
    row |= _tables(env=env, headers=header)
    row = {key: value for key, value in row.items() if value != []}
    made = check_server(config.file, name, row)
    if isinstance(made, Failure):
        raise typer.Exit(_report(made))
    ended = _end_login(config.mcp[name], config) if name in config.mcp else None
    raise typer.Exit(_write(config, {name: row}, replaced=name in config.mcp) or _added([name], ended))


def check_connection(
    context: typer.Context, name: Annotated[str, typer.Argument(metavar="NAME", help="The name of the server.")]
) -> None:
    """Start an MCP server and list its tools."""
    config = require_config(context)
    server = _named(config, name)
    startup_gc.resume()
    report = asyncio.run(probe_server(server, config, context.obj))
    if isinstance(report, Failure):
        Stderr().failure(report)
        raise typer.Exit(ExitCode.ERROR)
    _print_report(report)


def remove_server(
    context: typer.Context, name: Annotated[str, typer.Argument(metavar="NAME", help="The name of the server.")]
) -> None:
    """Remove an MCP server from the config file, and end the login to it."""
    config = require_config(context)
    server = _named(config, name)
    ended = _end_login(server, config)
    if code := _write(config, {name: None}):
        raise typer.Exit(code)
    warn(safe_format("Removed {name}.", name=safe_line(name)))
    if ended:
        Stderr().failure(ended)


def import_servers(
    context: typer.Context,
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="A JSON file of Claude Desktop, Claude Code, Cursor or VS Code.")
    ],
) -> None:
    """Import MCP servers from the JSON file of another client; servers that exist already are skipped."""
    config = require_config(context)
    found = read_servers(user_path(file))
    if isinstance(found, Failure):
        raise typer.Exit(_report(found))
    new: dict[str, TomlTable | None] = {}
    notes = [*found.notes]
    for name, row in found.tables.items():
        made = check_server(config.file, name, row)
        if name in config.mcp:
            notes.append(safe_format("{name} is skipped: there is a server of this name.", name=safe_line(name)))
        elif isinstance(made, Failure):
            notes.append(made.message)
        else:
            new[name] = row
    for note in notes:
        warn(note)
    if not new:
        warn(safe_format("Nothing was imported."))
        raise typer.Exit(ExitCode.ERROR if not found.tables else ExitCode.COMPLETE)
    raise typer.Exit(_write(config, new) or _added(list(new)))


def log_in_server(
    context: typer.Context, name: Annotated[str, typer.Argument(metavar="NAME", help="The name of the server.")]
) -> None:
    """Log in to an MCP server with OAuth, in the browser."""
    config = require_config(context)
    server = _named(config, name)
    if not server.url:
        words = safe_format("The MCP server {name} is a program, which needs no login.", name=safe_line(name))
        raise typer.Exit(_refused(words, Safe("Give it a key with: termchat mcp add -e NAME=VALUE")))
    if any(key.lower() == "authorization" for key in server.headers):
        words = safe_format("The MCP server {name} has a header Authorization, which counts.", name=safe_line(name))
        raise typer.Exit(_refused(words, safe_format("Remove it from [mcp.{name}] first.", name=safe_line(name))))
    startup_gc.resume()
    done = asyncio.run(log_in_to(server, config, context.obj, partial(_show_page, env=context.obj)))
    if isinstance(done, Failure):
        Stderr().failure(done)
        raise typer.Exit(ExitCode.ERROR)
    words = "Logged in to {name}. Check it with: termchat mcp test {name}" if done else "{name} asks for no login."
    warn(safe_format(words, name=safe_line(name)))


def log_out_server(
    context: typer.Context, name: Annotated[str, typer.Argument(metavar="NAME", help="The name of the server.")]
) -> None:
    """Forget the login to an MCP server, and end it at its issuer."""
    config = require_config(context)
    server = _named(config, name)
    try:
        known = asyncio.run(log_out_of(server, config))
    except OSError as error:
        why = error_reason(error)
        raise typer.Exit(_refused(safe_format("The login cannot be removed: {why}.", why=why))) from error
    if isinstance(known, Failure):
        Stderr().failure(known)
        raise typer.Exit(ExitCode.ERROR)
    words = "Logged out of {name}." if known else "There is no login to {name}."
    warn(safe_format(words, name=safe_line(name)))


async def _show_page(url: str, *, env: Mapping[str, str]) -> None:
    """Print the address of a page, and open it in the browser unless the screen is on another computer."""
    warn(Safe("Agree in the browser, within 5 minutes. If no page opens, open this address:"))
    Stderr().rows([safe_line(url)])
    if env.get("SSH_CONNECTION"):
        back = parse_qs(urlsplit(url).query).get("redirect_uri", [""])[0]
        port = safe_line(str(urlsplit(back).port or ""))
        warn(
            safe_format("For a browser on another computer, run there: ssh -L {port}:127.0.0.1:{port} HOST", port=port)
        )
    elif sys.platform != "linux" or env.get("DISPLAY") or env.get("WAYLAND_DISPLAY") or env.get("BROWSER"):
        Thread(target=_open_page, args=(url,), daemon=True).start()  # a browser in the terminal ends when it is closed


def _open_page(url: str) -> None:
    import webbrowser

    with suppress(OSError, webbrowser.Error):
        webbrowser.open(url)


_COMMANDS: Mapping[str, Callable[..., None]] = {
    "list": print_servers,
    "add": add_server,
    "test": check_connection,
    "rm": remove_server,
    "import": import_servers,
    "login": log_in_server,
    "logout": log_out_server,
}
_ALIASES = {"ls": "list", "remove": "rm"}
ACTIONS = {name: inspect.getdoc(command) or "" for name, command in _COMMANDS.items()}


def _named(config: Config, name: str) -> McpServer:
    """Return a server of the config file. Raises typer.Exit after reporting that there is none."""
    if server := config.mcp.get(name):
        return server
    words = safe_format("There is no MCP server {name}.", name=safe_line(name))
    hint = did_you_mean(name, config.mcp) if config.mcp else safe_format("Add it: termchat mcp add NAME COMMAND...")
    raise typer.Exit(_refused(words, hint))


def _write(config: Config, tables: Mapping[str, TomlTable | None], *, replaced: bool = False) -> int:
    """Write tables; forget agreements, lists and logins of servers that are new or gone. Return the exit code."""
    removed: dict[str, TomlTable | None] = dict.fromkeys(tables) if replaced else {}
    if failure := (write_servers(config.file, removed) if removed else None) or write_servers(config.file, tables):
        return _report(failure)
    pins, logins, lists = pin_file(config), login_store(config), list_files(config)
    for name in tables:
        with suppress(OSError):
            logins.remove(name)
        with suppress(OSError):
            lists.remove(name)
        if pins.read(name) is not None:
            with suppress(OSError):  # then its tools count as changed, and ask
                pins.write(name, None)
    return ExitCode.COMPLETE


def _end_login(server: McpServer, config: Config) -> Failure | None:
    """Forget the login to a server, and end it at its issuer; return the failure of one that could not be told."""
    known: bool | Failure = False
    if server.url:
        with suppress(OSError):  # _write tries again
            known = asyncio.run(log_out_of(server, config))
    return known if isinstance(known, Failure) else None


def _added(names: Sequence[str], ended: Failure | None = None) -> int:
    listed = safe_line(", ".join(names))
    warn(
        safe_format("Added {names}. Check it with: termchat mcp test {first}", names=listed, first=safe_line(names[0]))
    )
    for failure in (ended, missing_extra()):
        if failure:
            Stderr().failure(failure)
    return ExitCode.COMPLETE


def _with_separator(arguments: list[str]) -> list[str]:
    """Insert `--` before the command: what follows it are its own options."""
    skipped = names = 0
    for at, word in enumerate(arguments):
        if skipped:
            skipped -= 1
        elif word == "--":
            return arguments
        elif word in _OPTIONS_WITH_VALUE:
            skipped = 1
        elif not word.startswith("-"):
            names += 1
            if names == 2 and not word.startswith(_URL):
                return [*arguments[:at], "--", *arguments[at:]]
    return arguments


def _tables(**pairs: Sequence[str] | None) -> TomlTable:
    """Return a table for each list of `KEY=VALUE` pairs. Raises typer.Exit after reporting one that is none."""
    tables: TomlTable = {}
    for key, given in pairs.items():
        values = _pairs(given or ())
        if isinstance(values, str):
            words = safe_format("{pair} is not KEY=VALUE.", pair=safe_line(f'"{values[:60]}"'))
            raise typer.Exit(_refused(words))
        if values:
            tables[key] = values
    return tables


def _pairs(pairs: Sequence[str]) -> TomlTable | str:
    """Return `KEY=VALUE` pairs as a table, or the first one that is none."""
    made: TomlTable = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key.strip():
            return pair
        made[key.strip()] = value
    return made


def _print_report(report: McpReport) -> None:
    version = safe_line(f" {report.version}") if report.version else EMPTY
    about = safe_format(
        "{name}{version}, protocol {protocol}: {n} tool{s}, {prompts} prompt{plural}\n",
        name=safe_line(report.title),
        version=version,
        protocol=safe_line(report.protocol),
        n=count(len(report.tools)),
        s=EMPTY if len(report.tools) == 1 else Safe("s"),
        prompts=count(report.prompts),
        plural=EMPTY if report.prompts == 1 else Safe("s"),
    )
    print_stdout(about)
    rows = [(safe_line(name), excerpt(description, _DESCRIPTION)) for name, description in report.tools]
    if rows and sys.stdout.isatty():
        print_table((Column(), Column(fit=Fit.CUT)), rows)
    else:
        print_stdout("".join(f"{name}\t{description}\n" for name, description in rows))
    for notice in report.notices:
        warn(notice)


def _place(server: McpServer) -> Safe:
    """Return the address or the command of a server, without secrets in the address."""
    return safe_line(redact_url(server.url) if server.url else shlex.join((server.command, *server.args)))


def _row(server: McpServer) -> dict[str, object]:
    return {
        "name": server.name,
        "command": [server.command, *server.args] if server.command else None,
        "url": redact_url(server.url) if server.url else None,
        "disabled": server.disabled,
        "tools": list(server.tools) if server.tools is not None else None,
    }


def _refused(words: Safe, hint: Safe = EMPTY) -> int:
    return _report(Failure(FailureKind.BAD_CONFIG, words, hint))


def _report(failure: Failure) -> int:
    Stderr().failure(failure)
    return ExitCode.USAGE
