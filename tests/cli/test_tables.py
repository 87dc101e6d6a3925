"""Tables of the subcommands on terminals of several widths."""

from __future__ import annotations

import pytest
from wcwidth import wcswidth

from tests.cli.conftest import Program, on_terminal
from tests.gateway import Reply

LONG = "why does [bold]tea[/bold] taste of kettles :smile: " * 4
TITLES = ("why not", "why 天气怎么样？今天会下雨吗，明天呢，后天呢", LONG.strip())


@pytest.fixture
def with_chats(program: Program) -> Program:
    program.gateway.reply(*(Reply.text("ok") for _ in TITLES))
    for title in TITLES:
        assert program.run("-m", "xopenai/any", title).code == 0
    return program


def table(program: Program, *arguments: str, columns: int) -> list[str]:
    output, code = on_terminal(program, *arguments, columns=columns)
    assert code == 0, output
    assert "\x1b" not in output
    rows = output.splitlines()
    assert max(map(wcswidth, rows)) <= columns
    return rows


def test_chats_table_has_one_row_each_with_aligned_titles(with_chats: Program) -> None:
    for columns in (40, 200):
        rows = table(with_chats, "chats", columns=columns)
        assert len(rows) == len(TITLES)
        assert len({row.index("why") for row in rows}) == 1
        assert rows[2].removesuffix("(one-shot)").rstrip().endswith("why not")
        if columns == 40:
            assert rows[0].endswith("…")
            assert rows[1].endswith("…")
        else:
            assert "[bold]tea[/bold] taste of kettles :smile:" in rows[0]
            assert rows[1].removesuffix("(one-shot)").rstrip().endswith(TITLES[1])


def test_usage_table_never_truncates_numbers(with_chats: Program) -> None:
    cases = ((40, "in out cost", False), (200, "requests in cached written out cost", True))
    for columns, titles, bars in cases:
        rows = table(with_chats, "usage", "--by", "chat", columns=columns)
        assert len(rows) == len(TITLES) + 2
        assert " ".join(rows[0].split()) == titles
        assert rows[-1].startswith("all")
        assert rows[-1].endswith("unpriced")
        assert ("█" in rows[1]) == bars
        assert len({wcswidth(row[: row.index("unpriced")]) for row in rows[1:]}) == 1


def test_usage_table_narrow_terminal_shows_whole_model_name(program: Program) -> None:
    program.gateway.reply(Reply.text("ok"))
    assert program.run("-m", "xopenai/a-model-with-a-long-name-2026-11-29", "hi").code == 0
    rows = table(program, "usage", columns=40)
    name = "".join(row.partition("  ")[0].strip() for row in rows)
    assert name.startswith("xopenai/a-model-with-a-long-name-2026-11-29")


@pytest.mark.parametrize("columns", [40, 200])
def test_models_table_never_truncates_names(program: Program, columns: int) -> None:
    rows = table(program, "models", columns=columns)
    assert "xanthropic/claude-opus-5" in {row.split()[0] for row in rows}


@pytest.mark.parametrize("columns", [80, 200])
def test_config_table_never_truncates_values(program: Program, columns: int) -> None:
    rows = table(program, "config", columns=columns)
    assert len({row.index("(default)") for row in rows if "not set  (default)" in row}) == 1
    text = "".join("".join(row.split()) for row in rows)
    assert f"providers.xanthropic.anthropic{program.gateway.url}/anthropic(" in text


def test_config_on_narrow_terminal_equals_pipe_output(program: Program) -> None:
    output, code = on_terminal(program, "config", columns=40)
    assert (code, output.splitlines()) == (0, program.run("config").out.decode().splitlines())
