"""`termchat logout`: remove the key of a provider."""

from __future__ import annotations

from collections.abc import Mapping

from termchat.cli.setup.login import run_logout


def run(arguments: list[str], env: Mapping[str, str]) -> int:
    """Parse the arguments of `termchat logout`, run it and return its exit code."""
    return run_logout(arguments, env)
