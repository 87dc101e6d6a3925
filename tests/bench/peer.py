"""The other client of `--against COMMAND`, measured over the same gateway and the same pseudo-terminal.

COMMAND is split into words as a shell does, and run without one. These placeholders are replaced:

    {prompt}     the prompt; a COMMAND with it asks one question and ends: time to the wire, token to glyph, end, memory
    {model}      a model of the gateway, gpt-5.2
    {base_url}   the address of the gateway, with /v1 at its end;  {key}  a key that it accepts

A COMMAND without {prompt} is a chat: time to the first key. Give the option twice to measure both. The environment is
the caller's; OPENAI_BASE_URL and OPENAI_API_KEY name the gateway, and so do those of Anthropic and Google. Whatever
cannot be measured is `-`. Two examples:

    python -m tests.bench --against "llm -m gpt-5.2 {prompt}" --against "llm chat -m gpt-5.2"
    python -m tests.bench --only start --against "python peer.py {prompt}"
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

KEY = "sk-not-a-real-key"
MODEL = "gpt-5.2"
_PROXIES = ("http_proxy", "https_proxy", "all_proxy")


@dataclass(frozen=True)
class Peer:
    """Commands of another client, as words with placeholders; empty if it is not measured."""

    script: tuple[str, ...] = ()
    chat: tuple[str, ...] = ()

    @classmethod
    def of(cls, commands: Sequence[str]) -> Self:
        """Read the values of `--against`; exit with a sentence if one cannot be run."""
        words: dict[bool, tuple[str, ...]] = {}
        for command in commands:
            try:
                split = tuple(shlex.split(command))
            except ValueError as error:
                raise SystemExit(f"--against {command!r}: {error}.") from None
            if not split:
                raise SystemExit("--against needs a command.")
            asks = any("{prompt}" in word for word in split)
            if asks in words:
                kind = "with {prompt}" if asks else "without {prompt}"
                raise SystemExit(f"--against takes one command {kind}.")
            words[asks] = split
        return cls(words.get(True, ()), words.get(False, ()))

    def __bool__(self) -> bool:
        return bool(self.script or self.chat)

    @property
    def name(self) -> str:
        """The program's name, for the head of the column."""
        return os.path.basename((*self.script, *self.chat)[0]) if self else ""

    def ask(self, url: str, prompt: str) -> list[str]:
        """The command that asks one question; [] if there is none."""
        return _filled(self.script, url, prompt)

    def open(self, url: str) -> list[str]:
        """The command that starts a chat; [] if there is none."""
        return _filled(self.chat, url, "")


NO_PEER = Peer()


def environment(url: str) -> Mapping[str, str]:
    """The caller's environment, with the gateway as every vendor's server and no proxy."""
    kept = {"LANG": "C.UTF-8"} | {name: value for name, value in os.environ.items() if name.lower() not in _PROXIES}
    served = {"OPENAI": f"{url}/v1", "ANTHROPIC": f"{url}/anthropic", "GOOGLE_GEMINI": url}
    addresses = {f"{vendor}_BASE_URL": address for vendor, address in served.items()}
    keys = {f"{vendor}_API_KEY": KEY for vendor in ("OPENAI", "ANTHROPIC", "GEMINI", "GOOGLE")}
    return kept | addresses | keys | {"OPENAI_API_BASE": served["OPENAI"], "TERM": "xterm-256color"}


def _filled(words: Sequence[str], url: str, prompt: str) -> list[str]:
    values = {"{prompt}": prompt, "{model}": MODEL, "{base_url}": f"{url}/v1", "{key}": KEY}
    filled = list(words)
    for placeholder, value in values.items():
        filled = [word.replace(placeholder, value) for word in filled]
    return filled
