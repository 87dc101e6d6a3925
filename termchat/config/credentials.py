"""API keys, resolved from references in the configuration when a request needs them, and never written anywhere.

env:NAME            an environment variable; of several, separated by commas, the first one that is set
cmd:pass show ofox  the first line that a shell command prints; it runs once, within a time limit
file:PATH           the first line of a file
keyring:NAME        the system's keyring (the `keyring` extra), service "termchat"
anything else       the key itself
"""

from __future__ import annotations

import atexit
import os
import re
import signal
from collections.abc import Mapping
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING

from termchat.config.bounded_read import read_bounded
from termchat.config.paths import user_path
from termchat.core.errors import Failure, FailureKind
from termchat.core.models import ProviderConfig
from termchat.core.sanitize import EMPTY, Safe, safe_format, safe_line
from termchat.system.installation import install_command

if TYPE_CHECKING:
    import subprocess

COMMAND_SECONDS = 60.0  # of a key command; a password manager may have to ask its user
SERVICE = "termchat"
_LARGEST_FILE = 1 << 16  # bytes of a key file


class Credentials:
    """Resolve the keys of one environment.

    `key` and `resolve_headers` may run a command and take seconds: call them on a thread.
    """

    def __init__(self, env: Mapping[str, str], seconds: float = COMMAND_SECONDS) -> None:
        self._env = env
        self._seconds = seconds
        self._command_cache: dict[str, str] = {}

    def key(self, provider: ProviderConfig, again: bool = False) -> str | Failure:
        """Return the provider's key, "" if its server needs none, or the failure that prevents it.

        `again` runs a key command a second time: its key was refused and may have expired.
        """
        found = self._resolve(provider.key.strip(), again)
        if isinstance(found, Failure):
            return found
        found = _clean(found)
        if not found and provider.key and not provider.local:
            return missing_key_failure(provider)
        return found

    def has_key(self, provider: ProviderConfig) -> bool:
        """True if the provider has a key or needs none; a command or a keyring is assumed to give one."""
        reference = provider.key.strip()
        return provider.local or not reference.startswith("env:") or bool(self._variable(reference))

    def source(self, provider: ProviderConfig) -> Safe:
        """The source of the key for error messages, such as `OPENAI_API_KEY` or `the command pass`; never the key."""
        reference = provider.key.strip()
        if is_reference(reference):
            return safe_line(self._set_variable(reference)) or source_words(reference)
        of_run = {"--base-url": Safe("--key"), "this run": Safe("the login of this run")}
        return of_run.get(provider.source, Safe("the configuration"))

    def resolve_headers(self, headers: Mapping[str, str], again: bool = False) -> dict[str, str] | Failure:
        """Return the headers with each reference replaced by its value, or the failure of the first that has none."""
        expanded: dict[str, str] = {}
        for name, value in headers.items():
            found = self._resolve(value.strip(), again) if is_reference(value) else value
            if isinstance(found, Failure):
                return found
            if not found and value:
                return _empty_header(name, value)
            expanded[name] = found
        return expanded

    def _resolve(self, reference: str, again: bool) -> str | Failure:
        kind, _, rest = reference.partition(":")
        match kind:
            case "env":
                return self._variable(reference)
            case "cmd":
                return self._command(rest.strip(), again)
            case "file":
                return _from_file(rest.strip())
            case "keyring":
                return _from_keyring(rest.strip())
            case _:
                return reference

    def _set_variable(self, reference: str) -> str:
        return next((name for name in variables_of(reference) if _clean(self._env.get(name, ""))), "")

    def _variable(self, reference: str) -> str:
        return self._env.get(self._set_variable(reference), "").strip()

    def _command(self, command: str, again: bool) -> str | Failure:
        if command in self._command_cache and not again:
            return self._command_cache[command]
        printed = _run(command, self._env, self._seconds)
        if isinstance(printed, str):
            self._command_cache[command] = printed
        return printed


def variables_of(reference: str) -> list[str]:
    """Return the names of the variables in a reference such as `env:A,B`; none for another reference or a key."""
    kind, _, names = reference.strip().partition(":")
    return [name.strip() for name in names.split(",")] if kind == "env" else []


def source_words(reference: str) -> Safe:
    """Return a reference in words, such as `A or B`, or `the command pass`: arguments of a command may be secret."""
    kind, _, rest = reference.strip().partition(":")
    if kind == "env":
        return safe_line(" or ".join(variables_of(reference)))
    return safe_format("the command {name}", name=_program(rest)) if kind == "cmd" else safe_line(reference.strip())


def missing_key_failure(provider: ProviderConfig) -> Failure:
    """The failure for a missing key; its hint names the variable to set and the page that gives out keys."""
    title = safe_line(provider.title or provider.name)
    page = safe_format(" Get a key at {page}", page=safe_line(provider.key_page)) if provider.key_page else EMPTY
    if not provider.key.startswith("env:"):
        step = safe_format("Set it in [providers.{name}].{page}", name=safe_line(provider.name), page=page)
        return Failure(FailureKind.NO_KEY, safe_format("The key of {title} is empty.", title=title), step)
    first = safe_line(variables_of(provider.key)[0])
    return Failure(
        FailureKind.NO_KEY,
        safe_format("No key for {title}: {names} is not set.", title=title, names=source_words(provider.key)),
        safe_format("Set it: export {name}=...{page}", name=first, page=page),
    )


