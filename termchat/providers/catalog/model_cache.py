"""Cache of model listings, and of what servers have refused: one JSON file, valid for a day."""

from __future__ import annotations

import json
import stat
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from termchat.core.models import ModelInfo, ModelRef
from termchat.providers.decoder import as_list, as_object, as_text
from termchat.system.atomic_write import replace_text

if TYPE_CHECKING:
    from termchat.providers.client import Endpoint

_MAX_AGE = 24 * 3600.0  # seconds
_MAX_BYTES = 64 << 20


def model_info(
    endpoint: Endpoint,
    model: str,
    *,
    title: str = "",
    context: int | None = None,
    max_output: int | None = None,
    created: int | None = None,
    known: tuple[str, ...] = (),
) -> ModelInfo:
    """Return a row of an endpoint's listing; `context` and `max_output` in tokens, `created` in seconds since 1970.

    known   words about the model: parts of a request that it does not support, and quirks
    """
    return ModelInfo(ModelRef(endpoint.config.name, model), title, context, max_output, created, known)


class ModelCache:
    """Model listings by provider. An unreadable file counts as empty, and a failure to write is ignored.

    file   the cache file; None keeps the listings in memory only
    """

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self._data: dict[str, Any] | None = None
        self._learned: dict[tuple[str, str], frozenset[str]] = {}  # in this run, whether or not the file can be written

    def get(self, provider: str, *, stale: bool = False) -> Sequence[ModelInfo] | None:
        """Return a provider's listing if it is at most a day old, or of any age if `stale`; None without one."""
        row = as_object(self._read().get(provider))
        listed_at = row.get("asked")
        if not isinstance(listed_at, int | float) or (not stale and not 0 <= time.time() - listed_at < _MAX_AGE):
            return None
        return [_info(provider, as_object(model)) for model in as_list(row.get("models"))]

    def put(self, provider: str, models: Iterable[ModelInfo]) -> None:
        """Replace a provider's listing, in memory and in the file."""
        rows = [asdict(m) | {"id": m.ref.model, "known": list(m.known)} for m in models]
        rows = [{name: value for name, value in row.items() if name not in ("ref", "refused")} for row in rows]
        row = {"refused": refused} if (refused := as_object(self._read().get(provider)).get("refused")) else {}
        self._write(self._read() | {provider: {"asked": time.time(), "models": rows} | row})

    def renew(self, provider: str, models: Sequence[ModelInfo]) -> None:
        """Forget a provider's listing and refusals, as its server or key is another now; keep `models` if any."""
        self._forget_learned(provider)
        if provider in self._read():
            self._write({name: row for name, row in self._read().items() if name != provider})
        if models:
            self.put(provider, models)

    def known(self, provider: str, model: str) -> frozenset[str]:
        """Return the words about a model in a listing of any age: parts that it does not support, and quirks."""
        rows = as_list(as_object(self._read().get(provider)).get("models"))
        row = as_object(next((row for row in map(as_object, rows) if row.get("id") == model), None))
        return frozenset(word for word in as_list(row.get("known")) if isinstance(word, str))

    def refused(self, provider: str, model: str) -> frozenset[str]:
        """Return the words that a server's refusals have taught about a model in the last day.

        model   the model with its protocol and host, because another server may take what this one refuses
        """
        found = as_object(as_object(as_object(self._read().get(provider)).get("refused")).get(model))
        now = time.time()
        stored = (word for word, at in found.items() if isinstance(at, int | float) and 0 <= now - at < _MAX_AGE)
        return self._learned.get((provider, model), frozenset(stored))

    def learned(self, provider: str) -> dict[str, frozenset[str]]:
        """Return the words that refusals of the last day have taught, by model of a provider, on any of its servers."""
        stored = as_object(as_object(self._read().get(provider)).get("refused"))
        keys = {*stored, *(key for name, key in self._learned if name == provider)}
        found: dict[str, frozenset[str]] = {}
        for key in keys:
            model = key.split(" ", 2)[-1]
            found[model] = found.get(model, frozenset()) | self.refused(provider, key)
        return found

    def add_refused(self, provider: str, model: str, word: str, instead_of: str = "") -> None:
        """Remember for a day what a refusal has taught about a model.

        model        as in `refused`
        word         a part of a request that the server does not take, or a quirk
        instead_of   the word that it replaces, "" for none
        """
        self._learned[provider, model] = self.refused(provider, model) - {instead_of} | {word}
        self._data = None if self._file else self._data  # another process may have learned meanwhile
        row = as_object(self._read().get(provider))
        refused = as_object(row.get("refused"))
        kept = {name: at for name, at in as_object(refused.get(model)).items() if name != instead_of}
        refused = refused | {model: kept | {word: time.time()}}
        self._write(self._read() | {provider: row | {"refused": refused}})

    def forget_refused(self, provider: str) -> None:
        """Forget what the servers of a provider have refused: the user asks again."""
        self._forget_learned(provider)
        row = as_object(self._read().get(provider))
        if row.get("refused"):
            self._write(self._read() | {provider: {name: value for name, value in row.items() if name != "refused"}})

    def _forget_learned(self, provider: str) -> None:
        self._learned = {key: words for key, words in self._learned.items() if key[0] != provider}

    def _write(self, data: dict[str, Any]) -> None:
        self._data = data
        if self._file is None:
            return
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            replace_text(self._file, json.dumps(data))
        except OSError:
            pass

    def _read(self) -> dict[str, Any]:
        if self._data is None:
            try:
                self._data = as_object(json.loads(_text(self._file))) if self._file else {}
            except (OSError, ValueError, RecursionError):
                self._data = {}
        return self._data


def _text(file: Path) -> str:
    """Return the text of a regular file of a sensible size. Raises OSError and ValueError."""
    status = file.stat()
    if not stat.S_ISREG(status.st_mode) or status.st_size > _MAX_BYTES:
        raise OSError(0, "not a file of listings")
    return file.read_text(encoding="utf-8")


def _info(provider: str, row: dict[str, Any]) -> ModelInfo:
    def number(name: str) -> int | None:
        value = row.get(name)
        return value if isinstance(value, int) else None

    ref = ModelRef(provider, as_text(row.get("id")))
    known = tuple(word for word in as_list(row.get("known")) if isinstance(word, str))
    return ModelInfo(ref, as_text(row.get("title")), number("context"), number("max_output"), number("created"), known)
