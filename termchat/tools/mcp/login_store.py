"""Logins to MCP servers: kept in the system's keyring if there is one, else in files that only the user can read.

A login belongs to a name, an address and the issuer of its tokens: it is never used for another address, and a refresh
goes to its own issuer only.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, suppress
from importlib import import_module
from pathlib import Path
from typing import Any, cast

from termchat.late_dataclass import dataclass
from termchat.system.atomic_write import replace_text
from termchat.system.file_lock import exclusive_lock, exclusive_lock_async

_SERVICE = "termchat"  # in the keyring
_LOCK_SECONDS = 40.0  # longer than a refresh
_TOKENS = ("access_token", "refresh_token")

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Login:
    """A login.

    url         the address of the MCP server
    issuer      the authorization server that gave the tokens
    tokens      its answer with the tokens
    client      its registration of termchat
    server      its metadata, {} if it publishes none
    resource    the metadata of the MCP server, {} if it publishes none
    expires     the end of the access token in seconds since 1970, 0 if unknown
    """

    url: str
    issuer: str
    tokens: Json
    client: Json
    server: Json
    resource: Json
    expires: float = 0.0

    def secrets(self) -> Iterator[str]:
        """Yield the texts that nobody may see."""
        found = (*(self.tokens.get(key) for key in _TOKENS), self.client.get("client_secret"))
        yield from (text for text in found if isinstance(text, str) and text)


class LoginStore:
    """The logins, one file each. A file that cannot be read counts as no login.

    folder   the folder of the files; made when it is first needed
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, name: str, url: str) -> Login | None:
        """Return the login to a server at an address; it may ask for the password of the keyring."""
        row = self._row(name)
        if row is None or row.get("url") != url:
            return None
        return _login(row if "tokens" in row else _from_keyring(name, row))

    def write(self, name: str, login: Login) -> None:
        """Keep a login in place of an earlier one. Raises OSError."""
        old = self._row(name)
        row = {key: getattr(login, key) for key in Login.__slots__}
        kept = {"name": name, "url": login.url, "issuer": login.issuer}
        in_keyring = _to_keyring(name, row)
        self._save(name, kept if in_keyring else {**row, **kept})
        if old and not (in_keyring and _key(name, old) == _key(name, kept)):
            _forget(name, old)

    def exclusive(self, name: str, seconds: float = _LOCK_SECONDS) -> AbstractAsyncContextManager[bool]:
        """Keep other processes from refreshing a login during the block.

        An issuer may end a login whose refresh token is used twice. After `seconds`, or where files cannot be locked,
        the block runs all the same.
        """
        return exclusive_lock_async(self._lock_file(name), seconds)

    def want_scope(self, name: str, scope: str) -> None:
        """Note the permissions that a server has asked for, for the next login. Raises OSError."""
        if (row := self._row(name)) and scope and row.get("wanted") != scope:
            self._save(name, {**row, "wanted": scope})

    def wanted_scope(self, name: str) -> str:
        """Return the permissions that a server has asked for since its login, with those of the login, "" for none."""
        row = self._row(name) or {}
        wanted = row.get("wanted")
        return wanted if isinstance(wanted, str) else ""

    def remove(self, name: str) -> bool:
        """Forget the login to a server; return False if there was none. Raises OSError."""
        row = self._row(name)
        if row is None:
            return False
        _forget(name, row)
        self._file(name).unlink(missing_ok=True)
        with exclusive_lock(self._lock_file(name), 0) as held:
            if held:  # else another process refreshes, and the next one must find its lock
                self._lock_file(name).unlink(missing_ok=True)
        return True

    def secrets(self) -> Iterator[str]:
        """Yield the secrets of all logins in files; the keyring is not asked."""
        with suppress(OSError):
            for file in sorted(self._folder.glob("*.json")):
                if login := _login(self._row(file.stem)):
                    yield from login.secrets()

    def _file(self, name: str) -> Path:
        return self._folder / f"{name}.json"

    def _lock_file(self, name: str) -> Path:
        return self._folder / f".{name}.lock"

    def _row(self, name: str) -> Json | None:
        with suppress(OSError, ValueError, RecursionError):
            row: object = json.loads(self._file(name).read_text("utf-8"))
            if isinstance(row, dict) and cast("Json", row).get("name") == name:
                return cast("Json", row)
        return None

    def _save(self, name: str, row: Json) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        replace_text(self._file(name), json.dumps(row))


def _login(row: Json | None) -> Login | None:
    if not row:
        return None
    found = {key: row.get(key) for key in Login.__slots__}
    texts, tables = ("url", "issuer"), ("tokens", "client", "server", "resource")
    fits = all(isinstance(found[key], str) for key in texts) and all(isinstance(found[key], dict) for key in tables)
    return Login(**cast("Json", found)) if fits and isinstance(found["expires"], int | float) else None


def _key(name: str, row: Json) -> str:
    return f"mcp {name} {row.get('url')} {row.get('issuer')}"


def _from_keyring(name: str, row: Json) -> Json | None:
    with suppress(Exception):  # each backend raises its own exceptions
        found: object = json.loads(import_module("keyring").get_password(_SERVICE, _key(name, row)))
        return cast("Json", found) if isinstance(found, dict) else None
    return None


def _forget(name: str, row: Json) -> None:
    """Remove the login of a file from the keyring."""
    if "tokens" not in row:
        with suppress(Exception):  # each backend raises its own exceptions
            import_module("keyring").delete_password(_SERVICE, _key(name, row))


def _to_keyring(name: str, row: Json) -> bool:
    """Keep a login in the keyring; return False if there is none, or if it does not keep it."""
    text, key = json.dumps(row), _key(name, row)
    with suppress(Exception):  # the package is not installed, or a backend raises an exception of its own
        keyring = import_module("keyring")
        keyring.set_password(_SERVICE, key, text)
        return keyring.get_password(_SERVICE, key) == text
    return False
