"""Read themes, TOML files with a style for each text role.

The themes that come with termchat are in `termchat/_themes` in a wheel, and in `themes/` beside the package in a
checkout. A theme in the user's config directory replaces the one of the same name.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from termchat.config.paths import Paths
from termchat.config.toml_file import ConfigError, TomlFile, did_you_mean, read_toml, table
from termchat.core.errors import Failure, FailureKind
from termchat.core.sanitize import Safe, safe_format, safe_line
from termchat.core.style import Style, TextRole, Theme

BY_BACKGROUND = {"light": "light", "dark": "dark", "any": "neutral"}  # the theme `auto` selects for each background
_PACKAGE = Path(__file__).parent.parent
_KINDS = ("light", "dark", "any")
_NAMES = ("black", "red", "green", "yellow", "blue", "magenta", "cyan", "white")
_COLORS = frozenset({"", *_NAMES, *(f"bright-{name}" for name in _NAMES)})
_NAME = re.compile(r"\w[\w.-]*")
_RGB = re.compile(r"#[0-9a-fA-F]{6}")
_ATTRIBUTES = tuple(f.name for f in fields(Style) if f.name != "color")
_COLOR_WORDS = Safe('"#rrggbb", one of the 16 names such as "bright-blue", or "" for the terminal\'s own')


def theme_folders(paths: Paths) -> tuple[Path, ...]:
    """Return the folders to search for a theme, the user's first; a folder need not exist."""
    return (paths.themes, _PACKAGE / "_themes", _PACKAGE.parent / "themes")


def theme_names(folders: Sequence[Path]) -> tuple[str, ...]:
    """Return the names of the themes in the folders, without duplicates, in alphabetical order."""
    files = (file for folder in folders for file in folder.glob("*.toml"))
    return tuple(sorted({file.stem for file in files if _NAME.fullmatch(file.stem) and file.is_file()}))


def load_theme(name: str, folders: Sequence[Path]) -> Theme | Failure:
    """Return the theme of a name from the first folder that has it.

    The failure for an invalid file names the file, the key and the allowed values; the failure for an unknown theme
    suggests a similar name.
    """
    files = (folder / f"{name}.toml" for folder in folders) if _NAME.fullmatch(name) else ()
    file = next((file for file in files if file.is_file()), None)
    if file is None:
        words = safe_format("There is no theme {name}.", name=safe_line(name))
        return Failure(FailureKind.BAD_CONFIG, words, did_you_mean(name, theme_names(folders)))
    try:
        return _theme(name, read_toml(file))
    except ConfigError as wrong:
        return wrong.failure


def _theme(name: str, source: TomlFile) -> Theme:
    for key in source.table:
        if key not in ("name", "kind", "styles"):
            raise source.unknown_key((key,), ("name", "kind", "styles"))
    kind = source.table.get("kind")
    if not isinstance(kind, str) or kind not in _KINDS:
        raise source.error(("kind",), safe_format("must be one of {kinds}", kinds=Safe(", ".join(_KINDS))))
    if source.table.get("name", name) != name:
        raise source.error(("name",), safe_format("must be {name}, as the file is called", name=safe_line(name)))
    rows = table(source.table.get("styles"))
    if rows is None:
        raise source.error(("styles",), safe_format("must be a table: [styles], then one row for each role"))
    roles = [role.value for role in TextRole]
    for key in rows:
        if key not in roles:
            raise source.unknown_key(("styles", key), roles)
    return Theme(name, kind, {role: _style(source, role, rows) for role in TextRole})


def _style(source: TomlFile, role: TextRole, rows: dict[str, object]) -> Style:
    keys = ("styles", role.value)
    if role not in rows:
        raise source.error(
            keys, safe_format("is missing"), safe_format("Add a row such as {role} = {{}}", role=Safe(role.value))
        )
    row = table(rows[role])
    if row is None:
        raise source.error(keys, safe_format('must be a table such as {{ color = "#rrggbb", bold = true }}'))
    values: dict[str, Any] = {}
    for key, value in row.items():
        if key != "color" and key not in _ATTRIBUTES:
            raise source.unknown_key((*keys, key), ("color", *_ATTRIBUTES))
        values[key] = _text_style(source, (*keys, key), value)
    return Style(**values)


def _text_style(source: TomlFile, keys: tuple[str, ...], value: object) -> str | bool:
    if keys[-1] == "color":
        if isinstance(value, str) and (value in _COLORS or _RGB.fullmatch(value)):
            return value
        raise source.error(keys, safe_format("must be {words}", words=_COLOR_WORDS))
    if isinstance(value, bool):
        return value
    raise source.error(keys, safe_format("must be true or false"))
