"""What every test of the house can rely on."""

from __future__ import annotations

pytest_plugins: list[str] = []
