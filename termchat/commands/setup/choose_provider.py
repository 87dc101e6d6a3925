"""The questions about a provider: one of the presets, one of the config file, or another gateway by its address."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from urllib.parse import urlsplit

from termchat.commands.setup.ports import Dialog, LocalResult, Setup, TextQuestion
from termchat.config.base_urls import invalid_reason, normalise_base_url
from termchat.config.providers import VENDORS, presets
from termchat.config.toml_file import did_you_mean
from termchat.core.effects import Choice
from termchat.core.models import ApiProtocol, ProviderConfig
from termchat.core.sanitize import EMPTY, Safe, counted, safe, safe_format, safe_line
from termchat.core.style import TextRole

_OTHER = safe_format("Another gateway or server")
_PROTOCOLS = {
    ApiProtocol.CHAT: (safe_format("openai"), safe_format("Chat Completions, which most gateways speak")),
    ApiProtocol.RESPONSES: (safe_format("responses"), safe_format("OpenAI Responses, Open Responses")),
    ApiProtocol.ANTHROPIC: (safe_format("anthropic"), safe_format("Anthropic Messages")),
    ApiProtocol.GEMINI: (safe_format("gemini"), safe_format("Google Gemini")),
}
_USUAL_PATHS = {ApiProtocol.CHAT: "/v1", ApiProtocol.RESPONSES: "/v1", ApiProtocol.ANTHROPIC: "/anthropic"}
_ROUTED_LIKE = "ulovegpt"  # a gateway with all protocols, whose preset routes the vendors' models


class ProviderQuestions:
    """Asks for the provider of a login."""

    def __init__(self, dialog: Dialog, setup: Setup) -> None:
        self._dialog = dialog
        self._setup = setup

    async def choose(self, name: str) -> ProviderConfig:
        """Return the provider of a name, or the chosen one. Raises DialogCancelledError."""
        known = {key: config for key, config in self._setup.providers.items() if key != "demo"}
        if name and (found := known.get(name.lower()) or known.get(name)):
            return found
        if name:
            words = safe_format("There is no provider {name}.", name=safe_line(f'"{name[:40]}"'))
            self._dialog.show(Safe(f"{words} {did_you_mean(name, known)}"), TextRole.WARNING)
        local = await self._setup.find_local()
        configs = _ordered(known, local)
        rows = [self._row(config, local) for config in configs]
        at = await self._dialog.choose(safe_format("Log in to"), [*rows, Choice(_OTHER, safe_format("by its address"))])
        return configs[at] if at < len(configs) else await self._another(known)

    def _row(self, config: ProviderConfig, local: Sequence[LocalResult]) -> Choice:
        server = next((server for server in local if server.provider == config.name), None)
        if server and server.locked:
            detail = safe_format("answers on port {port}, wants a key", port=safe(str(server.port)))
        elif server:
            models = counted(len(server.models), "model")
            detail = safe_format("answers on port {port} · {models}", port=safe(str(server.port)), models=models)
        elif config.local:
            detail = safe_format("this machine · not running")
        elif self._setup.has_key(config):
            detail = safe_format("has a key")
        else:
            detail = safe_line(config.key_page.removeprefix("https://"))
        return Choice(safe_line(config.title or config.name), detail, name=config.name)

    async def _another(self, known: dict[str, ProviderConfig]) -> ProviderConfig:
        """Ask for the name, the protocols and the base URLs of a provider that is not known."""
        name = await self._ask_name(known)
        config = ProviderConfig(name, title=name)
        while True:
            left = [protocol for protocol in _PROTOCOLS if protocol not in config.base_urls]
            rows = [Choice(*_PROTOCOLS[protocol]) for protocol in left]
            if config.base_urls:
                rows.insert(0, Choice(safe_format("No, that is all")))
                at = await self._dialog.choose(safe_format("Another protocol?"), rows) - 1
            else:
                at = await self._dialog.choose(safe_format("Its protocol"), rows)
            if at < 0 or at >= len(left):
                return _routed(config)
            config = await ask_base_url(self._dialog, config, left[at])
            if len(config.base_urls) == len(_PROTOCOLS):
                return _routed(config)

    async def _ask_name(self, known: dict[str, ProviderConfig]) -> str:
        help_ = (safe_format("A short name for it: the part of a model's name before the /."),)
        while True:
            name = (await self._dialog.ask(TextQuestion(safe_format("Name"), help_))).strip().lower()
            if problem := _name_problem(name, known):
                self._dialog.show(problem, TextRole.WARNING)
            else:
                return name


async def ask_base_url(dialog: Dialog, config: ProviderConfig, protocol: ApiProtocol) -> ProviderConfig:
    """Ask for the base URL of one protocol; the configured one, or a likely one, can be edited."""
    before = config.base_urls.get(protocol, "")
    default = before or _likely_url(config, protocol)
    title = safe_format("Base URL ({protocol})", protocol=safe(protocol.value))
    while True:
        text = await dialog.ask(TextQuestion(title, (safe_format("For example https://api.example.com/v1"),), default))
        if not text.strip():
            dialog.show(safe_format("The provider needs an address."), TextRole.WARNING)
            continue
        url, repairs = normalise_base_url(text.strip().strip("\"'"), protocol)
        problem = invalid_reason(url)
        if problem:
            dialog.show(safe_format("That is not a base URL: {why}.", why=problem), TextRole.WARNING)
            default = text.strip() or default
            continue
        for repair in repairs:
            dialog.show(repair)
        # Both protocols of OpenAI have one address, so that a key never goes to a server that it is not for.
        same = [other for other, base in config.base_urls.items() if before and base == before and other != protocol]
        return replace(config, base_urls={**config.base_urls, **dict.fromkeys((protocol, *same), url)})


def _ordered(known: dict[str, ProviderConfig], local: Sequence[LocalResult]) -> list[ProviderConfig]:
    """Return the providers as they are offered: running servers, the vendors, gateways, servers that do not run."""
    running = [server.provider for server in local]
    first = [known[name] for name in running if name in known]
    vendors = [known[name] for name in VENDORS if name in known]
    rest = [config for config in known.values() if config not in first and config not in vendors]
    own = [config for config in rest if not config.local and config.name not in presets()]
    gateways = [config for config in rest if not config.local and config.name in presets()]
    return [*first, *vendors, *own, *gateways, *(config for config in rest if config.local)]


def _routed(config: ProviderConfig) -> ProviderConfig:
    """Return the provider with the protocol of each vendor's models, where it speaks several."""
    if len(config.base_urls) == 1:
        return config
    likely = presets()[_ROUTED_LIKE].route
    route = {pattern: protocol for pattern, protocol in likely.items() if protocol in config.base_urls}
    route.pop("*", None)
    general = next((p for p in (ApiProtocol.CHAT, ApiProtocol.RESPONSES) if p in config.base_urls), None)
    return replace(config, route={**route, "*": general or next(iter(config.base_urls))})


def _likely_url(config: ProviderConfig, protocol: ApiProtocol) -> str:
    """Return the address of another protocol at the same host; "" without one."""
    parts = urlsplit(next(iter(config.base_urls.values()), ""))
    return f"{parts.scheme}://{parts.netloc}{_USUAL_PATHS.get(protocol, '')}" if parts.netloc else ""


def _name_problem(name: str, known: dict[str, ProviderConfig]) -> Safe:
    if not name:
        return safe_format("It needs a name.")
    if name in known or name == "demo":
        return safe_format("There is a provider {name}; choose another name.", name=safe_line(name))
    if ":" in name or name.count(".") > 1:
        return safe_format("That is an address, which is asked for next. Enter a name such as work.")
    if not name.isprintable() or "/" in name or any(map(str.isspace, name)):
        return safe_format("A name has no blanks and no /.")
    return EMPTY
