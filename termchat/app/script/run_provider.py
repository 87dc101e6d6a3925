"""The provider of one run: `--base-url URL --protocol P --key SOURCE -m MODEL`, without any configuration."""

from __future__ import annotations

import os
from dataclasses import replace
from urllib.parse import urlsplit

from termchat.app.options import Options
from termchat.config.base_urls import invalid_reason, is_local, is_unencrypted, normalise_base_url
from termchat.config.credentials import is_reference
from termchat.config.load import Config
from termchat.config.provider_fields import PROTOCOLS
from termchat.config.providers import with_output_limits
from termchat.config.toml_file import did_you_mean
from termchat.core.errors import Failure, FailureKind
from termchat.core.models import ApiProtocol, ProviderConfig
from termchat.core.sanitize import EMPTY, Safe, safe_format, safe_line

_LITERAL_KEY = safe_format(
    "--key: other users of this machine can see the key in the list of processes; "
    "use env:NAME, cmd:COMMAND or file:PATH."
)


def with_run_provider(config: Config, options: Options) -> Config | Failure:
    """Return the configuration with the provider of the command line, named after its host, and its model."""
    if options.protocol and options.protocol not in PROTOCOLS:
        words = safe_format(
            "--protocol takes {names}, not {given}.",
            names=Safe(", ".join(PROTOCOLS)),
            given=safe_line(f'"{options.protocol[:40]}"'),
        )
        return _mistake(words, did_you_mean(options.protocol, PROTOCOLS))
    if config.origin("model") not in ("--model", "--set"):
        return _mistake(safe_format("--base-url requires a model."), safe_format("Add -m MODEL."))
    protocol = ApiProtocol(options.protocol or ApiProtocol.CHAT)
    url, repairs = normalise_base_url(options.base_url, protocol)
    if reason := invalid_reason(url):
        return _mistake(safe_format("--base-url: {why}.", why=reason))
    parts = urlsplit(url)
    name = parts.hostname or "server"
    key = _absolute(options.key.strip())
    keyless = is_local(parts.netloc) and not key  # with a key, an empty one is an error
    made = ProviderConfig(name, title=name, key=key, base_urls={protocol: url}, local=keyless, source="--base-url")
    notes = list(repairs)
    if key and not is_reference(key):
        notes.append(_LITERAL_KEY)
    if key and is_unencrypted(url):
        notes.append(safe_format("The key is sent to {host} without encryption.", host=safe_line(name)))
    model = config.settings.model.removeprefix(f"{name}/")
    return replace(
        config,
        providers={**config.providers, name: with_output_limits(made)},
        settings=replace(config.settings, model=f"{name}/{model}"),
        notes=(*config.notes, *notes),
    )


def _absolute(key: str) -> str:
    """Return the source of a key with the path of a file as seen from here."""
    path = key.removeprefix("file:")
    return key if path == key else f"file:{os.path.abspath(os.path.expanduser(path.strip()))}"


def _mistake(words: Safe, hint: Safe = EMPTY) -> Failure:
    return Failure(FailureKind.BAD_CONFIG, words, hint)
