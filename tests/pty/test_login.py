"""Test /login, /logout and the first screen on a terminal; a planted key must appear nowhere."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from termchat.config.providers import presets
from tests.gateway import Gateway, GatewayThread, Reply, fault
from tests.pty.harness import Terminal

KEY = "sk-planted-0123456789-4f2a"
COMMAND = (sys.executable, "-m", "termchat")
PASTE = "\x1b[200~{}\x1b[201~"


@pytest.fixture
def locked() -> Iterator[Gateway]:
    """A gateway that takes only the planted key."""
    with GatewayThread(key=KEY) as gateway:
        gateway.expect_problems()
        gateway.always(Reply.text("Hello from the gateway."))
        yield gateway


def _env(home: Path, **more: str) -> dict[str, str]:
    return {"HOME": str(home), "TERMCHAT_DEMO_SPEED": "0", **more}


def _begin_gateway(terminal: Terminal, gateway: Gateway) -> None:
    """Answer the questions up to the key."""
    terminal.shows("Ask anything")
    terminal.settled()
    terminal.send("/login\r")
    terminal.shows("Log in to")
    terminal.send("another\r")
    terminal.shows("Name:")
    terminal.send("mine\r")
    terminal.shows("Its protocol")
    terminal.send("\r")
    terminal.until(lambda: "Base URL" in terminal.text)
    terminal.send(f"{gateway.url}/v1\r")
    terminal.shows("Another protocol?")
    terminal.send("\r")
    terminal.until(lambda: "Key of" in terminal.text)


def _finish(terminal: Terminal, place: str) -> None:
    """Decline the request, keep the key in a place, take the first model."""
    terminal.shows("Try a reply")
    terminal.send("\r")
    terminal.shows("Where is")
    terminal.send(f"{place}\r")


def _places_with(key: str, home: Path, terminal: Terminal) -> list[str]:
    """Return where a key is found: files, the screen and its scrollback, all output, the arguments of the process."""
    found = [str(file.relative_to(home)) for file in _places_with_text(key, home)]
    found += ["the output"] if key.encode() in terminal.output else []
    found += ["the screen"] if any(key in line for line in terminal.transcript) else []
    found += ["the process list"] if key.encode() in Path(f"/proc/{terminal.pid}/cmdline").read_bytes() else []
    return found


def test_login_with_refused_key_is_corrected_and_goes_on(tmp_path: Path, locked: Gateway) -> None:
    with Terminal(COMMAND, env=_env(tmp_path), rows=40) as terminal:
        _begin_gateway(terminal, locked)
        terminal.send("sk-wrong-0123456789-zzzz\r")
        terminal.shows("mine refused the key (401")
        terminal.shows("What should be changed?")
        terminal.shows("❯ Enter another key")
        terminal.send("\r")
        terminal.until(lambda: "Key of mine: " in terminal.text or "Key of mine:" in terminal.lines)
        terminal.send(PASTE.format(f'"{KEY}"\n'))
        terminal.shows("••••")
        terminal.send("\r")
        terminal.shows("Removed the quotes around it.")
        terminal.shows("3 models")
        _finish(terminal, "config")
        terminal.shows("which only you can read")
        terminal.shows("gpt-5.4-mini")
        terminal.send("\r")
        terminal.shows("→ mine/gpt-4.1")
        terminal.send("hello\r")
        terminal.shows("Hello from the gateway.")
        assert _places_with(KEY, tmp_path, terminal) == [".config/termchat/config.toml"]
        terminal.send("/exit\r")
        assert terminal.leaves() == 0
    file = tmp_path / ".config" / "termchat" / "config.toml"
    assert file.stat().st_mode & 0o777 == 0o600
    assert _places_with_text(KEY, tmp_path) == [file]
    assert locked.asked[-1].key == KEY


def _places_with_text(key: str, home: Path) -> list[Path]:
    return [file for file in home.rglob("*") if key.encode() in _content(file)]


def _content(file: Path) -> bytes:
    """Return the bytes of a file; none for a folder, and for a file of a moment that the program has removed."""
    try:
        return file.read_bytes()
    except (FileNotFoundError, IsADirectoryError):
        return b""


@pytest.mark.parametrize(("columns", "rows"), [(80, 24), (40, 24), (20, 24)])
def test_login_for_this_run_writes_key_nowhere(tmp_path: Path, locked: Gateway, columns: int, rows: int) -> None:
    with Terminal(COMMAND, env=_env(tmp_path), columns=columns, rows=rows) as terminal:
        _begin_gateway(terminal, locked)
        terminal.send(PASTE.format(KEY))
        terminal.send("\r")
        _finish(terminal, "nowhere")
        terminal.shows("gpt-4.1")
        terminal.until(lambda: any(line.startswith("Model") for line in terminal.lines))
        terminal.send("\r")
        terminal.shows("→ mine/gpt-4.1")
        terminal.send("hello\r")
        terminal.until(lambda: "Hello from the" in " ".join(terminal.lines))
        assert _places_with(KEY, tmp_path, terminal) == []
        terminal.send("/exit\r")
        assert terminal.leaves() == 0
    assert _places_with_text(KEY, tmp_path) == []
    assert b"sk-planted" not in terminal.output


def test_message_without_answer_survives_login(tmp_path: Path, locked: Gateway) -> None:
    file = tmp_path / ".config" / "termchat" / "config.toml"
    file.parent.mkdir(parents=True)
    file.write_text(f'[providers.mine]\nkey = "env:MINE"\nopenai = "{locked.url}/v1"\nmodel = "gpt-4.1"\n')
    with Terminal(COMMAND, env=_env(tmp_path, MINE="sk-wrong-0123456789-zzzz"), rows=40) as terminal:
        terminal.shows("Ask anything")
        terminal.send("my long question\r")
        terminal.shows("refused the key")
        terminal.shows("❯ my long question")
        terminal.settled()
        terminal.send("/login mine\r")
        terminal.shows("Use MINE")
        terminal.send("enter\r")
        terminal.shows("Key of mine:")
        terminal.send(PASTE.format(KEY) + "\r")
        _finish(terminal, "nowhere")
        terminal.until(lambda: any(line.startswith("Model") for line in terminal.lines))
        terminal.send("\r")
        terminal.until(lambda: terminal.text.count("❯ my long question") >= 2)
        terminal.settled()
        terminal.send("\r")
        terminal.shows("Hello from the gateway.")


def test_escape_leaves_each_question_and_drops_the_key(tmp_path: Path, locked: Gateway) -> None:
    with Terminal(COMMAND, env=_env(tmp_path), rows=40) as terminal:
        _begin_gateway(terminal, locked)
        terminal.send(PASTE.format(KEY))
        terminal.shows("••••")
        terminal.send("\x15")  # Ctrl-U cuts the line
        terminal.until(lambda: "•" not in terminal.text)
        terminal.send("\x1b")
        terminal.shows("Stopped; nothing was changed.")
        terminal.settled()
        terminal.send("\x19x")  # Ctrl-Y inserts what was cut
        terminal.shows("❯ x")
        assert _places_with(KEY, tmp_path, terminal) == []
    assert locked.requests == []


def test_key_pasted_early_never_reaches_the_input(tmp_path: Path, locked: Gateway) -> None:
    with Terminal(COMMAND, env=_env(tmp_path), rows=40) as terminal:
        terminal.shows("Ask anything")
        terminal.settled()
        terminal.send(f"/login deepseek\r{PASTE.format(KEY)}")
        terminal.shows("Key of DeepSeek: ••••")
        terminal.send("\x1b")
        terminal.shows("Stopped; nothing was changed.")
        assert _places_with(KEY, tmp_path, terminal) == []


def test_escape_stops_check_of_silent_server(tmp_path: Path, locked: Gateway) -> None:
    locked.models_answer = fault.silence()
    with Terminal(COMMAND, env=_env(tmp_path), rows=40) as terminal:
        _begin_gateway(terminal, locked)
        terminal.send(PASTE.format(KEY) + "\r")
        terminal.shows("Esc stops")
        locked.request_blocking(1)
        terminal.send("\x1b")
        terminal.shows("Stopped; nothing was changed.")
        terminal.send("hello\r")
        terminal.shows("❯ hello")
        terminal.shows("tour · ~")


def test_logout_removes_only_the_key_of_a_login(tmp_path: Path, locked: Gateway) -> None:
    file = tmp_path / ".config" / "termchat" / "config.toml"
    file.parent.mkdir(parents=True)
    own = f'[providers.hand]\nkey = "sk-by-hand-0123456789"\nopenai = "{locked.url}/v1"\n'
    file.write_text(f'{own}\n[providers.mine]\nkey = "{KEY}" # written by termchat login\nopenai = "{locked.url}/v1"\n')
    file.chmod(0o600)
    with Terminal(COMMAND, env=_env(tmp_path), rows=40) as terminal:
        terminal.shows("Ask anything")
        terminal.settled()
        terminal.send("/logout hand\r")
        terminal.shows("no login has written it, so it stays")
        terminal.send("/logout mine\r")
        terminal.shows("Logged out of mine: its key was removed from the config file.")
    assert own in file.read_text()
    assert KEY not in file.read_text()


def test_plain_login_hides_key_and_uses_it(tmp_path: Path, locked: Gateway) -> None:
    with Terminal((*COMMAND, "--plain"), env=_env(tmp_path), rows=60) as terminal:
        terminal.until(lambda: terminal.output.endswith(b"> "))
        terminal.send("/login\n")
        for shown, typed in (
            ("Number:", "another"),
            ("Name:", "mine"),
            ("Its protocol", "1"),
            ("Base URL", f"{locked.url}/v1"),
            ("Another protocol?", "1"),
        ):
            terminal.shows(shown)
            terminal.until(lambda: terminal.output.rstrip(b" ").endswith(b":"))
            terminal.send(f"{typed}\n")
        terminal.shows("Key of mine:")
        terminal.settled()
        terminal.send(f"{KEY}\n")
        for shown, typed in (("Try a reply too? It costs", "no"), ("to be kept", "5"), ("Model:", "1")):
            terminal.shows(shown)
            terminal.until(lambda: terminal.output.endswith(b"Number: "))
            terminal.send(f"{typed}\n")
        terminal.shows("→ mine/gpt-4.1")
        terminal.send("hello\n")
        terminal.shows("Hello from the gateway.")
        assert _places_with(KEY, tmp_path, terminal) == []


class _Models(BaseHTTPRequestHandler):
    """A server that lists two models to anyone, as Ollama does."""

    def do_GET(self) -> None:
        body = json.dumps({"object": "list", "data": [{"id": "qwen3"}, {"id": "llama4"}]}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        """Print nothing."""


@pytest.fixture
def local_port() -> Iterator[int]:
    """The port of a running server, one of those that the presets name and that is free."""
    ports = [
        urlsplit(next(iter(p.base_urls.values()))).port for p in presets().values() if p.local and p.name != "demo"
    ]
    for port in ports:
        try:
            server = ThreadingHTTPServer(("127.0.0.1", port or 0), _Models)
        except OSError:
            continue
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server.server_port
        server.shutdown()
        server.server_close()
        return
    raise AssertionError("no port of a preset is free")


@pytest.mark.xdist_group("local port")  # each program finds the servers of all tests that run now
def test_enter_on_first_screen_uses_server_of_this_machine(tmp_path: Path, local_port: int) -> None:
    with Terminal(COMMAND, env=_env(tmp_path), rows=40) as terminal:
        terminal.shows("type /login")
        terminal.shows(f"answers on port {local_port} with 2 models: Enter uses it")
        terminal.send("\r")
        terminal.shows("❯ llama4")
        terminal.send("qwen\r")
        terminal.shows("/qwen3")
        terminal.settled()
        assert "Stopped" not in terminal.text
    assert not (tmp_path / ".config").exists()


@pytest.mark.xdist_group("local port")
def test_plain_first_screen_names_server_of_this_machine(tmp_path: Path, local_port: int) -> None:
    with Terminal((*COMMAND, "--plain"), env=_env(tmp_path), rows=40) as terminal:
        terminal.shows(f"answers on port {local_port} with 2 models: /login ")
        terminal.until(lambda: terminal.output.endswith(b"\r\n\r\n> "))


def test_login_to_server_that_wants_a_key_asks_for_it_at_once(tmp_path: Path, locked: Gateway) -> None:
    config = tmp_path / ".config" / "termchat" / "config.toml"
    config.parent.mkdir(parents=True)
    config.write_text(f'[providers.ollama]\nopenai = "{locked.url}/v1"\n')
    config.chmod(0o600)
    with Terminal(COMMAND, env=_env(tmp_path), rows=40) as terminal:
        terminal.shows("Ask anything")
        terminal.send("/login ollama\r")
        terminal.shows("✗ Ollama wants a key.")
        terminal.until(lambda: "Key of Ollama" in terminal.text)
        terminal.settled()
        terminal.send(f"{KEY}\r")
        terminal.shows("✓ http")
        assert "refused" not in terminal.text
        assert KEY.encode() not in terminal.output


@pytest.mark.parametrize("command", [COMMAND, (*COMMAND, "login")])
def test_key_pasted_into_list_of_providers_is_not_shown(tmp_path: Path, command: tuple[str, ...]) -> None:
    with Terminal(command, env=_env(tmp_path), rows=30) as terminal:
        if command is COMMAND:
            terminal.shows("Ask anything")
            terminal.send("/login\r")
        terminal.shows("Log in to")
        terminal.send(PASTE.format(KEY))
        terminal.shows(f"/ {'•' * len(KEY)}")
        terminal.send("\x1b")
        terminal.until(lambda: "•" not in terminal.text)
        terminal.shows("Log in to")
        assert _places_with(KEY, tmp_path, terminal) == []
