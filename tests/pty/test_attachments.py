"""Files in the chat: completion, mentions, questions, dropped files and the clipboard, in a terminal."""

from __future__ import annotations

import base64
import json
import os
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from PIL import Image as Pillow

from tests.gateway import Gateway, Reply, Text
from tests.pty.harness import Terminal


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A home with a working directory `w` of files, and the gateway's model."""
    work = tmp_path / "w"
    (work / "src").mkdir(parents=True)
    (work / ".gitignore").write_text("*.log\n")
    (work / "build.log").write_text("x")
    (work / ".env").write_text("KEY=1")
    (work / "src/main.py").write_text("".join(f"line {n}\n" for n in range(1, 400)))
    (work / "my notes.txt").write_text("bread")
    Pillow.new("RGB", (64, 48), "red").save(work / "cat.png")
    return tmp_path


def configure(gateway: Gateway, home: Path, more: str = "") -> None:
    gateway.always(lambda request: Reply(Text("a reply")))
    file = home / ".config/termchat/config.toml"
    file.parent.mkdir(parents=True)
    file.write_text(f'model = "gw/gpt-5.2"\n{more}\n[providers.gw]\nkey = "sk-no"\nopenai = "{gateway.url}/v1"\n')
    file.chmod(0o600)


def chat(home: Path, *options: str, columns: int = 80, answer: Any = None, **env: str) -> Terminal:
    """Start termchat in the directory `w` of a home."""
    words = " ".join((sys.executable, "-m", "termchat", *options))
    command = ("sh", "-c", f"cd '{home}/w' && exec {words}")
    return Terminal(command, columns=columns, rows=30, env={"HOME": str(home), **env}, answer=answer)


def sent(gateway: Gateway, number: int = -1) -> list[dict[str, Any]]:
    """Return the parts of the last message of a request."""
    content = gateway.asked[number].body["messages"][-1]["content"]
    return content if isinstance(content, list) else [{"type": "text", "text": content}]


def picture_of(part: dict[str, Any]) -> bytes:
    return base64.b64decode(part["image_url"]["url"].partition(",")[2])


@pytest.mark.parametrize("columns", [80, 40])
def test_mention_is_completed_shown_with_size_and_sent(gateway_thread: Gateway, place: Path, columns: int) -> None:
    configure(gateway_thread, place)
    with chat(place, columns=columns) as terminal:
        terminal.shows("Ask anything")
        terminal.send("see @main")
        terminal.shows("@src/main.py")
        terminal.shows("3.5 kB")
        assert "build.log" not in terminal.text
        terminal.send("\t")
        terminal.shows("❯ see @src/main.py (3.5 kB)")
        terminal.send("now\r")
        terminal.shows("a reply")
        assert "❯ see @src/main.py (3.5 kB) now" in terminal.transcript
    text = "".join(part["text"] for part in sent(gateway_thread))
    assert text.endswith("see @src/main.py now")
    assert '<file name="src/main.py">\nline 1\n' in text


@pytest.mark.parametrize("columns", [80, 40])
def test_menu_of_files_closes_and_enter_sends_a_whole_name(gateway_thread: Gateway, place: Path, columns: int) -> None:
    configure(gateway_thread, place)
    with chat(place, columns=columns) as terminal:
        terminal.shows("Ask anything")
        terminal.send("@")
        terminal.shows("@src/")
        assert "@.env" not in terminal.text
        terminal.send("\x1b")
        terminal.until(lambda: "directory" not in terminal.text)
        terminal.send("cat.png")
        terminal.shows("❯ @cat.png")
        terminal.settled()
        terminal.send("\r")
        terminal.shows("a reply")
        assert any(row.startswith("❯ @cat.png (PNG 64×48, ") for row in terminal.transcript)
    assert picture_of(sent(gateway_thread)[0]) == (place / "w/cat.png").read_bytes()


def test_resumed_chat_sends_same_bytes_after_file_has_changed(gateway_thread: Gateway, place: Path) -> None:
    configure(gateway_thread, place)
    before = (place / "w/cat.png").read_bytes()
    with chat(place) as terminal:
        terminal.shows("Ask anything")
        terminal.send('look at @cat.png and @"my notes.txt"#1\r')
        terminal.shows("a reply")
        terminal.shows("Ask anything")
        terminal.quits()
    (place / "w/cat.png").write_bytes(b"changed")
    (place / "w/my notes.txt").write_text("changed")
    with chat(place, "-c") as terminal:
        terminal.shows("look at @cat.png (PNG 64×48, ")
        terminal.send("go on\r")
        terminal.until(lambda: len(gateway_thread.asked) == 2)
        terminal.shows("Ask anything")
    first, again = (request.body["messages"][0] for request in gateway_thread.asked[-2:])
    assert first == again
    assert picture_of(first["content"][0]) == before


