"""Providers of installed packages: the entry points of the group `termchat.providers`.

The name of an entry point is that of the provider. It names one of:

- a mapping of the settings of `[providers.NAME]`: base URLs, `key`, `models` and so on
- an object with `origin` and `stream`, as `core.provider.Provider` describes it: one model
- a function that takes the name of a model and returns such an object

Nothing of a package is imported before one of its models is used.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, TypeAlias, cast

from termchat.core import provider
from termchat.core.errors import Failure, FailureKind, ProviderError
from termchat.core.events import Delta, ProviderNotice
from termchat.core.messages import Origin
from termchat.core.models import ModelRef, ProviderConfig
from termchat.core.provider import Bill, Provider, Request, StreamMonitor
from termchat.core.sanitize import Safe, safe_format, safe_line

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP = "termchat.providers"
ReadSettings: TypeAlias = Callable[[str, Mapping[str, object], str], ProviderConfig | Failure]


class InstalledProviders:
    """The providers of installed packages.

    read   reads settings: the name of the provider, the mapping, and the place for errors
    """

    def __init__(self, read: ReadSettings) -> None:
        self._read = read

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def load(self, name: str) -> ProviderConfig | Callable[[str], Provider]:
        """Import a provider; return its settings, or the function that makes a model. Raises ProviderError."""
        entry = self._entries[name]
        place = _place(entry)
        try:
            found: object = entry.load()
        except Exception as error:  # code of the package
            raise ProviderError(_broken(place, error)) from error
        if isinstance(found, Mapping):
            config = self._read(name, cast("Mapping[str, object]", found), place)
            if isinstance(config, Failure):
                raise ProviderError(config)
            return config
        return _Models(name, place, found).open

    @cached_property
    def _entries(self) -> Mapping[str, EntryPoint]:
        from importlib.metadata import entry_points  # takes 10 ms, and most models belong to no package

        return {entry.name: entry for entry in reversed(tuple(entry_points(group=GROUP)))}


class _Models:
    """The models of a provider that is code."""

    def __init__(self, name: str, place: str, found: object) -> None:
        self._name = name
        self._place = place
        self._found = found

    def open(self, model: str) -> Provider:
        """Return a model. Raises ProviderError."""
        made = self._found
        if (callable(made) and not hasattr(made, "stream")) or isinstance(made, type):
            try:
                made = cast("Callable[[str], object]", made)(model)
            except ProviderError:
                raise
            except Exception as error:  # code of the package
                raise ProviderError(_broken(self._place, error)) from error
        origin = getattr(made, "origin", None)
        if not isinstance(origin, Origin) or not callable(getattr(made, "stream", None)):
            why = safe_format("it needs `origin` and `stream`, as termchat.core.provider.Provider has them")
            raise ProviderError(_unusable(self._place, why))
        if origin.ref != (wanted := ModelRef(self._name, model)):
            words = safe_format(
                "{place} has the model {known}, not {name}.",
                place=safe_line(self._place), known=safe_line(str(origin.ref)), name=safe_line(str(wanted)),
            )  # fmt: skip
            hint = safe_format("Use -m {known}.", known=safe_line(str(origin.ref)))
            raise ProviderError(Failure(FailureKind.NOT_FOUND, words, hint))
        return _InstalledProvider(cast("Provider", made), self._place)


class _InstalledProvider:
    """A provider of a package, whose exceptions become failures of the reply."""

    def __init__(self, inner: Provider, place: str) -> None:
        self._inner = inner
        self._place = place

    @property
    def origin(self) -> Origin:
        return self._inner.origin

    async def stream(self, request: Request, monitor: StreamMonitor) -> AsyncGenerator[Delta, None]:
        """Stream the deltas of the package's reply. Raises ProviderError."""
        if monitor.gate:
            admitted = await monitor.gate.admit(Bill(self.origin, request, request.params.max_tokens))
            if admitted.max_tokens is not None:
                request = replace(request, params=replace(request.params, max_tokens=admitted.max_tokens))
            if admitted.notice:
                yield ProviderNotice(admitted.notice)
        try:
            async with aclosing(self._inner.stream(request, monitor)) as deltas:
                async for delta in deltas:
                    yield delta
        except ProviderError:
            raise
        except Exception as error:  # code of the package
            raise ProviderError(_broken(self._place, error)) from error


def _place(entry: EntryPoint) -> str:
    return f"package {entry.dist.name} {entry.dist.version}" if entry.dist else f"package of {entry.value}"


def _broken(place: str, error: Exception) -> Failure:
    return _unusable(place, safe_line(f"{type(error).__name__}: {error}"))


def _unusable(place: str, why: Safe) -> Failure:
    words = safe_format("The provider of {place} cannot be used: {why}.", place=safe_line(place), why=why)
    return Failure(FailureKind.BUG, words, safe_format("Update or remove the package."))


if TYPE_CHECKING:
    _port: type[provider.Provider] = _InstalledProvider
