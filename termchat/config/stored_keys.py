"""Keep the key of a provider in the config file or in the keyring, and remove it again.

What a login writes has a comment in the file, so that a logout removes nothing that the user wrote.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from termchat.config.credentials import SERVICE, is_reference
from termchat.config.toml_file import ConfigError, read_toml, table
from termchat.config.write import edit_document
from termchat.core.errors import Failure, FailureKind
from termchat.core.sanitize import EMPTY, Safe, safe_format, safe_line
from termchat.system.installation import install_command

if TYPE_CHECKING:
    from tomlkit.container import Container

MARK = "written by termchat login"
KEYRING = "keyring:"


def keyring_problem() -> Safe:
    """Return the reason for which keys cannot be kept in the keyring, EMPTY if they can. It may take a second."""
    try:
        keyring = import_module("keyring")
    except ImportError:
        return safe_format("needs: {command}", command=install_command("keyring"))
    try:
        backend: Any = keyring.get_keyring()
        usable = float(getattr(backend, "priority", 0)) > 0
    except Exception as error:  # each backend raises its own exceptions
        return safe_line(str(error).splitlines()[0][:100] if str(error) else type(error).__name__)
    return EMPTY if usable else safe_format("this system has no keyring")


def put_in_keyring(name: str, key: str) -> Failure | None:
    """Keep a key in the system's keyring under a name; return the failure, if any. Call it on a thread."""
    try:
        import_module("keyring").set_password(SERVICE, name, key)
    except Exception as error:  # each backend raises its own exceptions
        why = safe_line(str(error).splitlines()[0][:200] if str(error) else type(error).__name__).replace(key, "…")
        words = safe_format("The keyring did not take the key: {why}.", why=Safe(why))
        return Failure(FailureKind.STORAGE, words, safe_format("Choose another place for the key."))
    return None


def remove_from_keyring(name: str) -> Failure | None:
    """Remove a key from the system's keyring; one that is gone is no failure. Call it on a thread."""
    try:
        keyring = import_module("keyring")
        if keyring.get_password(SERVICE, name) is not None:
            keyring.delete_password(SERVICE, name)
    except Exception as error:  # each backend raises its own exceptions
        why = safe_line(str(error).splitlines()[0][:200] if str(error) else type(error).__name__)
        return Failure(FailureKind.STORAGE, safe_format("The keyring did not remove the key: {why}.", why=why))
    return None


def write_provider(file: Path, name: str, row: Mapping[str, object]) -> Failure | None:
    """Set fields of `[providers.NAME]`; the other fields, comments and the rest of the file are kept.

    The key gets the mark of a login; if it is the key itself, only the user can read the file from then on.
    """
    key = row.get("key")
    private = isinstance(key, str) and bool(key) and not is_reference(key)

    def edit(document: Container) -> None:
        import tomlkit

        rows: Any = document.setdefault("providers", tomlkit.table(is_super_table=True))
        if name not in rows:
            rows[name] = tomlkit.table()
        for field, value in row.items():
            item = tomlkit.item(value)
            if field == "key":
                item.comment(MARK)
            rows[name][field] = item

    return edit_document(file, edit, private=private)


def written_keys(file: Path) -> Mapping[str, str]:
    """Return the providers whose key a login has written, with the key as it stands in the file."""
    try:
        source = read_toml(file)
    except ConfigError:
        return {}
    found: dict[str, str] = {}
    lines = source.text.splitlines()
    for name, value in (table(source.table.get("providers", {})) or {}).items():
        key, at = (table(value) or {}).get("key"), source.line("providers", name, "key")
        if isinstance(key, str) and at and MARK in lines[at - 1].rpartition("#")[2]:
            found[name] = key
    return found


def remove_key(file: Path, name: str) -> Failure | None:
    """Remove the key of `[providers.NAME]`, and the table if nothing else is in it."""

    def edit(document: Container) -> None:
        rows: Any = document["providers"]
        rows[name].pop("key", None)
        if not len(rows[name]):
            rows.pop(name)
        if not len(rows):
            del document["providers"]

    return edit_document(file, edit)
