"""Diffs: applied they give the new text; those of huge files are bounded and say what they leave out."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from termchat.core.approval import ApprovalRequest
from termchat.core.messages import ToolCall
from termchat.tools.files.text_lines import common_ends, count_lines, first_lines, last_lines, split_lines
from termchat.tools.files.unified_diff import diff_texts
from termchat.tools.toolbox import Toolbox, ToolboxConfig

MANY = 60_000
LINES = "".join(f"{n % 7} line {n}\n" for n in range(MANY))
EVEN = re.sub(r"(?m)^(\d line \d*[02468])$", r"\1 x", LINES)
_LINES = st.lists(st.sampled_from(["a\n", "b\n", "c\n", "\n", "a\r\n"]), max_size=40).map("".join)
_END = st.sampled_from(["", "end"])


def applied(old: str, diff: str) -> str:
    """Apply a unified diff."""
    lines, made, position = split_lines(old), list[str](), 0
    rows = diff.split("\n")[2:-1]
    for number, row in enumerate(rows):
        bare = number + 1 < len(rows) and rows[number + 1].startswith("\\")
        line = row[1:] + ("" if bare else "\n")
        if found := re.match(r"@@ -(\d+),(\d+) \+(\d+),(\d+) @@", row):
            start = int(found[1]) - (int(found[2]) > 0)
            made += lines[position:start]
            position = start
        elif row.startswith("+"):
            made.append(line)
        elif row[0] in " -":
            assert lines[position] == line
            position += 1
            made += [line] if row[0] == " " else []
    return "".join(made + lines[position:])


@given(_LINES, _LINES, _END, _END)
def test_diff_texts_applied_gives_new_text(old: str, new: str, old_end: str, new_end: str) -> None:
    before, after = old + old_end, new + new_end
    diff = diff_texts(before, after, "f")
    assert applied(before, diff.text) == after
    assert diff.added - diff.removed == count_lines(after) - count_lines(before)
    assert (diff.hidden, diff.cut) == (0, 0)
    assert applied("", diff_texts(None, after, "f").text) == after


@given(_LINES, _LINES, _LINES, _END)
def test_common_ends_are_whole_lines_of_both_texts(before: str, one: str, other: str, end: str) -> None:
    first, second = before + one + end, before + other + end
    start, length = common_ends(first, second)
    assert first[:start] == second[:start]
    assert first[len(first) - length :] == second[len(second) - length :]
    for text in (first, second):
        assert start + length <= len(text)
        rest = text[start : len(text) - length]
        assert split_lines(text[:start]) + split_lines(rest) + split_lines(text[len(text) - length :]) == split_lines(
            text
        )


@given(_LINES, _END, st.integers(0, 50))
def test_first_and_last_lines_are_those_of_all_lines(text: str, end: str, count: int) -> None:
    lines = split_lines(text + end)
    assert first_lines(text + end, count) == lines[:count]
    assert last_lines(text + end, count) == lines[max(0, len(lines) - count) :]
    assert count_lines(text + end) == len(lines)


def test_split_lines_of_many_pieces_loses_nothing() -> None:
    text = LINES + "x" * 300_000 + "\n\n" + LINES + "end"
    assert split_lines(text) == re.findall(r"[^\n]*\n|[^\n]+\Z", text)


def test_diff_texts_of_thousands_of_rows_is_whole() -> None:
    old = "".join(split_lines(LINES)[:2_400])
    new = old.replace("line", "row")
    diff = diff_texts(old, new, "f")
    assert applied(old, diff.text) == new
    assert (diff.added, diff.removed, diff.hidden) == (2_400, 2_400, 0)


@pytest.mark.parametrize(
    ("old", "new", "added", "removed"),
    [
        (LINES, LINES.replace("line", "row"), MANY, MANY),
        (LINES, LINES.replace("line", "row") + "a\nb\n", MANY + 2, MANY),
        (LINES[: len(LINES) // 2], EVEN[: len(EVEN) // 2], None, None),
        (None, LINES, MANY, 0),
        (LINES, "", 0, MANY),
        ("", "\n" * 3_999_999, 3_999_999, 0),
    ],
)
def test_diff_texts_of_huge_text_counts_what_it_leaves_out(
    old: str | None, new: str, added: int | None, removed: int | None
) -> None:
    began = time.thread_time()
    diff = diff_texts(old, new, "f")
    assert time.thread_time() - began < 3
    rows = diff.text.split("\n")[2:]
    assert len(rows) < 6_000
    if added is not None:
        assert (diff.added, diff.removed) == (added, removed)
    shown = sum(row[:1] in ("+", "-") for row in rows)
    said = sum(int(number) for row in rows if row.startswith("…") for number in re.findall(r"\d+", row))
    assert diff.hidden == said == diff.added + diff.removed - shown > 0
    last = split_lines(new or str(old))[-1].removesuffix("\n")
    assert any(row[1:] == last for row in rows[-5_000:])


@pytest.mark.parametrize("at", [0, 100, 100_000, 199_999])
def test_diff_texts_of_long_line_shows_its_difference(at: int) -> None:
    old = "".join(chr(97 + n % 26) for n in range(200_000))
    new = f"{old[:at]}DIFFERENT{old[at:]}"
    diff = diff_texts(old, new, "f")
    assert (diff.added, diff.removed, diff.cut) == (1, 1, 2)
    row = next(row for row in diff.text.split("\n")[3:] if row.startswith("+"))
    assert "DIFFERENT" in row and len(row) < 2_100
    left_out = sum(int(number) for number in re.findall(r"… (\d+) ", row))
    assert left_out == len(new) - 2_000


@pytest.mark.parametrize(("path", "head"), [("a/b", "--- a/a/b\n+++ b/a/b\n"), ("/tmp/x", "--- /tmp/x\n+++ /tmp/x\n")])
def test_diff_texts_shows_path_as_it_is(path: str, head: str) -> None:
    assert diff_texts("a\n", "b\n", path).text.startswith(head)


@given(st.data())
@settings(max_examples=15)
def test_diff_texts_of_large_text_shows_distant_edits_only(data: st.DataObject) -> None:
    lines = split_lines(LINES)[:20_000]
    changed = list(lines)
    places = sorted(data.draw(st.sets(st.integers(0, 19_999), min_size=2, max_size=8)), reverse=True)
    for place in places:
        changed[place : place + 1] = data.draw(st.lists(st.sampled_from(["\n", "new\n", "0 line 7\n"]), max_size=3))
    old, new = "".join(lines), "".join(changed)
    diff = diff_texts(old, new, "f")
    assert applied(old, diff.text) == new
    assert diff.added + diff.removed < 200


_WORDS = st.lists(st.integers(0, 12).map(lambda n: f"{n}\n"), max_size=20).map("".join)


@given(_WORDS, _WORDS, st.sampled_from([0, 4, 30]))
def test_diff_texts_with_any_limit_of_comparison_gives_new_text(old: str, new: str, compared: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("termchat.tools.files.unified_diff._COMPARED", compared)
        diff = diff_texts(old, new, "f")
    assert applied(old, diff.text) == new
    assert diff.added - diff.removed == count_lines(new) - count_lines(old)


def change_of(kind: str) -> tuple[str, str, dict[str, object]]:
    """Return the old content, the tool and its arguments."""
    if kind == "empty lines":
        return "\n" * 3_900_000, "edit_file", {"old": "\n\n\n\n", "new": "\nx\n", "replace_all": True}
    if kind == "marks":
        return "-----BEGIN A \n" * 280_000, "edit_file", {"old": "A", "new": "B", "replace_all": True}
    if kind == "rewritten":
        return LINES, "write_file", {"text": LINES.replace("line", "row") + "more\n"}
    return LINES, "edit_file", {"old": "line", "new": "row", "replace_all": True}


@pytest.mark.parametrize("kind", ["replaced", "rewritten", "empty lines", "marks"])
async def test_question_about_huge_change_leaves_event_loop_free(tmp_path: Path, kind: str) -> None:
    content, tool, arguments = change_of(kind)
    (tmp_path / "f").write_text(content)
    box = Toolbox(ToolboxConfig(tmp_path, offered=("all",)))
    call = ToolCall("1", tool, json.dumps({"path": "f", **arguments}))
    asking = asyncio.ensure_future(box.judge(call))
    await asyncio.sleep(0)
    longest, before = 0.0, time.thread_time()
    while not asking.done():
        await asyncio.sleep(0.001)
        now = time.thread_time()
        longest, before = max(longest, now - before), now
    request = asking.result()
    assert isinstance(request, ApprovalRequest)
    assert len(request.preview) < 100_000
    assert any(fact.endswith("of them not shown") for fact in request.facts)
    assert longest < 0.3  # seconds of the processor, whatever else the machine does; usually some 0.01


async def test_question_about_long_change_says_what_is_not_shown(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("x" * 5_000)
    box = Toolbox(ToolboxConfig(tmp_path, offered=("all",)))
    for path, text, facts in (
        ("new", LINES, ("new file", "60000 lines", "59600 of them not shown")),
        ("f", "y" * 5_000 + "\n", ("+1 -1 lines", "2 lines too long to be shown whole")),
    ):
        request = await box.judge(ToolCall("1", "write_file", json.dumps({"path": path, "text": text})))
        assert isinstance(request, ApprovalRequest)
        assert request.facts == facts


class CountedThread(ThreadPoolExecutor):
    """A thread that counts what it is given to do."""

    count = 0

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        self.count += 1
        return super().submit(fn, *args, **kwargs)


async def test_question_about_huge_change_that_is_cancelled_leaves_thread_soon(tmp_path: Path) -> None:
    content, tool, arguments = change_of("empty lines")
    (tmp_path / "f").write_text(content)
    box = Toolbox(ToolboxConfig(tmp_path, offered=("all",)))
    thread = CountedThread(1)
    asyncio.get_running_loop().set_default_executor(thread)
    asking = asyncio.ensure_future(box.judge(ToolCall("1", tool, json.dumps({"path": "f", **arguments}))))
    async with asyncio.timeout(30):
        while thread.count < 2:  # the look at the path, then the diff
            await asyncio.sleep(0)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    async with asyncio.timeout(2):  # seconds; some 0.1 on an idle machine, 5 for a diff without limits
        await asyncio.to_thread(len, "")
