"""The README's settings table and `--help` agree with the declarations of the settings."""

from pathlib import Path

import pytest

from termchat.cli import run_command_line
from termchat.cli.flags import NAMES
from termchat.config.settings import SETTINGS, Setting, format_value

README = Path(__file__).parents[2] / "README.md"


def flags(setting: Setting) -> list[str]:
    return [*NAMES.get(setting.key, ())]


def code(*words: str) -> str:
    return ", ".join(f"`{word}`" for word in words if word)


def table_row(setting: Setting) -> str:
    default = format_value(setting.default)
    cells = (code(setting.key), code(default), code(setting.env), code(*flags(setting)), setting.help)
    return f"| {' | '.join(cells)} |"


def test_readme_settings_table_has_the_row_of_every_setting() -> None:
    _, _, section = README.read_text("utf-8").partition("\n## Configuration\n")
    section, _, _ = section.partition("\n## ")
    rows = [line for line in section.splitlines() if line.startswith("| `")]
    assert rows == [table_row(setting) for setting in SETTINGS.values()]


def test_help_shows_flags_and_text_of_every_setting(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command_line(["--help"], {}) == 0
    shown = capsys.readouterr().out
    with_flag = [setting for setting in SETTINGS.values() if setting.flag]
    assert [s.key for s in with_flag if f"\n  {', '.join(flags(s))} " not in shown] == []
    words = " ".join(shown.split())
    assert [s.key for s in with_flag if s.help not in words] == []
