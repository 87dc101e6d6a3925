"""Chats of the page and of terminals: one begins, the other goes on; each sees what the other does."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.fork_server import ProgramProcess, run_program
from tests.gateway import Call, Gate, Gateway, GatewayThread, Reasoning, Reply, Text
from tests.pty.harness import Terminal
from tests.serve.page_client import DEADLINE, PageClient, texts, wait_for
from tests.serve.served import write_config

pytestmark = pytest.mark.xdist_group("serve")
PROGRAM = (sys.executable, "-m", "termchat")


@dataclass
class ServerProcess:
    """`termchat serve` as a process, and its client."""

    gateway: Gateway
    env: dict[str, str]
    process: subprocess.Popen[bytes]
    page: PageClient

    def stop(self) -> tuple[int, bytes]:
        """Stop it by SIGTERM; return its exit code and what it said."""
        self.process.send_signal(signal.SIGTERM)
        _, said = self.process.communicate(timeout=DEADLINE)
        return self.process.returncode, said


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    with GatewayThread() as gateway:
        env = {**write_config(tmp_path, gateway), "PATH": os.environ["PATH"]}
        command = [*PROGRAM, "serve", "--port", "0"]
        with ProgramProcess(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env, cwd=tmp_path
        ) as process:
            assert process.stdout
            address, _, token = process.stdout.readline().decode().strip().partition("/#")
            page = PageClient(address, token)
            try:
                yield ServerProcess(gateway, env, process, page)
            finally:
                page.http.close()
                if process.poll() is None:
                    process.kill()
        gateway.check()


def test_chat_of_terminal_goes_on_in_page_and_back(server: ServerProcess, tmp_path: Path) -> None:
    server.gateway.reply(Reply(Text("one")), Reply(Text("two")), Reply(Text("three")))

    def termchat(*arguments: str) -> Any:
        done = run_program([*PROGRAM, *arguments], env=server.env, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        return done.stdout

    with server.page.events() as events:
        assert termchat("-n", "first") == b"one"
        row = events.until(lambda name, data: name == "chats" and data["chats"])["chats"][0]
    place = (row["title"], row["directory"])
    chat = server.page.ask("second", row["id"])
    assert termchat("-n", "--chat", row["id"], "third") == b"three"
    asked = server.gateway.asked[-1].body["messages"]
    assert [message["content"] for message in asked] == ["first", "one", "second", "two", "third"]
    chat = server.page.chat(row["id"])
    assert [text for _, text in texts(chat)] == ["first", "one", "second", "two", "third", "three"]
    assert (chat["title"], chat["directory"]) == place == ("first", str(tmp_path))
    assert {(node["outcome"], node["seconds"] > 0) for node in chat["nodes"] if node["outcome"]} == {("complete", True)}


def test_chat_open_in_terminal_streams_in_page(server: ServerProcess) -> None:
    page, gate = server.page, Gate()
    mark = Path(server.env["HOME"], ".local", "share", "termchat", "termchat.db.followed")
    call = Call("current_time", {})
    server.gateway.reply(Reply(Text("begun")), Reply(call), Reply(Reasoning("hm"), Text("on "), gate, Text("and on")))
    chat = page.ask("begin")["id"]
    with page.events(chat) as events:
        assert events.until(lambda name, _: name == "snapshot")["held"] is None
        with Terminal([*PROGRAM, "--chat", chat], env=server.env) as terminal:
            terminal.shows("begun")
            events.until(lambda name, data: name == "chat" and data.get("held") == "elsewhere")
            assert page.refused(f"chats/{chat}/turns", {"text": "me too"}) == (409, "held")
            assert page.refused(f"chats/{chat}/head", {"node": ""}) == (409, "held")
            assert page.refused(f"chats/{chat}/delete") == (409, "held")
            terminal.send("go on\r")
            gate.reached.wait_blocking()
            turn = events.turn("started")
            events.until(lambda _, __: events.text() == "hmon ")
            assert mark.exists()
            assert (turn["kind"], page.chat(chat)["turns"][0]["id"]) == ("elsewhere", turn["id"])
            gate.open()
            ended = events.turn("ended")
            terminal.shows("and on")
            terminal.send("/label nice\r")
            labelled = events.until(lambda name, data: name == "chat" and "labels" in data)
            assert terminal.quits() == 0
        events.until(lambda name, data: name == "chat" and "held" in data and data["held"] is None)
    assert (ended["outcome"], ended["turn"], ended["parent"]) == ("complete", turn["id"], turn["parent"])
    assert labelled["labels"] == {ended["head"]: "nice"}
    wait_for(mark.exists, lambda found: not found)
    assert [data["type"] for name, data in events.all if name == "turn" and data["type"] in ("started", "ended")] == [
        "started", "ended",
    ]  # fmt: skip
    server.gateway.reply(Reply(Text("back")))
    done = page.ask("in the page", chat)
    assert [text for _, text in texts(done)] == ["begin", "begun", "go on", "", "", "on and on", "in the page", "back"]


def test_chat_in_a_copy_goes_on_while_terminal_has_it(server: ServerProcess) -> None:
    page = server.page
    server.gateway.reply(Reply(Text("begun")), Reply(Text("copied")))
    chat = page.ask("begin")["id"]
    with Terminal([*PROGRAM, "--chat", chat], env=server.env) as terminal:
        terminal.shows("begun")
        wait_for(lambda: page.chat(chat), lambda found: found["held"])
        copy = page.post(f"chats/{chat}/fork")["id"]
        assert texts(page.ask("more", copy))[2:] == [("user", "more"), ("assistant", "copied")]
        os.kill(terminal.pid, signal.SIGKILL)
        terminal.leaves()
    assert page.chat(chat)["held"] is None


def test_server_that_stops_ends_turns_with_their_outcome(server: ServerProcess) -> None:
    gate = Gate()
    server.gateway.reply(Reply(Text("half"), gate))
    begun = server.page.post("chats", {"text": "long"})
    gate.reached.wait_blocking()
    with server.page.events(begun["id"]) as events:
        events.until(lambda name, data: name == "snapshot" and data["turns"])
        wait_for(lambda: server.page.chat(begun["id"])["turns"], lambda turns: turns[0]["parts"])
        assert server.stop() == (0, b"")
        assert events.turn("ended")["outcome"] == "cancelled"
        wait_for(lambda: events.ended, bool)
    home = Path(server.env["HOME"])
    shown = run_program([*PROGRAM, "chats", "export", begun["id"], "--format", "json"], env=server.env, cwd=home)
    assert b'"outcome":"cancelled"' in shown.stdout, shown
