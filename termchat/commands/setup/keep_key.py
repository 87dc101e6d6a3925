"""The place of an entered key: the config file, the keyring, a variable, a command, or this run only."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace

from termchat.commands.setup.ports import Dialog, Setup, TextQuestion
from termchat.config.bounded_read import is_open_to_others
from termchat.config.credentials import variables_of
from termchat.config.stored_keys import KEYRING, keyring_problem, put_in_keyring
from termchat.core.effects import Choice
from termchat.core.errors import Failure
from termchat.core.models import ProviderConfig
from termchat.core.sanitize import safe_format, safe_line
from termchat.core.style import TextRole


class KeyPlaces:
    """Asks for the place of a key and puts it there, except for the config file, which the caller writes."""

    def __init__(self, dialog: Dialog, setup: Setup) -> None:
        self._dialog = dialog
        self._setup = setup

    async def choose(self, config: ProviderConfig) -> str | None:
        """Return the value of `key` in the config file for the provider's key; None to keep it for this run only."""
        problem = await self._dialog.wait(safe_format("looking for a keyring"), asyncio.to_thread(keyring_problem))
        file = safe_line(self._setup.file.name)
        private = safe_format("only you can read it")
        if is_open_to_others(self._setup.file):
            private = safe_format("others can read it now; it becomes private")
        while True:
            rows = (
                Choice(safe_format("In {file}", file=file), private),
                Choice(safe_format("In the system's keyring"), problem, usable=not problem),
                Choice(safe_format("In an environment variable"), safe_format("that you set yourself")),
                Choice(safe_format("A command prints it"), safe_format("such as: pass show openai")),
                *((Choice(safe_format("Nowhere: for this run only")),) if self._setup.in_chat else ()),
            )
            places = (self._in_file, self._in_keyring, self._in_variable, self._from_command, None)
            place = places[await self._dialog.choose(safe_format("Where is the key to be kept?"), rows)]
            if place is None:
                return None
            if (reference := await place(config)) is not None:
                return reference

    async def _in_file(self, config: ProviderConfig) -> str | None:
        return config.key

    async def _in_keyring(self, config: ProviderConfig) -> str | None:
        failure = await asyncio.to_thread(put_in_keyring, config.name, config.key)
        if failure:
            self._dialog.show(failure.message, TextRole.WARNING)
            return None
        self._dialog.show(safe_format("The keyring has the key as {name}.", name=safe_line(config.name)))
        return f"{KEYRING}{config.name}"

    async def _in_variable(self, config: ProviderConfig) -> str | None:
        known = self._setup.kept.get(config.name)
        names = variables_of(known.key) if known else []
        default = next(iter(names), "") or f"{re.sub('[^A-Za-z0-9]', '_', config.name).upper()}_API_KEY"
        question = TextQuestion(safe_format("Variable"), (safe_format("termchat writes only its name."),), default)
        while True:
            name = (await self._dialog.ask(question)).strip().lstrip("$")
            if re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII):
                break
            self._dialog.show(safe_format("That is no name of a variable."), TextRole.WARNING)
        words = safe_format("Add to the profile of your shell: export {name}=...", name=safe_line(name))
        self._dialog.show(words, TextRole.TEXT)
        self._dialog.show(safe_format("This run has the key already."))
        return f"env:{name}"

    async def _from_command(self, config: ProviderConfig) -> str | None:
        help_ = (safe_format("Its first line is the key. It runs now, and later when a request needs the key."),)
        command = (await self._dialog.ask(TextQuestion(safe_format("Command"), help_))).strip()
        if not command:
            return None
        reference = f"cmd:{command.removeprefix('cmd:').strip()}"
        if config.key in reference:
            self._dialog.show(safe_format("That has the key in it; name a command that prints it."), TextRole.WARNING)
            return None
        printed = await self._dialog.wait(
            safe_format("running the command"), self._setup.run_command(replace(config, key=reference))
        )
        if isinstance(printed, Failure):
            self._report(printed)
            return None
        if printed != config.key:
            self._setup.hide(printed)
            words = safe_format("The command prints another key than the one you pasted; it was not kept.")
            self._dialog.show(words, TextRole.WARNING)
            return None
        return reference

    def _report(self, failure: Failure) -> None:
        self._dialog.show(failure.message, TextRole.WARNING)
        if failure.hint:
            self._dialog.show(failure.hint)
