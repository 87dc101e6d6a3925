"""The vendors' batches, by provider and protocol. They are data: `batches.toml`."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any

from termchat.batch.vendors import BatchLimits
from termchat.core.models import ApiProtocol
from termchat.late_dataclass import dataclass
from termchat.providers.decoder import as_count, as_list, as_object, as_text

_FILE = Path(__file__).with_name("batches.toml")


class BatchKind(StrEnum):
    """The protocol of batches, by the name of its table."""

    OPENROUTER = "openrouter"
    OPENAI = "openai"
    ANTHROPIC = "anthropic"
    GEMINI = "gemini"


@dataclass(frozen=True, slots=True)
class BatchVendor:
    """A table of `batches.toml`; `inline` is the sum in bytes up to which no file is used."""

    kind: BatchKind
    limits: BatchLimits
    inline: int


def batch_vendor(provider: str, protocol: ApiProtocol | None) -> BatchVendor | None:
    """Return the batches of a provider for a protocol; None if the table has none."""
    for name, row in _tables().items():
        providers = as_list(row.get("providers"))
        if protocol in as_list(row.get("protocols")) and (not providers or provider in providers):
            limits = BatchLimits(
                as_count(row.get("rows")),
                as_count(row.get("bytes")),
                Decimal(as_text(row.get("price"))),
                as_count(row.get("settle")),
            )
            return BatchVendor(BatchKind(name), limits, as_count(row.get("inline")))
    return None


@cache
def _tables() -> Mapping[str, dict[str, Any]]:
    return {name: as_object(row) for name, row in tomllib.loads(_FILE.read_text(encoding="utf-8")).items()}
