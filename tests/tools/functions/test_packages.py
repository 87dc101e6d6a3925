"""Tools of an installed distribution: its metadata and modules in a directory of `sys.path`."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from termchat.core.approval import ApprovalRequest, Permit
from termchat.core.messages import ToolCall, ToolResult
from termchat.tools.functions.packages import TOOLS, PackageSources, find_entry_points, package_name
from termchat.tools.toolbox import Toolbox, ToolboxConfig
from tests.tools.functions.conftest import launch, write

MODULE = """
    import os
    from termchat.core.approval import ToolEffect
    from termchat.tools.registry import tool

    open(os.path.join(os.path.dirname(__file__), f"imported-{os.getpid()}"), "w").close()

    def tide(harbour: str) -> str:
        "The tide of a harbour."
        return f"high in {harbour} by {os.getpid()}"

    @tool(effect=ToolEffect.READ)
    async def moon() -> str:
        "The phase of the moon."
        return f"full by {os.getpid()}"

    sea = [tide, moon]
    nothing = 3
"""
ENTRY_POINTS = """
    [termchat.tools]
    sea = termchat_sea:sea
    tide = termchat_sea:tide
    wreck = termchat_sea:wreck
    nothing = termchat_sea:nothing
"""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A directory with the distribution `termchat-sea 1.2`."""
    site = tmp_path / "site"
    write(site, "termchat_sea.py", MODULE)
    write(site, "termchat_sea-1.2.dist-info/METADATA", "Metadata-Version: 2.1\nName: termchat-sea\nVersion: 1.2\n")
    write(site, "termchat_sea-1.2.dist-info/entry_points.txt", ENTRY_POINTS)
    monkeypatch.syspath_prepend(str(site))
    yield site
    sys.modules.pop("termchat_sea", None)


def toolbox(tmp_path: Path) -> Toolbox:
    find = PackageSources(launch(tmp_path), {"read_file"}).find
    return Toolbox(ToolboxConfig(tmp_path, offered=(), find_sources=find))


async def load(box: Toolbox) -> list[str]:
    pending = box.prepare()
    assert pending is not None
    return list(await pending)


def imports(site: Path) -> set[str]:
    return {file.name for file in site.glob("imported-*")}


async def test_package_is_listed_without_import(site: Path) -> None:
    entries = find_entry_points(TOOLS)
    assert [entry.name for entry in entries] == ["nothing", "sea", "tide", "wreck"]
    assert {package_name(entry) for entry in entries} == {"package termchat-sea 1.2"}
    assert imports(site) == set()


async def test_package_tools_are_loaded_when_turned_on(site: Path, tmp_path: Path) -> None:
    box = toolbox(tmp_path)
    assert box.prepare() is None
    assert box.offer(["river"], on=True) == "river"
    assert imports(site) == set()
    assert box.offer(["sea"], on=True) == ""
    assert await load(box) == []
    assert {row.name: (row.offered, row.source) for row in box.tools() if row.source != "built in"} == {
        "tide": (True, "package termchat-sea 1.2"),
        "moon": (True, "package termchat-sea 1.2"),
    }
    here = str(os.getpid())
    asked = await box.judge(tide := ToolCall("1", "tide", '{"harbour": "Kiel"}'))
    assert isinstance(asked, ApprovalRequest)
    answer = (await box.run(tide, asked.permit, lambda text: None)).text
    assert answer.startswith("high in Kiel by ") and not answer.endswith(here)
    permit = await box.judge(moon := ToolCall("2", "moon", "{}"))
    assert isinstance(permit, Permit)
    assert (await box.run(moon, permit, lambda text: None)).text == f"full by {here}"
    await box.close()


async def test_package_function_is_never_imported_here(site: Path, tmp_path: Path) -> None:
    box = toolbox(tmp_path)
    assert box.offer(["tide"], on=True) == ""
    assert await load(box) == []
    assert f"imported-{os.getpid()}" not in imports(site)
    assert isinstance(await box.judge(ToolCall("1", "tide", "{}")), ToolResult)  # an argument is missing
    await box.close()


async def test_package_problems_name_it_and_spare_others(site: Path, tmp_path: Path) -> None:
    box = toolbox(tmp_path)
    assert box.offer(["all"], on=True) == ""
    notices = await load(box)
    assert len(notices) == 2
    assert all("package termchat-sea 1.2: entry point " in notice for notice in notices)
    assert "it gives int; a tool is a function or a termchat.tools.registry.Tool" in "".join(notices)
    assert "has no attribute 'wreck'" in "".join(notices)
    assert {"tide", "moon"} <= {spec.name for spec in box.specs}
    await box.close()
