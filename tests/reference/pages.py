"""The reference: a page of tables in each language, and the manual page, written whole from the declarations."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import groupby

from termchat.commands.builtin import builtin
from termchat.config.keys.key_bindings import KEYS
from termchat.config.settings import SETTINGS
from termchat.core.outcomes import ExitCode
from tests.reference.chinese import ACTIONS, words_of
from tests.reference.declared import (
    DeclaredOption,
    OutputField,
    options,
    output_fields,
    protocol_names,
    provider_cells,
    setting_cells,
    subcommands,
    usage,
)
from tests.reference.man_page import man_page

_COMMON = ("v", "turn", "type")  # fields of every line of --ndjson


def generated_files() -> dict[str, str]:
    """Return each generated file's path in the repository and its text."""
    return {
        "termchat/docs/reference/reference.md": english_page(),
        "termchat/docs/reference/reference.zh.md": chinese_page(),
        "termchat/docs/reference/termchat.1": man_page(),
    }


def english_page() -> str:
    """Return the reference in English."""
    shared = [option for option in options() if not option.setting]
    blocks = [
        "# Reference",
        "Every table of this page is written from the declarations in the source, by `python -m tests.reference "
        "--write`; a test compares them. `termchat --help`, `termchat COMMAND --help` and `man termchat` say the same.",
        "## Settings",
        "Set one in the configuration file, by its variable, by its option, with `--set KEY=VALUE`, or with `/set` in "
        "the chat. An option wins over a variable, a variable over the file.",
        table(
            ("setting", "default", "variable", "option", ""),
            [(*map(codes, setting_cells(s)), s.help) for s in SETTINGS.values()],
        ),
        "## Options",
        "The options of `termchat` that set no setting:",
        *_option_tables(shared),
        "## Subcommands",
        table(("subcommand", ""), [(code(usage(*path)), words) for path, words in subcommands()]),
        *_subcommand_options(),
        "## Commands of the chat",
        table(
            ("command", "also", ""),
            [(code(c.usage), codes(*(f"/{a}" for a in c.aliases)), sentence(c.help)) for c in builtin().commands],
        ),
        "## Keys",
        "`[keys]` in the configuration file chooses others, by the name of the action.",
        table(
            ("key", "action", ""),
            [(codes(*key.names.split(", ")), code(key.action.value), sentence(key.help)) for key in KEYS],
        ),
        "## Exit codes",
        table(("code", ""), [(code(str(c.value)), sentence(c.description)) for c in ExitCode]),
        "## Output formats",
        *_formats(("field", "type", ""), ("line", "fields")),
        "## Providers",
        table(("provider", "", "key", "base URL"), _providers()),
        f"A table of yours has a base URL for each protocol: {codes(*protocol_names())}.",
    ]
    return "\n\n".join(blocks) + "\n"


def chinese_page() -> str:
    """Return the reference in Chinese; raise TranslationMissingError for a declaration without Chinese words."""
    shared = [option for option in options() if not option.setting]
    settings = [(*map(codes, setting_cells(s)), words_of("configuration", s.key)) for s in SETTINGS.values()]
    blocks = [
        "# 参考",
        "本页的每个表格都由 `python -m tests.reference --write` 根据源代码中的声明生成，并由测试核对。"
        "`termchat --help`、`termchat COMMAND --help` 和 `man termchat` 的内容与此相同。",
        "## 设置",
        "可以写在配置文件中，也可以用环境变量、选项、`--set KEY=VALUE`，或对话中的 `/set`。"
        "选项优先于环境变量，环境变量优先于配置文件。",
        table(("设置", "默认值", "环境变量", "选项", ""), settings),
        "## 选项",
        "`termchat` 的选项中与设置无关的：",
        table(("选项", ""), [(code(o.usage), words_of("oneshot", *o.names)) for o in shared]),
        "## 子命令",
        table(
            ("子命令", ""),
            [
                (code(usage(*path)), words_of("oneshot", f"termchat {path[0]}"))
                for path, _ in subcommands()
                if len(path) == 1
            ],
        ),
        "各子命令的选项见 `termchat COMMAND --help`，或[英文参考](reference.md#subcommands)。",
        "## 对话中的命令",
        table(
            ("命令", "别名", ""),
            [
                (code(c.usage), codes(*(f"/{a}" for a in c.aliases)), words_of("commands", f"/{c.name}"))
                for c in builtin().commands
            ],
        ),
        "## 按键",
        "配置文件中的 `[keys]` 按动作的名称另选按键。",
        table(
            ("按键", "动作", ""),
            [(codes(*key.names.split(", ")), code(key.action.value), ACTIONS[key.action]) for key in KEYS],
        ),
        "## 退出码",
        table(("退出码", ""), [(code(str(c.value)), words_of("errors", str(c.value))) for c in ExitCode]),
        "## 输出格式",
        *_formats(("字段", "类型"), ("行", "字段")),
        "## 服务商",
        table(("服务商", "", "密钥", "base URL"), _providers()),
        f"你自己的表为每种协议写一个 base URL：{codes(*protocol_names())}。",
    ]
    return "\n\n".join(blocks) + "\n"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table; an empty title leaves its cell empty."""
    lines = [f"| {' | '.join(cells)} |" for cells in (head, *rows)]
    lines.insert(1, "|---" * len(head) + "|")
    return "\n".join(re.sub(r"\| +(?=\|)", "| ", line) for line in lines)


def code(text: str) -> str:
    """Return text as code in a cell of a table, empty for none."""
    return f"`{text}`".replace("|", r"\|") if text else ""


def codes(*texts: str) -> str:
    """Return texts as code; a text may be a list with commas."""
    return ", ".join(
        code(word) for text in texts for word in (text.split(", ") if text.startswith("-") else (text,)) if word
    )


def sentence(text: str) -> str:
    """Return a phrase as a sentence."""
    return f"{text[:1].upper()}{text[1:]}".rstrip(".") + "."


def _option_tables(found: Sequence[DeclaredOption]) -> list[str]:
    return [table(("option", ""), [(code(option.usage), option.help) for option in found])]


def _subcommand_options() -> list[str]:
    """Return a heading and a table for each subcommand and action with options of its own."""
    blocks: list[str] = []
    for path, _ in subcommands():
        if found := options(*path):
            blocks += [f"### termchat {' '.join(path)}", *_option_tables(found)]
    return blocks


def _formats(head: Sequence[str], lines: Sequence[str]) -> list[str]:
    """Return a heading and a table for each output format; the words of the schemas are in the third column, if any."""
    blocks: list[str] = []
    for name, fields in groupby(output_fields(), lambda field: field.format):
        blocks.append(f"### {name}")
        found = list(fields)
        if found[0].line:
            rows = [
                (code(line), codes(*(f.name for f in group if f.name not in _COMMON)))
                for line, group in _by_line(found)
            ]
            blocks += [table(lines, rows)]
        else:
            blocks += [table(head, [(code(f.name), _plain(f.kind), _plain(f.help))[: len(head)] for f in found])]
    return blocks


def _by_line(fields: Iterable[OutputField]) -> Iterable[tuple[str, Iterable[OutputField]]]:
    return groupby(fields, lambda field: field.line)


def _plain(text: str) -> str:
    return re.sub(r"\s+", " ", text).replace("|", r"\|")


def _providers() -> list[Sequence[str]]:
    found: list[Sequence[str]] = []
    for name, title, variables, urls in provider_cells():
        addresses = ", ".join(f"{protocol} {code(url)}" for protocol, url in urls.items())
        found.append((code(name), title, codes(*variables), addresses))
    return found
