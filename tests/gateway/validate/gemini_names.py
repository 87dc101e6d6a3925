"""Conversion of the protocol's field names from snake_case to camelCase."""

from __future__ import annotations

import re
from typing import Any

# Keys below these names belong to the caller.
_OPAQUE = {"args", "response", "parametersJsonSchema", "parameters", "responseJsonSchema", "responseSchema", "labels"}


def camel(value: Any) -> Any:
    """The same value with field names of the protocol in camelCase."""
    if isinstance(value, list):
        return [camel(one) for one in value]
    if not isinstance(value, dict):
        return value
    renamed = {re.sub(r"_([a-z])", lambda found: found[1].upper(), name): one for name, one in value.items()}
    return {name: one if name in _OPAQUE else camel(one) for name, one in renamed.items()}
