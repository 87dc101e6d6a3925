"""MCP servers from the registries: git, fetch, filesystem and everything."""

from __future__ import annotations

import http.server
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from termchat.core.messages import Image, ToolCall
from termchat.core.models import McpServer
from tests.interop.support import installed, venv
from tests.tools.mcp.support import APPROVED, names, prepare, run, toolbox

pytestmark = [pytest.mark.interop, pytest.mark.xdist_group("mcp"), pytest.mark.timeout(900)]


def from_pypi(package: str, *arguments: str) -> McpServer:
    folder = installed(package, *venv(package))
    return McpServer("it", str(folder / "bin" / package), arguments, seconds=120)


def from_npm(package: str, *arguments: str) -> McpServer:
    """A server of the scope @modelcontextprotocol."""
    scoped = f"@modelcontextprotocol/{package}"
    folder = installed(package, ("npm", "install", "--prefix", "{}", "--no-audit", "--no-fund", scoped))
    return McpServer("it", str(folder / "node_modules" / ".bin" / f"mcp-{package}"), arguments, seconds=120)


async def test_git_server_shows_history(tmp_path: Path) -> None:
    repository = tmp_path / "repository"
    options = ("-c", "user.name=A", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false")
    for words in (("init", "-q"), (*options, "commit", "-q", "--allow-empty", "-m", "the first commit")):
        subprocess.run(("git", *words), cwd=_made(repository), check=True)
    async with toolbox(tmp_path, from_pypi("mcp-server-git", "--repository", str(repository))) as box:
        assert await prepare(box) == []
        assert "mcp_it_git_log" in names(box)
        shown = await run(box, "mcp_it_git_log", repo_path=str(repository))
        assert "the first commit" in shown.text
        assert (await run(box, "mcp_it_git_log", repo_path="/nonexistent")).is_error


async def test_fetch_server_reads_page_on_loopback(tmp_path: Path) -> None:
    with _page() as url:
        async with toolbox(
            tmp_path, from_pypi("mcp-server-fetch", "--ignore-robots-txt", "--allow-private-ips")
        ) as box:
            assert await prepare(box) == []
            result = await run(box, "mcp_it_fetch", url=url)
            assert "The weather in Köln" in result.text, result.text
            assert (await run(box, "mcp_it_fetch", url="http://127.0.0.1:1/")).is_error


async def test_filesystem_server_stays_in_its_folder(tmp_path: Path) -> None:
    folder = _made(tmp_path / "folder")
    (folder / "a.txt").write_text("inside")
    async with toolbox(tmp_path, from_npm("server-filesystem", str(folder))) as box:
        assert await prepare(box) == []
        assert "inside" in (await run(box, "mcp_it_read_text_file", path=str(folder / "a.txt"))).text
        assert (await run(box, "mcp_it_read_text_file", path="/etc/passwd")).is_error
        assert not (await run(box, "mcp_it_write_file", path=str(folder / "b.txt"), content="new")).is_error
        assert (folder / "b.txt").read_text() == "new"


async def test_everything_server_text_image_and_progress(tmp_path: Path) -> None:
    live: list[str] = []
    async with toolbox(tmp_path, from_npm("server-everything")) as box:
        assert await prepare(box) == []
        assert "hello" in (await run(box, "mcp_it_echo", message="hello")).text
        image = next(name for name in names(box) if "image" in name.lower())
        parts = (await run(box, image)).parts
        assert any(isinstance(part, Image) and part.mime == "image/png" for part in parts)
        long = next(name for name in names(box) if "long" in name.lower())
        done = await box.run(ToolCall("id", long, '{"duration": 1, "steps": 3}'), APPROVED, live.append)
        assert not done.is_error, done.text
        assert live


def _made(folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    return folder


@contextmanager
def _page() -> Iterator[str]:
    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = "<html><body><article><p>The weather in Köln is fine today.</p></article></body></html>".encode()
            self.send_response(200)
            self.send_header("content-type", "text/html; charset=utf-8")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name of the base class
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
