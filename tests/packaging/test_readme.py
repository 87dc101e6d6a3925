"""The README in both languages, the reference, and `--help` agree with each other and with the declarations."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from termchat.cli import run_command_line
from termchat.cli.flags import NAMES
from termchat.commands.builtin import builtin
from termchat.config.providers import presets
from termchat.config.settings import SETTINGS

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
CHINESE = ROOT / ".github" / "README.zh.md"
_LINK = re.compile(r"(?<=\]\()[^)\s]+|(?<=src=\")[^\"]+|(?<=srcset=\")[^\"]+")


def sections(readme: Path) -> list[str]:
    """Return the text before the first section, then each section."""
    return re.split(r"^## ", readme.read_text("utf-8"), flags=re.MULTILINE)


def examples(section: str) -> list[str]:
    """Return the commands and settings of the code blocks, without the words that explain them."""
    lines = [line for line in section.splitlines() if line.startswith("    ")]
    lines += [line for block in re.findall(r"```toml\n(.*?)```", section, re.DOTALL) for line in block.splitlines()]
    return [re.split(r" {2,}[^\x00-\x7f]| {3,}[a-z]|  [a-z]\w+ (?!/)|\s+#", line.strip())[0].rstrip() for line in lines]


def names(section: str) -> set[str]:
    """Return the words that the prose of a section has as code, but the questions to the guide."""
    return {name for name in re.findall(r"`([^`\n]+)`", section.partition("```")[0]) if " -m demo/tour " not in name}


def anchors(page: str) -> set[str]:
    """Return the anchors that GitHub gives the headings of a page."""
    titles = re.findall(r"^#+ (.*)", page, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title).strip().lower().replace(" ", "-") for title in titles}


@pytest.mark.skipif(not shutil.which("mandoc"), reason="needs mandoc")
def test_manual_page_has_no_mistake_that_mandoc_finds() -> None:
    command = ["mandoc", "-Tlint", "-W", "style", str(ROOT / "termchat/docs/reference/termchat.1")]
    found = subprocess.run(command, capture_output=True, text=True, timeout=20).stdout
    assert [line for line in found.splitlines() if "missing date" not in line] == []  # a release has a version


def test_chinese_readme_has_sections_and_examples_of_english_one() -> None:
    english, chinese = sections(README), sections(CHINESE)
    assert len(english) == len(chinese)
    for ours, theirs in zip(english[:-1], chinese[:-1], strict=True):  # the last one, Changes, is English only
        assert examples(ours) == examples(theirs), ours.partition("\n")[0]
        assert names(ours) - names(theirs) == set()
        assert [part.count("\n**") for part in (ours, theirs)] == [ours.count("\n**")] * 2


@pytest.mark.parametrize("readme", [README, CHINESE], ids=["en", "zh"])
def test_readme_links_lead_to_files_and_sections(readme: Path) -> None:
    for link in _LINK.findall(readme.read_text("utf-8")):
        name, _, anchor = link.partition("#")
        if not name.startswith("https:") and name:
            file = readme.parent / name
            assert file.exists(), link
            assert not anchor or anchor in anchors(file.read_text("utf-8")), link


def test_readme_names_only_commands_options_and_providers_that_exist(capsys: pytest.CaptureFixture[str]) -> None:
    text = README.read_text("utf-8").partition("\n## Changes")[0]
    commands = {f"/{name}" for command in builtin().commands for name in (command.name, *command.aliases)}
    named = set(re.findall(r"(?<=`)/[a-z]+(?=[ `])", text)) | set(re.findall(r"^    (/[a-z]+)  ", text, re.MULTILINE))
    assert named - commands == set()
    lists = re.findall(r"^- \w+[\w ]*: (`.*)$", text, re.MULTILINE)
    assert {name for line in lists for name in re.findall(r"`(\w+)`", line)} == presets().keys() - {"demo"}
    options = set(re.findall(r"termchat(?: -\w)?[^`|\n]* (--[a-z-]+)", text))
    known = {flag for flags in NAMES.values() for flag in flags} | {"--help", "--integration"}
    assert options - known == set()


def test_help_shows_flags_and_text_of_every_setting(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command_line(["--help"], {}) == 0
    shown = capsys.readouterr().out
    with_flag = [setting for setting in SETTINGS.values() if setting.flag]
    assert [s.key for s in with_flag if f"\n  {', '.join(NAMES[s.key])} " not in shown] == []
    words = " ".join(shown.split())
    assert [s.key for s in with_flag if s.help not in words] == []
