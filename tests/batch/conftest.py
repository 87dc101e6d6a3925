"""Fixtures of batches."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import gateway as gw
from tests.batch.support import Place


@pytest.fixture
def place(gateway: gw.Gateway, tmp_path: Path) -> Place:
    return Place(gateway, tmp_path / "run.journal", "openai")
