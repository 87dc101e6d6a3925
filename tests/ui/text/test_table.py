"""Tables of our own words: beside each other, without what can be spared, below each other."""

from __future__ import annotations

from termchat.core.effects import PrintTable
from termchat.core.sanitize import safe_format
from termchat.ui.text.line import plain_text
from termchat.ui.text.table import table_lines

HEADER = (safe_format("model"), safe_format("in"), safe_format("cached"), safe_format("cost"))
ROWS = [(safe_format("openai/gpt-5.2"), safe_format("4,100"), safe_format("3,200"), safe_format("$0.0042"))]
TABLE = PrintTable(HEADER, ROWS, frozenset((1, 2, 3)), optional_columns=(2, 3))


def shown(columns: int, table: PrintTable = TABLE) -> list[str]:
    return [plain_text(line) for line in table_lines(table, columns)]


def test_what_can_be_spared_is_left_out_before_the_table_falls_apart() -> None:
    assert shown(80) == ["model              in  cached     cost", "openai/gpt-5.2  4,100   3,200  $0.0042"]
    assert shown(38) == ["model              in     cost", "openai/gpt-5.2  4,100  $0.0042"]
    assert shown(30) == ["model              in", "openai/gpt-5.2  4,100"]


def test_where_nothing_can_be_spared_each_row_is_a_few_lines() -> None:
    assert shown(30, PrintTable(HEADER, ROWS)) == [
        "openai/gpt-5.2",
        "  in: 4,100",
        "  cached: 3,200",
        "  cost: $0.0042",
    ]
