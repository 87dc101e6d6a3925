"""Change values in the config file; comments and the order of the rest are kept.

The new file is written completely before it replaces the old one, so that a crash never leaves half a file.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from termchat.config.setting_types import TextListType, Value
from termchat.config.settings import SETTINGS
from termchat.config.toml_file import did_you_mean
from termchat.core.errors import Failure, FailureKind, error_reason
from termchat.core.sanitize import safe_format, safe_line
from termchat.system.atomic_write import replace_text
from termchat.system.file_lock import exclusive_lock

if TYPE_CHECKING:
    from tomlkit.container import Container

_COMMENT = re.compile(r"""^(?:[^"'#\n]|"(?:\\.|[^"\\\n])*"|'[^'\n]*')*#(.*)$""", re.MULTILINE)
_MODE = 0o600  # of a new file; the user may add a key to it
_LOCK_SECONDS = 5.0  # to wait for another program; `flock . termchat` holds the lock to the end


def write_setting(file: Path, key: str, raw: object) -> Failure | None:
    """Set one setting from a value or its text; None removes it from the file. Return the failure, if any."""
    setting = SETTINGS.get(key)
    if setting is None:
        return Failure(
            FailureKind.BAD_CONFIG,
            safe_format("There is no setting {key}.", key=safe_line(key)),
            did_you_mean(key, SETTINGS),
        )
    value = None if raw is None else setting.kind.read(raw)
    if value is None and raw is not None:
        words = safe_format("{key} must be {words}.", key=safe_line(key), words=safe_line(setting.kind.words))
        return Failure(FailureKind.BAD_CONFIG, words)
    return write_values(file, (), {key: value})


def write_values(file: Path, table: tuple[str, ...], values: Mapping[str, Value]) -> Failure | None:
    """Set values in a table of the file, () being the top; None removes. Missing files and tables are created."""
    return write_tables(file, {table: values})


def write_tables(file: Path, tables: Mapping[tuple[str, ...], Mapping[str, Value] | None]) -> Failure | None:
    """Set values in several tables of the file, or remove a whole table for None; all of it happens or nothing."""

    def edit(document: Container) -> None:
        for names, values in tables.items():
            if values is None:
                _remove(document, names)
                continue
            inner = _table(document, names)
            for key, value in values.items():
                _set(inner, key, value)

    return edit_document(file, edit)


def change_lists(file: Path, changes: Mapping[str, Callable[[tuple[str, ...]], tuple[str, ...]]]) -> Failure | None:
    """Change settings that are lists of texts, each by a function of its items in the file; () removes the setting."""

    def edit(document: Container) -> None:
        settings: Any = document
        for key, change in changes.items():
            found = TextListType().read(settings.get(key, ()))
            if not isinstance(found, tuple):
                raise ValueError(f"{key} is not a list of texts")
            items = tuple(map(str, found))
            if (wanted := change(items)) != items:
                _set(document, key, wanted)

    return edit_document(file, edit)


def edit_document(file: Path, edit: Callable[[Container], None], *, private: bool = False) -> Failure | None:
    """Change the document of the file; return the failure, after which the file is unchanged.

    private   from then on, only the user can read the file
    """
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    directory = Path(os.path.realpath(file)).parent
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        with exclusive_lock(directory, _LOCK_SECONDS):  # another process may change the file, too
            document = tomlkit.parse(file.read_text("utf-8-sig") if file.exists() else "")
            edit(document)
            _replace(file, tomlkit.dumps(document), private=private)
    except (OSError, ValueError, TOMLKitError) as error:
        words = safe_format("Cannot write {file}: {why}.", file=safe_line(str(file)), why=error_reason(error))
        return Failure(FailureKind.BAD_CONFIG, words, safe_format("The file was not changed."))
    return None


def _table(document: Container, names: tuple[str, ...]) -> Container:
    import tomlkit

    inner: Any = document
    for n, name in enumerate(names):
        if name not in inner:
            inner[name] = tomlkit.table(is_super_table=n < len(names) - 1)
        if not hasattr(inner[name], "keys"):
            raise ValueError(f"{name} is a value, not a table")
        inner = inner[name]
    return cast("Container", inner)


def _remove(document: Container, names: tuple[str, ...]) -> None:
    inner: Any = document
    for name in names[:-1]:
        inner = inner.get(name, {})
    if names[-1] in inner:
        del inner[names[-1]]


def _set(table: Container, key: str, value: Value) -> None:
    comments = _comments(table[key]) if isinstance(value, tuple) and key in table else ()
    if isinstance(value, tuple) and key in table and _change_items(table[key], key, value):
        return
    if value not in (None, ()):
        plain = _array(value, comments) if isinstance(value, tuple) else value
        table[key] = plain.value if isinstance(plain, StrEnum) else plain
    elif key in table:
        del table[key]


def _change_items(array: object, key: str, wanted: Sequence[object]) -> bool:
    """Remove and append items of an array in place, so that its comments and lines are kept.

    Return False if that does not make the wanted list, or leaves nothing worth keeping.
    """
    from tomlkit.items import Array

    if not isinstance(array, Array):
        return False
    items = cast("list[object]", array)
    is_default = key in SETTINGS and SETTINGS[key].default == ()
    if not wanted and not (is_default and "#" in array.as_string()):
        return False
    for at in reversed([at for at, item in enumerate(items) if item not in wanted]):
        del items[at]
    for item in wanted[len(items) :]:
        items.append(item)
    try:  # the library misplaces a comma after some comments
        return tomllib.loads(f"x = {array.as_string()}") == {"x": list(wanted)}
    except tomllib.TOMLDecodeError:
        return False


def _comments(array: object) -> Sequence[str]:
    """Return the comments in an array, without `#`; one in a string is none."""
    from tomlkit.items import Array

    return [found.strip() for found in _COMMENT.findall(array.as_string())] if isinstance(array, Array) else []


def _array(items: Sequence[object], comments: Sequence[str]) -> object:
    """Return an array of items; with comments, a line for each comment, then for each item."""
    import tomlkit

    if not comments:
        return list(items)
    made = tomlkit.array()
    for comment in comments:
        made.add_line(comment=comment)
    for item in items:
        made.add_line(item)
    made.add_line(indent="")
    return made


def _replace(file: Path, text: str, *, private: bool) -> None:
    """Replace the text of a file atomically; a symbolic link is kept, and unless `private`, the mode of the file."""
    target = Path(os.path.realpath(file))
    mode = target.stat().st_mode & 0o777 if target.exists() and not private else _MODE
    replace_text(target, text, mode=mode, durable=True)
