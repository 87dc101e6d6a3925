"""snake_case to camelCase, wherever a name is the protocol's and not the caller's."""

from __future__ import annotations

import re
from typing import Any

_OPAQUE = {"args", "response", "parametersJsonSchema", "parameters", "responseJsonSchema", "responseSchema", "labels"}
"""Below these names the keys are the caller's own."""


def camel(value: Any) -> Any:
    """The same value with the protocol's field names in camelCase."""
    if isinstance(value, list):
        return [camel(one) for one in value]
    if not isinstance(value, dict):
        return value
    renamed = {re.sub(r"_([a-z])", lambda found: found[1].upper(), name): one for name, one in value.items()}
    return {name: one if name in _OPAQUE else camel(one) for name, one in renamed.items()}
