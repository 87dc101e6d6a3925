"""Test the sample lines of a theme."""

from __future__ import annotations

import pytest

from termchat.ui.text.fit import text_width
from termchat.ui.text.line import Line
from termchat.ui.text.theme_sample import sample_line, sample_lines


@pytest.mark.parametrize(("line", "widest"), [(sample_line(), 48), *((line, 46) for line in sample_lines())])
def test_sample_line_styles_words_but_not_the_blanks_between(line: Line, widest: int) -> None:
    assert sum(text_width(segment.text) for segment in line) <= widest
    for segment in line:
        assert bool(segment.roles) == bool(segment.text.strip())
        assert not segment.roles or segment.text == segment.text.strip()
