"""Themes: complete styles, contrast, and errors that name file and key."""

from __future__ import annotations

from pathlib import Path

import pytest

from termchat.config.paths import paths
from termchat.config.themes import load_theme, theme_folders, theme_names
from termchat.core.errors import Failure
from termchat.core.style import TextRole, Theme

SHIPPED = theme_folders(paths({"HOME": "/nonexistent"}))[1:]
WHOLE = 'kind = "any"\n[styles]\n' + "".join(f"{role.value} = {{}}\n" for role in TextRole)


@pytest.mark.parametrize("name", theme_names(SHIPPED))
def test_shipped_theme_styles_every_role(name: str) -> None:
    theme = load_theme(name, SHIPPED)
    assert isinstance(theme, Theme), theme
    assert set(theme.styles) == set(TextRole)


def test_user_theme_overrides_shipped_theme(tmp_path: Path) -> None:
    (tmp_path / "dark.toml").write_text(WHOLE.replace("text = {}", 'text = { color = "bright-red", bold = true }'))
    theme = load_theme("dark", (tmp_path, *SHIPPED))
    assert isinstance(theme, Theme)
    assert (theme.kind, theme.styles[TextRole.TEXT].color, theme.styles[TextRole.TEXT].bold) == (
        "any",
        "bright-red",
        True,
    )


@pytest.mark.parametrize(
    ("text", "words", "hint"),
    [
        (WHOLE.replace("link = {}\n", ""), "mine.toml:2: styles.link is missing", "link = {}"),
        (WHOLE.replace("link =", "lnk ="), "styles.lnk is not a known key", "Did you mean link?"),
        (WHOLE.replace("text = {}", 'text = { color = "pink" }'), 'mine.toml:3: styles.text.color must be', ""),
        (WHOLE.replace("text = {}", 'text = { colour = "red" }'), "styles.text.colour is not", "Did you mean color?"),
        (WHOLE.replace("text = {}", "text = { bold = 1 }"), "styles.text.bold must be true or false", ""),
        (WHOLE.replace("text = {}", 'text = "red"'), "styles.text must be a table", ""),
        (WHOLE.replace('"any"', '"night"'), "mine.toml:1: kind must be one of light, dark, any", ""),
        ('name = "other"\n' + WHOLE, "name must be mine", ""),
        ('kind = "any"\n', "styles must be a table", ""),
        ("kind = any\n", "mine.toml:1:", "Check kind"),
    ],
)  # fmt: skip
def test_load_theme_invalid_names_file_line_and_key(tmp_path: Path, text: str, words: str, hint: str) -> None:
    (tmp_path / "mine.toml").write_text(text)
    failure = load_theme("mine", (tmp_path,))
    assert isinstance(failure, Failure)
    assert words in failure.message
    assert hint in failure.hint


@pytest.mark.parametrize("name", ["drak", "../dark", ""])
def test_load_theme_unknown_lists_available(name: str) -> None:
    failure = load_theme(name, SHIPPED)
    assert isinstance(failure, Failure)
    assert "dark" in failure.hint


_BACKGROUNDS = {
    "solarized-dark": "#002b36",
    "solarized-light": "#fdf6e3",
    "nord": "#2e3440",
    "gruvbox": "#282828",
    "gruvbox-light": "#fbf1c7",
    "high-contrast": "#000000",
}


def luminance(color: str) -> float:
    """Relative luminance, as WCAG 2.1 defines it."""
    parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("name", theme_names(SHIPPED))
def test_shipped_theme_colors_have_minimum_contrast(name: str) -> None:
    theme = load_theme(name, SHIPPED)
    assert isinstance(theme, Theme)
    background = luminance(_BACKGROUNDS.get(name, "#ffffff" if theme.kind == "light" else "#1e1e1e"))
    least = 7.0 if name.startswith("high-contrast") else 3.5
    for role, style in theme.styles.items():
        if style.color.startswith("#"):
            lighter, darker = sorted((luminance(style.color), background), reverse=True)
            contrast = (lighter + 0.05) / (darker + 0.05)
            assert contrast >= least, (role, style.color, round(contrast, 2))


def test_shipped_themes_include_documented_names() -> None:
    wanted = {"dark", "light", "neutral", "solarized-dark", "solarized-light", "nord", "gruvbox", "high-contrast"}
    assert wanted | {"colorblind"} <= set(theme_names(SHIPPED))


def test_theme_names_are_those_that_can_be_loaded(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(WHOLE)
    (tmp_path / "my theme.toml").write_text(WHOLE)
    (tmp_path / "folder.toml").mkdir()
    (tmp_path / "gone.toml").symlink_to(tmp_path / "missing")
    assert theme_names((tmp_path,)) == ("mine",)