def test_secret_file_is_asked_about_and_text_without_mention_is_unchanged(gateway_thread: Gateway, place: Path) -> None:
    configure(gateway_thread, place)
    text = "mail joe@example.com, use @app.route and `@cat.png`"
    with chat(place) as terminal:
        terminal.shows("Ask anything")
        terminal.send(f"{text}\r")
        terminal.shows("a reply")
        assert sent(gateway_thread) == [{"type": "text", "text": text}]
        terminal.shows("Ask anything")
        terminal.send("what is in @.env \r")
        terminal.shows(".env may hold secrets.")
        terminal.shows("Enter attaches and sends it.")
        assert len(gateway_thread.asked) == 1
        terminal.send("\r")
        terminal.until(lambda: len(gateway_thread.asked) == 2)
    assert "KEY=1" in json.dumps(sent(gateway_thread))


def test_missing_lines_keep_the_message_and_enter_sends_it_as_text(gateway_thread: Gateway, place: Path) -> None:
    configure(gateway_thread, place)
    with chat(place) as terminal:
        terminal.shows("Ask anything")
        terminal.send("see @src/main.py#900 \r")
        terminal.shows("it has fewer lines")
        terminal.shows("❯ see @src/main.py#900")
        terminal.shows("Enter sends the text as typed.")
        terminal.send("\r")
        terminal.shows("a reply")
    assert sent(gateway_thread) == [{"type": "text", "text": "see @src/main.py#900 "}]


def test_hasty_second_enter_sends_no_secret_file(gateway_thread: Gateway, place: Path) -> None:
    configure(gateway_thread, place)
    with chat(place) as terminal:
        terminal.shows("Ask anything")
        terminal.send("see @.env \r\r\r")
        terminal.shows("Enter attaches and sends it.")
        assert gateway_thread.asked == []
        terminal.send("\r")
        terminal.shows("a reply")
    assert "KEY=1" in str(gateway_thread.asked[0].body)


def test_attach_command_lists_and_removes(gateway_thread: Gateway, place: Path) -> None:
    configure(gateway_thread, place)
    with chat(place) as terminal:
        terminal.shows("Ask anything")
        terminal.send("/attach cat.png 'my notes.txt' none.txt\r")
        terminal.shows("@cat.png (PNG 64×48, ")
        terminal.shows('@"my notes.txt" (5 B)')
        terminal.shows("Cannot attach none.txt: no such file or directory.")
        terminal.send("/attach\r")
        terminal.shows("2  @")
        terminal.send("/attach remove 1\r")
        terminal.shows('❯ @"my notes.txt" (5 B)')
        terminal.send("what?\r")
        terminal.shows("a reply")
    assert "bread" in json.dumps(sent(gateway_thread))
    assert "image_url" not in json.dumps(sent(gateway_thread))


def test_slow_mention_is_sent_without_another_enter(gateway_thread: Gateway, place: Path) -> None:
    configure(gateway_thread, place)
    asked, told = threading.Event(), threading.Event()

    class Slow(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.set()
            told.wait(30)
            self.send_response(200)
            self.send_header("Content-Type", "text/plain")
            self.end_headers()
            self.wfile.write(b"a slow page")

        def log_message(self, format: str, *args: object) -> None: ...  # noqa: A002 - its name in the library

    with ThreadingHTTPServer(("127.0.0.1", 0), Slow) as server, chat(place) as terminal:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        terminal.shows("Ask anything")
        terminal.send(f"what is @http://127.0.0.1:{server.server_port}/a ?\r")
        terminal.shows("Enter attaches and sends it.")  # once: it is no public address
        terminal.send("\r")
        terminal.shows("Reading attachments…")
        assert asked.wait(30)
        terminal.send("\x1b[D")
        told.set()
        terminal.shows("a reply")
        server.shutdown()
    assert "a slow page" in json.dumps(sent(gateway_thread))


def test_commands_that_name_a_file_complete_it(gateway_thread: Gateway, place: Path) -> None:
    configure(gateway_thread, place)
    with chat(place) as terminal:
        terminal.shows("Ask anything")
        for typed, row, completed in (
            ("/open my", "❯ my notes.txt", "❯ /open my notes.txt"),
            ("/system @src/m", "❯ src/main.py", "❯ /system @src/main.py"),
        ):
            terminal.send(typed)
            terminal.until(lambda row=row: any(line.startswith(row) for line in terminal.lines))
            terminal.send("\t")
            terminal.shows(completed)
            terminal.send("\x15")
            terminal.until(lambda completed=completed: completed not in terminal.text)


def test_dropped_picture_is_mentioned_and_other_path_offered(gateway_thread: Gateway, place: Path) -> None:
    configure(gateway_thread, place)
    picture, notes = place / "w/cat.png", place / "w/my notes.txt"
    with chat(place, columns=120) as terminal:
        terminal.shows("Ask anything")
        terminal.send(f"\x1b[200~{picture}\x1b[201~")
        terminal.shows(f"❯ @{picture}"[:60])
        terminal.send("\x1f")
        terminal.shows(f"❯ {picture}"[:60])
        terminal.send("\x15\x1b[200~'" + str(notes) + "'\x1b[201~")
        terminal.shows("Tab attaches it")
        terminal.send("\t")
        terminal.until(lambda: "Tab attaches it" not in terminal.text)
        terminal.shows('❯ @"/')
        terminal.send("\r")
        terminal.shows("a reply")
    assert "bread" in json.dumps(sent(gateway_thread))


def test_ctrl_v_attaches_picture_of_clipboard_program(gateway_thread: Gateway, place: Path) -> None:
    configure(gateway_thread, place)
    program = place / "bin/xclip"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\ncase "$*" in *image/png*) cat "{place}/w/cat.png" ;; *) exit 1 ;; esac\n')
    program.chmod(0o755)
    with chat(place, DISPLAY=":9", PATH=f"{program.parent}:{os.environ['PATH']}") as terminal:
        terminal.shows("Ask anything")
        terminal.send("\x16")
        terminal.shows("@clipboard (PNG 64×48")
        terminal.send("what?\r")
        terminal.shows("a reply")
    assert picture_of(sent(gateway_thread)[0]) == (place / "w/cat.png").read_bytes()


