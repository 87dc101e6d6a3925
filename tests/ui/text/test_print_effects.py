"""Test printed tables and trees: columns, dropped columns, stacked fields, branches."""

from __future__ import annotations

import pytest

from termchat.commands.builtin import builtin
from termchat.core.effects import PrintTable, PrintTree, TreeBranch
from termchat.core.sanitize import Safe, safe, safe_format
from termchat.ui.text.fit import text_width
from termchat.ui.text.line import plain_text
from termchat.ui.text.print_effects import printed_lines, table_lines, tree_lines

HEADER = (safe_format("model"), safe_format("in"), safe_format("cached"), safe_format("cost"))
ROWS = [(safe_format("openai/gpt-5.2"), safe_format("4,100"), safe_format("3,200"), safe_format("$0.0042"))]
TABLE = PrintTable(HEADER, ROWS, frozenset((1, 2, 3)), optional_columns=(2, 3))


def shown(columns: int, table: PrintTable = TABLE) -> list[str]:
    return [plain_text(line) for line in table_lines(table, columns)]


def test_table_narrow_drops_optional_columns() -> None:
    assert shown(80) == ["model              in  cached     cost", "openai/gpt-5.2  4,100   3,200  $0.0042"]
    assert shown(37) == ["model              in     cost", "openai/gpt-5.2  4,100  $0.0042"]
    assert shown(29) == ["model              in", "openai/gpt-5.2  4,100"]


def test_table_narrow_without_optional_columns_stacks_fields() -> None:
    assert shown(30, PrintTable(HEADER, ROWS)) == [
        "openai/gpt-5.2",
        "  in: 4,100",
        "  cached: 3,200",
        "  cost: $0.0042",
    ]


def test_table_narrow_cuts_excerpt_and_drops_empty_column() -> None:
    header = (safe_format("n"), safe_format("message"), safe_format("tokens"), safe_format("mark"))
    rows = [(safe(""), safe("system: be brief and plain"), safe("8"), safe("")),
            (safe("1"), safe("a question 这是一个问题"), safe("12"), safe(""))]  # fmt: skip
    table = PrintTable(header, rows, frozenset((0, 2)), excerpt=1)
    assert shown(30, table) == [
        "n  message              tokens",
        "   system: be brief a…       8",
        "1  a question 这是一…       12",
    ]
    assert shown(20, table) == [
        "  message: system:", "  be brief and plain", "  tokens: 8", "",
        "1", "  message: a", "  question", "  这是一个问题", "  tokens: 12",
    ]  # fmt: skip


def test_table_of_two_columns_folds_the_second_below_itself() -> None:
    table = PrintTable((), ((safe_format("/usage"), safe_format("list tokens and cost")),))
    assert shown(18, table) == ["/usage  list", "        tokens and", "        cost"]


def test_table_of_no_rows_prints_nothing() -> None:
    assert shown(80, PrintTable(HEADER, ())) == []


TREE = PrintTree(
    (
        TreeBranch(0, ((Safe("* 1 first?"), True), (Safe("* 2 one"), True))),
        TreeBranch(1, ((Safe("  3 left?"), False),)),
        TreeBranch(2, ((Safe("  4 deeper"), False),)),
        TreeBranch(1, ((Safe("* 5 right?"), True), (Safe("▸ 6 three"), True))),
    )
)


def test_printed_lines_leave_the_last_column_free() -> None:
    table = PrintTable((), ((Safe("x"), Safe("y" * 99)),))
    assert max(text_width(plain_text(line)) for line in printed_lines(table, 40)) == 39


def test_tree_draws_branches_below_the_run_they_leave() -> None:
    assert [plain_text(line) for line in tree_lines(TREE, 80)] == [
        "* 1 first?",
        "* 2 one",
        "├──   3 left?",
        "│   └──   4 deeper",
        "└── * 5 right?",
        "    ▸ 6 three",
    ]


def test_tree_without_signs_draws_ascii_guides() -> None:
    assert plain_text(tree_lines(TREE, 80, signs=False)[2]) == "+--   3 left?"


@pytest.mark.parametrize(
    "text", ["这是一段很长的中文，" * 9, "mixed 中文 and Latin " * 5, "e\u0301" * 99, "word " * 99]
)
@pytest.mark.parametrize("depth", [0, 3, 50])
def test_tree_line_with_long_text_ends_in_ellipsis_at_the_width(text: str, depth: int) -> None:
    branches = [TreeBranch(n, ((Safe(text.strip()), True),)) for n in range(depth + 1)]
    for line in tree_lines(PrintTree(tuple(branches)), 40):
        assert 36 <= text_width(plain_text(line)) <= 40
        assert plain_text(line).endswith("…")


def test_table_lines_of_help_break_no_command_at_80_columns() -> None:
    rows = [(command.usage, command.help) for command in builtin().commands]
    shown = [plain_text(line) for line in table_lines(PrintTable((), rows), 79)]
    assert [usage for usage, _ in rows if not any(line.startswith(usage) for line in shown)] == []
