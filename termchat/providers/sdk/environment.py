"""Headers that the SDKs read from the environment, and that must not reach other servers than the vendor's."""

from __future__ import annotations

import os


def headers_from_environment(variable: str) -> list[str]:
    """Return the names of the headers in an environment variable with one `Name: value` per line.

    openai 3.57 reads OPENAI_CUSTOM_HEADERS and anthropic 2.14 reads ANTHROPIC_CUSTOM_HEADERS in this form.
    """
    lines = os.environ.get(variable, "").split("\n")
    return [line.partition(":")[0].strip() for line in lines if ":" in line]
