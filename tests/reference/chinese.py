"""The Chinese words of the reference: those of the guide's tables, and those that are in no table."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from termchat.config.keys.key_bindings import Action

_GUIDE = Path(__file__).parents[2] / "termchat" / "docs" / "zh"
_CELLS = re.compile(r"(?<!\\)\|")

ACTIONS = {
    Action.ENTER: "发送；回答传输时排队",
    Action.ALT_ENTER: "换行（见 `/multiline`）",
    Action.NEWLINE: "换行；Shift-Enter 也可以",
    Action.ESCAPE: "停止；连按两次清空输入",
    Action.INTERRUPT: "停止、清空；连按两次退出",
    Action.EOF: "输入为空时退出",
    Action.UP: "更早的输入，或排队的消息",
    Action.DOWN: "更晚的输入",
    Action.COMPLETE: "补全命令",
    Action.HISTORY: "搜索以前的输入",
    Action.ACCEPT: "采纳灰色的建议",
    Action.MODEL: "选择模型",
    Action.LAST_MODEL: "切换到上一个模型",
    Action.RETRY: "重新回答",
    Action.CONTINUE: "继续中断的回答",
    Action.SEND_NOW: "立即发送，并停止回答",
    Action.DROP_QUEUED: "移除最后一条排队的消息",
    Action.REASONING: "显示更多推理，或打开推理",
    Action.UNFOLD_PASTE: "展开粘贴；取消一次调用；错误详情",
    Action.EDITOR: "用 `$EDITOR` 编辑",
    Action.PASTE: "粘贴图片",
    Action.UNDO: "撤销",
    Action.REDO: "重做",
    Action.PAGE_UP: "列表向上翻一页",
    Action.PAGE_DOWN: "列表向下翻一页",
    Action.FIRST_ROW: "列表的第一行",
    Action.LAST_ROW: "列表的最后一行",
    Action.REDRAW: "重绘输入区",
    Action.SUSPEND: "挂起，用 `fg` 恢复",
    Action.KEY_HELP: "输入为空时显示所有按键",
}


class TranslationMissingError(LookupError):
    """A declaration has no Chinese words; the message names the page that has to have them."""


def words_of(page: str, *names: str) -> str:
    """Return the description that a table of a Chinese page gives for the first of the names that it has.

    Raise TranslationMissingError if no row of the page begins with any of them.
    """
    table = _table(page)
    for name in names:
        if name in table:
            return table[name]
    raise TranslationMissingError(f"termchat/docs/zh/{page}.md has no row for {' or '.join(names)}")


@cache
def _table(page: str) -> dict[str, str]:
    """Return the words of the last cell of each row by the names in its first cell."""
    found: dict[str, str] = {}
    for line in (_GUIDE / f"{page}.md").read_text("utf-8").splitlines():
        if line.startswith("| `"):
            first, *_, last = (cell.strip() for cell in _CELLS.split(line.strip().strip("|")))
            for code in re.findall(r"`([^`]+)`", first):
                found.setdefault(code.replace(r"\|", "|"), last)
                found.setdefault(code.split()[0], last)
                found.setdefault(" ".join(code.split()[:2]), last)
    return found
