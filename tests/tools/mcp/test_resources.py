"""Resources of servers: lists, templates, texts, bytes, and servers without them."""

from __future__ import annotations

import sys
from pathlib import Path

from termchat.core.approval import ResourceRow
from termchat.core.errors import Failure
from termchat.core.messages import File, Part, Text
from termchat.core.models import McpServer
from termchat.tools.toolbox import Toolbox
from tests.tools.mcp.support import scripted, toolbox
from tests.tools.mcp.test_real_servers import DEMO, TIME, http_demo

SCRIPT = str(Path(__file__).with_name("resource_server.py"))
SERVER = McpServer("it", sys.executable, (SCRIPT,), seconds=60)


async def parts(box: Toolbox, server: str, uri: str) -> tuple[Part, ...]:
    """Return the parts of a resource that can be read."""
    read = await box.resources.read(server, uri)
    assert not isinstance(read, Failure)
    return read


async def test_resources_are_listed_with_templates(tmp_path: Path) -> None:
    async with toolbox(tmp_path, SERVER) as box:
        assert box.resources.servers() == ("it",)
        rows = await box.resources.listed("it")
        assert not isinstance(rows, Failure)
        assert ResourceRow("text://readme", "The manual: Read this", "text/markdown") in rows
        assert [row.uri for row in rows if row.template] == ["table://{name}/{row}"]


async def test_read_gives_text_and_bytes_by_name(tmp_path: Path) -> None:
    async with toolbox(tmp_path, SERVER) as box:
        text = await box.resources.read("it", "text://readme")
        assert text == (Text('<file name="it:text://readme">\n# Manual\n\x1b[31mred\n</file>\n'),)
        (picture,) = await parts(box, "it", "blob://dot.png")
        assert isinstance(picture, File)
        assert picture.data.startswith(b"\x89PNG")
        (made,) = await parts(box, "it", "table://tests/7")
        assert isinstance(made, Text)
        assert "tests 7" in made.text


async def test_failed_read_names_server_and_next_step(tmp_path: Path) -> None:
    async with toolbox(tmp_path, SERVER, TIME) as box:
        for server, uri in (("it", "broken://one"), ("it", "nothing://here"), ("time", "any://thing"), ("no", "a:b")):
            failure = await box.resources.read(server, uri)
            assert isinstance(failure, Failure)
            assert server in failure.message
            assert failure.hint


async def test_resources_over_http(tmp_path: Path) -> None:
    async with http_demo() as url, toolbox(tmp_path, McpServer("web", url=url, seconds=60)) as box:
        (text,) = await parts(box, "web", "note://shopping")
        assert isinstance(text, Text)
        assert "bread, apples, coffee" in text.text


async def test_demo_server_lists_notes_as_resources(tmp_path: Path) -> None:
    async with toolbox(tmp_path, DEMO) as box:
        rows = await box.resources.listed("demo")
        assert not isinstance(rows, Failure)
        assert {row.uri for row in rows} == {"note://shopping", "note://ideas", "note://{name}"}


async def test_server_that_dies_fails_with_reason(tmp_path: Path) -> None:
    async with toolbox(tmp_path, scripted("dies")) as box:
        assert isinstance(await box.resources.listed("it"), Failure)
        assert isinstance(await box.resources.read("it", "a:b"), Failure)
