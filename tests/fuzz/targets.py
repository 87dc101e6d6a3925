"""The targets by name, the seeds they begin with, and the cutting of their input."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import TypeVar

T = TypeVar("T", str, bytes)

# Target -> module and function; the module is imported when the target runs, under instrumentation.
TARGETS: dict[str, tuple[str, str]] = {
    "sse": ("fuzz_sse", "sse"),
    "chat": ("fuzz_decoders", "chat"),
    "responses": ("fuzz_decoders", "responses"),
    "anthropic": ("fuzz_decoders", "anthropic"),
    "gemini": ("fuzz_decoders", "gemini"),
    "next_request": ("fuzz_next_request", "next_request"),
    "markdown": ("fuzz_markdown", "markdown"),
    "sanitizer": ("fuzz_sanitizer", "sanitizer"),
    "judge": ("fuzz_judge", "judge"),
    "importers": ("fuzz_importers", "importers"),
    "config": ("fuzz_config", "config"),
    "themes": ("fuzz_config", "themes"),
    "store": ("fuzz_store", "store"),
    "serve": ("fuzz_serve", "serve"),
    "recordings": ("fuzz_recordings", "recordings"),
    "batch": ("fuzz_batch", "batch"),
    "mcp": ("fuzz_mcp", "mcp"),
}


@dataclass(frozen=True)
class FuzzTarget:
    """A function of bytes, and inputs to begin with."""

    run: Callable[[bytes], None]
    seeds: tuple[bytes, ...]


def load_target(name: str) -> FuzzTarget:
    """Import a target."""
    module, function = TARGETS[name]
    found: FuzzTarget = getattr(import_module(f"tests.fuzz.{module}"), function)
    return found


def split_head(data: bytes, size: int) -> tuple[bytes, bytes]:
    """Split an input in the bytes that choose, filled up with zeros, and the rest."""
    return data[:size].ljust(size, b"\0"), data[size:]


def pieces(body: T, sizes: bytes) -> Iterator[T]:
    """Cut a text or bytes in pieces of these sizes, which repeat; a size of 0 is the whole rest."""
    at = turn = 0
    while at < len(body):
        size = sizes[turn % len(sizes)] or len(body)
        yield body[at : at + size]
        at, turn = at + size, turn + 1
