"""Models, chats, roles, themes and servers for completion, read from the user's files; nothing else is asked.

Every function returns (value, description) pairs, and nothing for a file that is missing or damaged.
"""

from __future__ import annotations

import os
from typing import cast

from termchat.config.paths import paths

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import Any

    Pairs = Iterator[tuple[str, str]]

_CHATS = 200
_LISTED_AT_ONCE = 60  # models; more are completed after their provider
_LARGEST = 4 << 20  # bytes of a file that is read


class CompletionValues:
    """The values of one environment.

    table   the table of `completion_table`
    """

    def __init__(self, env: Mapping[str, str], table: Mapping[str, Any]) -> None:
        self._env = env
        self._table = table
        self._paths = paths(env)

    def complete(self, kind: str, word: str) -> list[tuple[str, str]]:
        """Return the values of a kind that begin with a word; none for a kind without values."""
        find: Callable[[str], Pairs] | None = {
            "model": self._models, "chat": self._chats, "role": self._roles, "theme": self._themes,
            "provider": self._providers, "server": self._servers, "setting": self._settings, "shell": self._shells,
            "system": self._system_files, "path": _paths,
        }.get(kind)  # fmt: skip
        return [pair for pair in find(word) if pair[0].startswith(word)] if find else []

    def _models(self, word: str) -> Pairs:
        config = self._config()
        aliases = {name: str(model) for name, model in _table(config.get("aliases")).items()}
        known = dict.fromkeys(map(str, _array(config.get("favourites"))), "")
        listed = self._listed_models(config)
        few = "/" in word or sum(map(len, listed.values())) <= _LISTED_AT_ONCE
        if few:
            known |= {f"{name}/{model}": title for name, models in listed.items() for model, title in models.items()}
        base, colon, _ = word.rpartition(":")
        if colon and (base in known or base in aliases or "/" in base):
            yield from ((f"{base}:{effort}", "reasoning effort") for effort in self._table["efforts"])
        yield from aliases.items()
        yield from known.items()
        if not few:
            yield from ((f"{name}/", f"{len(models)} models") for name, models in listed.items())

    def _listed_models(self, config: Mapping[str, Any]) -> Mapping[str, Mapping[str, str]]:
        """Return provider -> model -> title: of cached listings, and the default models of providers with a key."""
        own, presets = _table(config.get("providers")), self._table["providers"]
        listings = _table(_json(str(self._paths.cache / "models.json")))
        found: dict[str, dict[str, str]] = {}
        for name in dict.fromkeys((*own, *presets, *listings)):
            _, known, variables = presets.get(name, ("", [], []))
            usable = name in own or any(self._env.get(variable) for variable in variables)
            models = [str(_table(own.get(name)).get("model", "")), *known] if usable else []
            rows = (_table(row) for row in _array(_table(listings.get(name)).get("models")))
            merged = {model: "" for model in models if model}
            merged |= {str(row.get("id")): str(row.get("title") or "") for row in rows if row.get("id")}
            if merged:
                found[name] = merged
        return {**found, "demo": {"tour": "the built-in guide"}}

    def _chats(self, word: str) -> Pairs:
        from termchat.store.sqlite.chat_titles import newest_titles

        chats = newest_titles(str(self._paths.data / "termchat.db"), _CHATS)
        yield from chats
        if word:
            titles = [title for _, title in chats]
            yield from ((title, "") for title in titles if titles.count(title) == 1)

    def _roles(self, word: str) -> Pairs:
        return ((name[:-3], "role") for name in _entries(str(self._paths.prompts)) if name.endswith(".md"))

    def _themes(self, word: str) -> Pairs:
        package = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
        beside = os.path.join(os.path.dirname(package), "themes")
        names = {"auto.toml", *_entries(str(self._paths.themes))}
        names.update(_entries(os.path.join(package, "_themes")), _entries(beside))
        return ((name[:-5], "theme") for name in sorted(names) if name.endswith(".toml"))

    def _providers(self, word: str) -> Pairs:
        yield from ((name, "") for name in _table(self._config().get("providers")))
        yield from ((name, title) for name, (title, _, _) in self._table["providers"].items())

    def _servers(self, word: str) -> Pairs:
        return ((name, "MCP server") for name in _table(self._config().get("mcp")))

    def _settings(self, word: str) -> Pairs:
        """Yield KEY= and, after it, the values of the setting."""
        key, equals, value = word.partition("=")
        settings = self._table["settings"]
        if not equals:
            yield from ((f"{name}=", help_) for name, (help_, _) in settings.items())
        elif key in settings:
            kind = key if key in ("model", "theme") else "system" if key == "system" else ""
            found = self.complete(kind, value) if kind else [(choice, "") for choice in settings[key][1]]
            yield from ((f"{key}={choice}", about) for choice, about in found)

    def _shells(self, word: str) -> Pairs:
        return ((name, "") for name in ("bash", "zsh", "fish"))

    def _system_files(self, word: str) -> Pairs:
        """Yield @FILE after an @."""
        if word.startswith("@"):
            yield from ((f"@{path}", "") for path, _ in _paths(word[1:]))

    def _config(self) -> Mapping[str, Any]:
        import tomllib

        try:
            return tomllib.loads(_text(str(self._paths.config_file)))
        except (OSError, ValueError, RecursionError):
            return {}


def _paths(word: str) -> Pairs:
    """Yield the files of the directory that a word begins with; hidden ones after a dot."""
    folder = word.rpartition("/")[0] + ("/" if "/" in word else "")
    place = os.path.expanduser(folder) or "."
    for name in _entries(place):
        if not name.startswith(".") or word[len(folder) :].startswith("."):
            yield f"{folder}{name}{'/' if os.path.isdir(os.path.join(place, name)) else ''}", ""


def _text(file: str) -> str:
    with open(file, "rb") as opened:
        return opened.read(_LARGEST).decode("utf-8-sig")


def _json(file: str) -> Any:
    import json

    try:
        return json.loads(_text(file))
    except (OSError, ValueError, RecursionError):
        return None


def _entries(folder: str) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []


def _table(value: Any) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _array(value: Any) -> list[Any]:
    return cast("list[Any]", value) if isinstance(value, list) else []