def test_ctrl_v_over_ssh_asks_the_terminal(gateway_thread: Gateway, place: Path) -> None:
    configure(gateway_thread, place)
    data = (place / "w/cat.png").read_bytes()

    def answer(output: bytes) -> bytes:
        reply = b""
        if b"\x1b[?5522$p" in output:
            reply += b"\x1b[?5522;2$y"
        if b"\x1b]5522;type=read;" in output:
            mime = base64.b64encode(b"image/png")
            reply += b"\x1b]5522;type=read:status=OK\x1b\\"
            for at in range(0, len(data), 60):
                reply += b"\x1b]5522;type=read:status=DATA:mime=%s;%s\x1b\\" % (
                    mime,
                    base64.b64encode(data[at : at + 60]),
                )
            reply += b"\x1b]5522;type=read:status=DONE\x1b\\"
        return reply

    with chat(place, answer=answer, SSH_TTY="/dev/pts/9") as terminal:
        terminal.shows("Ask anything")
        terminal.send("\x16")
        terminal.shows("@clipboard (PNG 64×48")
        terminal.send("what?\r")
        terminal.shows("a reply")
    assert picture_of(sent(gateway_thread)[0]) == data


def test_ctrl_v_without_clipboard_says_so(gateway_thread: Gateway, place: Path) -> None:
    configure(gateway_thread, place)
    with chat(place, SSH_TTY="/dev/pts/9") as terminal:
        terminal.shows("Ask anything")
        terminal.send("\x16")
        terminal.shows("Nothing here reads the clipboard.")
        terminal.send("still here")
        terminal.shows("❯ still here")


def test_open_takes_a_name_whose_letters_only_occur_in_a_file(gateway_thread: Gateway, place: Path) -> None:
    configure(gateway_thread, place)
    with chat(place) as terminal:
        terminal.shows("Ask anything")
        terminal.send("/open ynt")
        terminal.shows("  my notes.txt")
        terminal.send("\r")
        terminal.shows("There is no chat ynt.")
        terminal.send("\x15/open notes")
        terminal.shows("  my notes.txt")
        terminal.send("\t")
        terminal.shows("❯ /open my notes.txt")


def test_resource_of_server_is_completed_and_sent(gateway_thread: Gateway, place: Path) -> None:
    server = f'command = "{sys.executable}"\nargs = ["-m", "termchat.tools.mcp.demo_server"]\nseconds = 60\n'
    configure(gateway_thread, place, f'tools = ["none"]\n[mcp.notes]\n{server}')
    with chat(place) as terminal:
        terminal.shows("Ask anything")
        terminal.send("buy @notes:shop")
        terminal.shows("@notes:note://shopping")
        terminal.send("\t")
        terminal.shows("❯ buy @notes:note://shopping")
        terminal.send("\r")
        terminal.shows("a reply")
    text = "".join(part["text"] for part in sent(gateway_thread))
    assert '<file name="notes:note://shopping">\nbread, apples, coffee\n</file>' in text


def test_plain_front_end_attaches_mentions_and_asks(gateway_thread: Gateway, place: Path) -> None:
    configure(gateway_thread, place)
    with chat(place, "--plain") as terminal:
        terminal.until(lambda: terminal.lines.count(">") == 1)
        terminal.send('see @"my notes.txt"\r')
        terminal.shows('Attached: @"my notes.txt" (5 B)')
        terminal.shows("a reply")
        terminal.until(lambda: terminal.lines.count(">") == 1)
        terminal.send("see @.env\r")
        terminal.shows("An empty line attaches and sends it.")
        assert len(gateway_thread.asked) == 1
        terminal.send("\r")
        terminal.until(lambda: len(gateway_thread.asked) == 2)
    assert "bread" in json.dumps(sent(gateway_thread, 0))
    assert "KEY=1" in json.dumps(sent(gateway_thread))
