"""The logout: remove the key that a login has kept."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from termchat.commands.setup.ports import Dialog, Setup
from termchat.config.credentials import is_reference, source_words
from termchat.config.providers import presets
from termchat.config.stored_keys import KEYRING, remove_from_keyring, remove_key, written_keys
from termchat.config.toml_file import did_you_mean
from termchat.core.effects import Choice
from termchat.core.sanitize import Safe, safe_format, safe_line
from termchat.core.style import TextRole


async def log_out(dialog: Dialog, setup: Setup, name: str) -> bool:
    """Remove the key of a provider, and report it; return True if one was removed.

    name   the provider, "" to choose one. Raises DialogCancelledError if the user does not.
    """
    kept = dict(written_keys(setup.file))
    for config in setup.providers.values():  # of this run only
        if config.name not in kept and config.source == "this run" and config.key and not is_reference(config.key):
            kept[config.name] = ""
    if not name:
        if not kept:
            dialog.show(safe_format("No login has kept a key."))
            return False
        rows = [Choice(safe_line(key), _place(value), name=key) for key, value in kept.items()]
        name = list(kept)[await dialog.choose(safe_format("Remove the key of"), rows)]
    if name not in kept:
        _refuse(dialog, setup, name)
        return False
    return await _remove(dialog, setup, name, kept[name])


async def _remove(dialog: Dialog, setup: Setup, name: str, key: str) -> bool:
    shown = safe_line(name)
    if key.startswith(KEYRING):
        failure = await asyncio.to_thread(remove_from_keyring, key.removeprefix(KEYRING).strip())
        if failure:
            dialog.show(failure.message, TextRole.ERROR)
            return False
    if key and (failure := await asyncio.to_thread(remove_key, setup.file, name)):
        dialog.show(failure.message, TextRole.ERROR)
        return False
    _forget(setup, name)
    words = safe_format("Logged out of {name}: its key was removed from {place}.", name=shown, place=_place(key))
    dialog.show(words)
    preset = presets().get(name)
    if preset and not preset.local and setup.has_key(preset):
        words = safe_format("{name} still has a key in the environment: {source}.",
                            name=shown, source=source_words(preset.key))  # fmt: skip
        dialog.show(words)
    return True


def _forget(setup: Setup, name: str) -> None:
    """Use the provider without the removed key from now on."""
    preset, config = presets().get(name), setup.providers.get(name)
    if config:
        setup.use(replace(config, key=preset.key if preset else f"env:{name.upper()}_API_KEY"))


def _refuse(dialog: Dialog, setup: Setup, name: str) -> None:
    """Say why there is nothing to remove."""
    shown = safe_line(name[:60])
    config = setup.providers.get(name)
    if config is None:
        words = safe_format("There is no provider {name}.", name=shown)
        dialog.show(Safe(f"{words} {did_you_mean(name, setup.providers)}"), TextRole.WARNING)
    elif not config.key or not setup.has_key(replace(config, local=False)):
        dialog.show(safe_format("{name} has no key.", name=shown))
    else:
        source = source_words(config.key) if is_reference(config.key) else safe_line(config.source)
        words = safe_format("The key of {name} comes from {source}; no login has written it, so it stays.",
                            name=shown, source=source)  # fmt: skip
        dialog.show(words, TextRole.WARNING)


def _place(key: str) -> Safe:
    """Return the place of a key by its text in the config file, "" for one of this run."""
    if not key:
        return safe_format("this run")
    if key.startswith(KEYRING):
        return safe_format("the keyring")
    if is_reference(key):
        return safe_format("the config file, which names only its source")
    return safe_format("the config file")