def is_reference(value: str) -> bool:
    """True if the value names the source of a secret, and is not the secret itself."""
    return value.strip().startswith(("env:", "cmd:", "file:", "keyring:"))


def _clean(key: str) -> str:
    """Remove what a pasted key may have and no key contains: blanks, line ends, quotes around it, and `Bearer`."""
    key = re.sub(r"(?i)^[\"'\s]*bearer\s+", "", key)
    return "".join(key.split()).strip("\"'")


def _run(command: str, env: Mapping[str, str], seconds: float) -> str | Failure:
    """Run a key command of the user's configuration and return the first line that it prints."""
    import subprocess  # slow to import, and only key commands need it

    name = _program(command)
    if not command:
        return _command_failed(name, Safe("no command after cmd:"))
    process = subprocess.Popen(  # noqa: S602 - the user's own command; it may contain pipes
        command, shell=True, env=dict(env), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        start_new_session=True, cwd=_home(env),
    )  # fmt: skip
    stop = partial(_kill, process)
    atexit.register(stop)  # nobody waits for its answer then
    try:
        printed, complaint = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        _kill(process)
        return _command_failed(name, safe_format("no output within {s} seconds", s=Safe(f"{seconds:g}")))
    finally:
        atexit.unregister(stop)
    if process.returncode:
        return _command_failed(name, _failure_reason(complaint, process.returncode))
    lines = printed.decode("utf-8", "replace").strip().splitlines()
    return lines[0].strip() if lines else _command_failed(name, Safe("no output"))


def _program(command: str) -> Safe:
    """The first word of a command, for messages: its arguments may be secret."""
    return safe_line(next(iter(command.split()), ""))


def _home(env: Mapping[str, str]) -> str | None:
    home = env.get("HOME", "")
    return home if os.path.isdir(home) else None


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Kill the command and its children, and close its pipes."""
    if os.name == "posix":
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    process.kill()
    process.wait()
    for pipe in (process.stdout, process.stderr):
        if pipe:  # a grandchild in a session of its own may keep the other end open for ever
            pipe.close()


def _failure_reason(complaint: bytes, code: int) -> Safe:
    lines = complaint.decode("utf-8", "replace").strip().splitlines()
    return safe_line(lines[-1][:200]) if lines else safe_format("exit code {code}", code=Safe(str(code)))


def _command_failed(name: Safe, why: Safe) -> Failure:
    return Failure(
        FailureKind.NO_KEY,
        safe_format("The key command {name} failed: {why}.", name=name, why=why),
        safe_format('Run the command in a shell to check it, or change key = "cmd:..." in the configuration.'),
    )


def _from_file(name: str) -> str | Failure:
    """Return the first line of a file; its path must not depend on the working directory."""
    shown = safe_line(name)
    try:
        path = user_path(name)
        if not path.is_absolute():
            return Failure(
                FailureKind.NO_KEY,
                safe_format("file:{name} is not an absolute path.", name=shown),
                safe_format("Write the whole path, or begin it with ~/."),
            )
        lines = read_bounded(path, _LARGEST_FILE).decode().split("\n")
    except (OSError, RuntimeError, ValueError) as error:
        why = safe_line((getattr(error, "strerror", None) or "it is not text").lower())
        return Failure(
            FailureKind.NO_KEY,
            safe_format("Cannot read the key in {name}: {why}.", name=shown, why=why),
            safe_format("Check the path after file:."),
        )
    found = next((line.strip() for line in lines if line.strip()), "")
    return found or Failure(
        FailureKind.NO_KEY,
        safe_format("The key file {name} is empty.", name=shown),
        safe_format("Write the key on its first line."),
    )


def _from_keyring(name: str) -> str | Failure:
    try:
        keyring = import_module("keyring")
    except ImportError:
        return Failure(
            FailureKind.NO_KEY,
            safe_format("keyring:{name} needs the keyring package, which is not installed.", name=safe_line(name)),
            safe_format("Install it: {command}", command=install_command("keyring")),
        )
    try:
        found: object = keyring.get_password(SERVICE, name)
    except Exception as error:  # each backend raises its own exceptions
        why = safe_line(str(error).splitlines()[0][:200] if str(error) else type(error).__name__)
        return Failure(
            FailureKind.NO_KEY,
            safe_format("Cannot read {name} from the keyring: {why}.", name=safe_line(name), why=why),
            safe_format("Unlock the keyring, or name another source of the key."),
        )
    if not isinstance(found, str) or not _clean(found):
        return Failure(
            FailureKind.NO_KEY,
            safe_format("The keyring has no key {name}.", name=safe_line(name)),
            safe_format("Add it: keyring set {service} {name}", service=Safe(SERVICE), name=safe_line(name)),
        )
    return found.strip()


def _empty_header(name: str, value: str) -> Failure:
    return Failure(
        FailureKind.NO_KEY,
        safe_format("The header {name} is empty: {value} has no value.", name=safe_line(name), value=safe_line(value)),
        safe_format("Set it, or remove the header from the configuration."),
    )
