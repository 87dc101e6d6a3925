"""The ports of a setup: the dialogue with the user, and the checks of providers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, Protocol, TypeVar

from termchat.core.effects import Choice
from termchat.core.errors import Failure
from termchat.core.models import ApiProtocol, Check, ModelInfo, ProviderConfig
from termchat.core.sanitize import Safe
from termchat.core.style import TextRole
from termchat.core.usage import Usage
from termchat.late_dataclass import dataclass

T = TypeVar("T")


class DialogCancelledError(Exception):
    """Raised by a dialogue when the user leaves a question or stops a wait."""


@dataclass(frozen=True, slots=True)
class TextQuestion:
    """A question for one line of text.

    prompt    one or two words before the text, such as `Base URL`
    help      sentences above it
    default   the text to begin with; never of a secret
    secret    the text is never shown or kept
    """

    prompt: Safe
    help: tuple[Safe, ...] = ()
    default: str = ""
    secret: bool = False


class Dialog(Protocol):
    """A dialogue with the user. Every method that waits raises DialogCancelledError."""

    def show(self, words: Safe, role: TextRole = TextRole.DIM) -> None:
        """Print a line above the dialogue."""
        ...

    async def choose(self, title: Safe, choices: Sequence[Choice], at: int = 0) -> int:
        """Return the index of the chosen row; `at` is marked first."""
        ...

    async def ask(self, question: TextQuestion) -> str:
        """Return the entered text."""
        ...

    async def wait(self, words: Safe, work: Coroutine[Any, Any, T]) -> T:
        """Run some work while the words tell what is waited for; the user can stop it."""
        ...


class ListingResult(Protocol):
    """The answer of one base URL to the question for its models."""

    @property
    def protocol(self) -> ApiProtocol: ...
    @property
    def models(self) -> tuple[ModelInfo, ...]: ...
    @property
    def failure(self) -> Failure | None: ...
    @property
    def seconds(self) -> float: ...


class AskedResult(Protocol):
    """The answer of a model to a small request."""

    @property
    def failure(self) -> Failure | None: ...
    @property
    def usage(self) -> Usage | None: ...
    @property
    def seconds(self) -> float: ...


class LocalResult(Protocol):
    """A server on this machine that answers on its usual port."""

    @property
    def provider(self) -> str: ...
    @property
    def port(self) -> int: ...
    @property
    def models(self) -> tuple[str, ...]: ...
    @property
    def locked(self) -> bool: ...


class Setup(Protocol):
    """The providers of a run, and live checks of them. No check uses a cached answer."""

    @property
    def file(self) -> Path:
        """The config file, which may not exist."""
        ...

    @property
    def providers(self) -> Mapping[str, ProviderConfig]:
        """The providers by name, those of the config file first."""
        ...

    @property
    def kept(self) -> Mapping[str, ProviderConfig]:
        """The providers that the next run has, too: without what a login has set up for this run only."""
        ...

    @property
    def in_chat(self) -> bool:
        """Return True in a chat, which can use a key that is kept nowhere."""
        ...

    def is_set(self, variable: str) -> bool:
        """Return True if an environment variable has a value."""
        ...

    def has_key(self, config: ProviderConfig) -> bool:
        """Return True if a provider has a key or needs none."""
        ...

    def hide(self, secret: str) -> None:
        """Mask a secret in everything that is saved or shown from now on."""
        ...

    def use(self, config: ProviderConfig, models: Sequence[ModelInfo] = ()) -> None:
        """Use a provider as it is configured here, from the next request of this run on.

        models   those that it has just listed; without them, it is asked again
        """
        ...

    async def run_command(self, config: ProviderConfig) -> str | Failure:
        """Return the key that the source of a provider's key gives now; it may run a command."""
        ...

    async def list_models(self, config: ProviderConfig, protocol: ApiProtocol) -> ListingResult:
        """Ask one base URL for its models."""
        ...

    async def lists_without_key(self, config: ProviderConfig, protocol: ApiProtocol) -> bool:
        """Return True if the list of models does not prove the key."""
        ...

    async def ask(self, config: ProviderConfig, model: str) -> AskedResult:
        """Ask a model for one word, which costs `price`."""
        ...

    async def price(self, config: ProviderConfig, models: Sequence[str], *, full: bool = False) -> Decimal | None:
        """Return the price of one small request to each model in US dollars, None if unknown.

        full   the price of all requests of a diagnosis instead
        """
        ...

    async def find_local(self) -> Sequence[LocalResult]:
        """Search this machine for servers; it takes a fraction of a second, and nothing is sent to another one."""
        ...

    def diagnose(self, *, full: bool) -> AsyncIterator[Check]:
        """Yield the results of all checks, as they come."""
        ...

    async def full_models(self) -> Sequence[tuple[ProviderConfig, str]]:
        """Return the providers whose requests a full diagnosis makes, each with the model that it asks."""
        ...
