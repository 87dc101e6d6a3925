"""Tables of our own words: beside each other, without what can be spared, below each other."""

from __future__ import annotations

from termchat.core.effects import Table
from termchat.core.sanitize import say
from termchat.ui.blocks import words_of
from termchat.ui.text.table import table_lines

HEADER = (say("model"), say("in"), say("cached"), say("cost"))
ROWS = [(say("openai/gpt-5.2"), say("4,100"), say("3,200"), say("$0.0042"))]
TABLE = Table(HEADER, ROWS, frozenset((1, 2, 3)), spare=(2, 3))


def shown(columns: int, table: Table = TABLE) -> list[str]:
    return [words_of(line) for line in table_lines(table, columns)]


def test_what_can_be_spared_is_left_out_before_the_table_falls_apart() -> None:
    assert shown(80) == ["model              in  cached     cost", "openai/gpt-5.2  4,100   3,200  $0.0042"]
    assert shown(38) == ["model              in     cost", "openai/gpt-5.2  4,100  $0.0042"]
    assert shown(30) == ["model              in", "openai/gpt-5.2  4,100"]


def test_where_nothing_can_be_spared_each_row_is_a_few_lines() -> None:
    assert shown(30, Table(HEADER, ROWS)) == ["openai/gpt-5.2", "  in: 4,100", "  cached: 3,200", "  cost: $0.0042"]
