"""The secrets of a run: masked in what is saved, and looked for in prompts before they are sent."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from termchat.app.mcp_sources import login_store
from termchat.config.credentials import Credentials, is_reference
from termchat.config.load import Config
from termchat.core.errors import Failure
from termchat.core.messages import Message, Text
from termchat.core.models import ProviderConfig
from termchat.core.redact import Redactor, header_secrets, url_secrets
from termchat.core.sanitize import EMPTY, Safe, safe_format, safe_line

_ON_FIRST_USE = ("cmd:", "keyring:")  # sources of secrets that may ask the user


class PromptCheck:
    """Look for a key in a message before it is sent. No key command is run for that.

    is_saved   returns True while the chat is saved
    person     True in a chat, False in a script
    """

    def __init__(
        self, config: Config, env: Mapping[str, str], redact: Redactor, is_saved: Callable[[], bool], *, person: bool
    ) -> None:
        self._config = config
        self._is_saved = is_saved
        self._person = person
        self._env = env
        self._redact = redact
        self._complete = False

    def __call__(self, message: Message) -> Safe:
        """Return a sentence about the first key in the texts of a message, EMPTY without one."""
        if not self._complete:
            self._complete = True
            add_known_secrets(self._redact, self._config, self._env)
        for part in message.parts:
            if isinstance(part, Text) and (found := self._redact.find(part.text)):
                in_clear = self._is_saved() and bool(self._redact.find(self._redact(part.text)))
                return self._warning(safe_line(found), in_clear=in_clear)
        return EMPTY

    def _warning(self, mask: Safe, *, in_clear: bool) -> Safe:
        """Return the sentence about a key. A known key is masked in the saved chat, another one is saved in clear."""
        if not in_clear:
            return safe_format("The prompt contains an API key or a password ({mask}).", mask=mask)
        if self._person:
            return safe_format("This sends and saves an API key or a password ({mask}).", mask=mask)
        return safe_format(
            "The prompt contains an API key or a password ({mask}), saved with the chat (--no-save prevents that).",
            mask=mask,
        )


def add_known_secrets(redact: Redactor, config: Config, env: Mapping[str, str]) -> None:
    """Add the secrets of all providers and MCP servers to a redactor, except those of commands and keyrings."""
    keys = Credentials(env)
    for provider in config.providers.values():
        for secret in _known_secrets(provider, keys):
            redact.add(secret)
    for secret in login_store(config).secrets() if config.mcp else ():
        redact.add(secret)
    for server in config.mcp.values():
        named = {**server.env, **server.headers}
        named |= {"client_secret": server.client_secret} if server.client_secret else {}
        for secret in _named_secrets(named, keys):
            redact.add(secret)


def _known_secrets(provider: ProviderConfig, keys: Credentials) -> Iterator[str]:
    """Yield the secrets of a provider, except those that a command or a keyring gives on first use."""
    found = "" if provider.key.startswith(_ON_FIRST_USE) else keys.key(provider)
    if isinstance(found, str):
        yield found
    for url in (*provider.base_urls.values(), provider.proxy):
        yield from url_secrets(url)
    yield from _named_secrets(provider.headers, keys)


def _named_secrets(texts: Mapping[str, str], keys: Credentials) -> Iterator[str]:
    """Yield the secrets among headers or variables by name, except those of commands and keyrings."""
    known = {name: value for name, value in texts.items() if not value.strip().startswith(_ON_FIRST_USE)}
    for name, value in known.items():
        resolved = keys.resolve_headers({name: value})
        if not isinstance(resolved, Failure):
            yield from header_secrets(name, resolved[name], referenced=is_reference(value))


class RedactedCredentials(Credentials):
    """Credentials that add every key and secret header to a redactor as soon as it is read."""

    def __init__(self, env: Mapping[str, str], redact: Redactor) -> None:
        super().__init__(env)
        self._redact = redact
        self.learn = redact.add  # another secret

    def key(self, provider: ProviderConfig, again: bool = False) -> str | Failure:
        key = super().key(provider, again)
        if isinstance(key, str):
            self._redact.add(key)
        return key

    def resolve_headers(self, headers: Mapping[str, str], again: bool = False) -> dict[str, str] | Failure:
        resolved = super().resolve_headers(headers, again)
        for name, value in () if isinstance(resolved, Failure) else resolved.items():
            for secret in header_secrets(name, value, referenced=is_reference(headers[name])):
                self._redact.add(secret)
        return resolved
