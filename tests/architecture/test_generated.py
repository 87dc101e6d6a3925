"""Files that are generated from declarations agree with them."""

from __future__ import annotations

import pytest

from tests.architecture.source import ROOT, check
from tests.reference.pages import generated_files

pytestmark = pytest.mark.xdist_group("architecture")


def test_generated_file_matches_declarations() -> None:
    stale = [
        f"{name}:1: differs" for name, text in generated_files().items() if (ROOT / name).read_text("utf-8") != text
    ]
    check(stale, "run `python -m tests.reference --write`.")
