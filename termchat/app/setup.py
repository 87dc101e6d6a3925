"""The setup of providers in a run: live checks, and the change of what the run uses."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from termchat.config.providers import with_output_limits
from termchat.core.errors import Failure
from termchat.core.models import ApiProtocol, Check, ModelInfo, ModelRef, ProviderConfig

if TYPE_CHECKING:
    from termchat.config.credentials import Credentials
    from termchat.config.load import Config
    from termchat.core.redact import Redactor
    from termchat.providers.check import Asked, Listing, ProviderChecks
    from termchat.providers.http.local_servers import LocalServer


class ProviderChanges(Protocol):
    """The providers in use, which take a changed configuration."""

    def configure(self, config: ProviderConfig, models: Sequence[ModelInfo] = ()) -> None: ...


class AppSetup:
    """Implements `commands.setup.ports.Setup` for a run, or for a subcommand without one."""

    def __init__(
        self,
        config: Config,
        env: Mapping[str, str],
        keys: Credentials,
        in_use: ProviderChanges | None = None,
        redactors: Iterable[Redactor] = (),
    ) -> None:
        """Create the setup.

        in_use      the providers of the run, None for a subcommand
        redactors   learn each entered key
        """
        self._config = config
        self._env = env
        self._keys = keys
        self._in_use = in_use
        self._redactors = tuple(redactors)
        self._changed: dict[str, ProviderConfig] = {}

    @property
    def file(self) -> Path:
        return self._config.file

    @property
    def providers(self) -> Mapping[str, ProviderConfig]:
        return {**self._config.providers, **self._changed}

    @property
    def kept(self) -> Mapping[str, ProviderConfig]:
        changed = {name: config for name, config in self._changed.items() if config.source != "this run"}
        return {**self._config.providers, **changed}

    @property
    def in_chat(self) -> bool:
        return self._in_use is not None

    def is_set(self, variable: str) -> bool:
        return bool(self._env.get(variable, "").strip())

    def has_key(self, config: ProviderConfig) -> bool:
        return self._keys.has_key(config)

    def hide(self, secret: str) -> None:
        for redact in self._redactors:
            redact.add(secret)

    def use(self, config: ProviderConfig, models: Sequence[ModelInfo] = ()) -> None:
        config = with_output_limits(config)
        self._changed[config.name] = config
        if self._in_use:
            self._in_use.configure(config, models)

    async def run_command(self, config: ProviderConfig) -> str | Failure:
        from termchat.providers.sdk.lazy_import import load_on_thread

        return await load_on_thread(lambda: self._keys.key(config, again=True))

    async def list_models(self, config: ProviderConfig, protocol: ApiProtocol) -> Listing:
        return await self._checks().list_models(config, protocol)

    async def lists_without_key(self, config: ProviderConfig, protocol: ApiProtocol) -> bool:
        return await self._checks().lists_without_key(config, protocol)

    async def ask(self, config: ProviderConfig, model: str) -> Asked:
        return await self._checks().ask(with_output_limits(config), model)

    async def price(self, config: ProviderConfig, models: Sequence[str], *, full: bool = False) -> Decimal | None:
        from termchat.providers.catalog.prices import PriceTable
        from termchat.providers.check import SMALLEST, THOROUGH

        table = PriceTable({config.name: config})
        usage = THOROUGH if full else SMALLEST
        costs = [await table.cost(ModelRef(config.name, model), usage) for model in models]
        known = [cost for cost in costs if cost is not None]
        return sum(known, Decimal(0)) if len(known) == len(costs) else None

    async def find_local(self) -> Sequence[LocalServer]:
        from termchat.providers.http.local_servers import find_local_servers

        return await find_local_servers(self.providers.values())

    async def full_models(self) -> Sequence[tuple[ProviderConfig, str]]:
        from termchat.app.diagnosis.health_checks import models_to_ask

        return await models_to_ask(self._configured(), self._checks())

    def diagnose(self, *, full: bool) -> AsyncIterator[Check]:
        from termchat.app.diagnosis.health_checks import all_checks

        return all_checks(self._config, self._env, self._keys, self._configured(), self._checks(), full=full)

    def _configured(self) -> list[ProviderConfig]:
        """Return the providers that are the user's own, or have a key."""
        from termchat.app.diagnosis.health_checks import configured_providers

        return configured_providers(self.providers.values(), self._keys)

    def _checks(self) -> ProviderChecks:
        from termchat.providers.check import ProviderChecks

        return ProviderChecks(self._keys, self._config.settings.timeouts)
