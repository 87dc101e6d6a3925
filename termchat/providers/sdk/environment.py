"""What the vendors' SDKs take from the environment by themselves, and must not send to any other server."""

from __future__ import annotations

import os


def headers_from_environment(variable: str) -> list[str]:
    """The names of the headers that an SDK would read out of this variable, one `Name: value` a line."""
    lines = os.environ.get(variable, "").split("\n")
    return [line.partition(":")[0].strip() for line in lines if ":" in line]
