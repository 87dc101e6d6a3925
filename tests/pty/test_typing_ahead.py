"""Test keys that are typed while a command of the REPL works."""

from __future__ import annotations

import select
import socket
import sys
from pathlib import Path

from tests.pty.harness import Terminal

COMMAND = (sys.executable, "-m", "termchat")
ANSWER = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n{"data": [{"id": "m"}]}'


def test_keys_typed_during_doctor_act_after_it(tmp_path: Path) -> None:
    """The provider answers only when the keys were typed."""
    with socket.create_server(("127.0.0.1", 0)) as provider:
        file = tmp_path / ".config" / "termchat" / "config.toml"
        file.parent.mkdir(parents=True)
        url = f"http://127.0.0.1:{provider.getsockname()[1]}/v1"
        file.write_text(f'[providers.mine]\nkey = "sk-of-the-test"\nopenai = "{url}"\nmodel = "m"\n')
        file.chmod(0o600)
        with Terminal(COMMAND, env={"HOME": str(tmp_path)}, rows=40) as terminal:
            terminal.shows("Ask anything")
            terminal.settled()
            terminal.send("/doctor\r")
            terminal.shows("checking…")
            asking = _accepted(provider, terminal)
            terminal.send("the \x1b[200~draft\x1b[201~ of a message")
            _pass_frames(terminal)
            assert "the draft" not in terminal.text
            with asking:
                asking.sendall(ANSWER)
            terminal.shows("❯ the draft of a message")
            terminal.send("\x15/doctor\r")
            asking = _accepted(provider, terminal)
            terminal.send("/exit\r")
            _pass_frames(terminal)
            with asking:
                asking.sendall(ANSWER)
            assert terminal.leaves() == 0


def _accepted(provider: socket.socket, terminal: Terminal) -> socket.socket:
    """Return the next connection; read the terminal meanwhile, so that the program can write."""
    terminal.until(lambda: bool(select.select([provider], [], [], 0)[0]), 60)
    return provider.accept()[0]


def _pass_frames(terminal: Terminal) -> None:
    """Wait for frames of the spinner: the keys that were sent are read before the next one."""
    before = len(terminal.output)
    terminal.until(lambda: len(terminal.output) > before + 100)
