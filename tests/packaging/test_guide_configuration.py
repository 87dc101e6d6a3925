"""The blocks of configuration in the README and the guide are valid as they stand."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from termchat.cli import run_command_line

ROOT = Path(__file__).parents[2]
NAMES = ("configuration", "gateways", "models", "tools")
PAGES = [
    "README.md",
    ".github/README.zh.md",
    *(f"termchat/docs/{at}/{name}.md" for at in ("en", "zh") for name in NAMES),
]
BLOCKS = [
    pytest.param(block, id=f"{page}-{number}")
    for page in PAGES
    for number, block in enumerate(
        re.findall(r"^```toml\n(.*?)^```$", (ROOT / page).read_text("utf-8"), re.MULTILINE | re.DOTALL)
    )
    if "[project.entry-points." not in block
]


def test_guide_has_blocks_of_configuration_on_each_page() -> None:
    assert len(BLOCKS) > len(PAGES)


@pytest.mark.parametrize("block", BLOCKS)
def test_configuration_of_guide_is_loaded_without_complaint(
    block: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "termchat" / "config.toml"
    file.parent.mkdir()
    file.write_text(block)
    file.chmod(0o600)
    env = {"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path), "LANG": "C.UTF-8"}
    assert (run_command_line(["config"], env), capsys.readouterr().err) == (0, "")
