"""Attachments of scripts: real requests in each protocol, checked by the gateway, and refusals before any request."""

from __future__ import annotations

import json
import sys
import wave
from pathlib import Path

import pytest
from PIL import Image as Pillow

from tests.attachments.test_fit_to_model import pdf
from tests.fork_server import run_program
from tests.gateway import Gateway, Reply, Text

BASES = {"openai": "/v1", "responses": "/v1", "anthropic": "", "gemini": ""}


@pytest.fixture
def place(tmp_path: Path) -> Path:
    Pillow.new("RGB", (4000, 40), "red").save(tmp_path / "wide.png")
    Pillow.new("P", (30, 40)).save(tmp_path / "small.gif")
    (tmp_path / "doc.pdf").write_bytes(pdf())
    (tmp_path / "notes.txt").write_text("one\ntwo\nthree\n")
    with wave.open(str(tmp_path / "tone.wav"), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(bytes(1600))
    return tmp_path


def ask(gateway: Gateway, place: Path, protocol: str, *words: str, model: str = "m-1") -> tuple[int, str, str]:
    """Ask once from the directory; return exit code, standard output and error."""
    gateway.always(lambda request: Reply(Text("a reply")))
    file = place / ".config/termchat/config.toml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f'[providers.gw]\nkey = "sk-no"\n{protocol} = "{gateway.url}{BASES[protocol]}"\n')
    file.chmod(0o600)
    command = [sys.executable, "-m", "termchat", "-n", "--no-save", "-m", f"gw/{model}", *words]
    env = {"HOME": str(place), "PATH": "/usr/bin:/bin", "PYTHONPATH": str(Path.cwd())}
    done = run_program(command, env=env, cwd=place)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


@pytest.mark.parametrize("protocol", BASES)
def test_picture_document_and_text_are_valid_in_each_protocol(
    gateway_thread: Gateway, place: Path, protocol: str
) -> None:
    files = ("-f", "wide.png", "-f", "small.gif", "-f", "doc.pdf", "-f", "notes.txt#2", "-f", "./")
    code, out, error = ask(gateway_thread, place, protocol, *files, "what is this?")
    assert (code, out) == (0, "a reply"), error
    assert "wide.png is sent as PNG, " in error
    assert ("small.gif is sent as PNG" in error) is (protocol == "gemini")
    body = json.dumps(gateway_thread.asked[-1].body)
    assert '<file name=\\"notes.txt#2\\">\\ntwo\\n\\n</file>' in body
    assert "doc.pdf\\nnotes.txt" in body
    assert "application/pdf" in body


@pytest.mark.parametrize(("protocol", "model"), [("gemini", "gemini-3-pro"), ("openai", "gpt-audio-2")])
def test_audio_is_valid_where_the_protocol_has_it(
    gateway_thread: Gateway, place: Path, protocol: str, model: str
) -> None:
    code, out, error = ask(gateway_thread, place, protocol, "-f", "tone.wav", "what is this?", model=model)
    assert (code, out) == (0, "a reply"), error
    body = json.dumps(gateway_thread.asked[-1].body)
    assert '"format": "wav"' in body or '"audio/wav"' in body


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("tone.wav", "Cannot attach tone.wav: m-1 does not take WAV audio."),
        ("notes.txt#9", "Cannot attach notes.txt#9: it has fewer lines."),
        ("wide.png#9", "Cannot attach wide.png#9: it has no lines."),
        ("none", "Cannot attach none: no such file or directory."),
        ("http://127.0.0.1/x", "Cannot attach http://127.0.0.1/x: 127.0.0.1 is not a public address."),
        ("@docs:a://b", "There is no MCP server docs."),
    ],
)
def test_refused_attachment_ends_script_before_request(
    gateway_thread: Gateway, place: Path, name: str, words: str
) -> None:
    code, out, error = ask(gateway_thread, place, "anthropic", "-f", name, "what is this?")
    assert (code, out, len(gateway_thread.asked)) == (2, "", 0)
    assert words in error
    assert len(error.strip().splitlines()) == 2


def test_chat_moved_to_a_protocol_without_audio_and_gif_stays_valid(gateway_thread: Gateway, place: Path) -> None:
    """A picture that Gemini does not take and audio that Messages does not take become notes."""
    gateway_thread.always(lambda request: Reply(Text("a reply")))
    file = place / ".config/termchat/config.toml"
    file.parent.mkdir(parents=True)
    bases = "\n".join(f'{name} = "{gateway_thread.url}{base}"' for name, base in BASES.items() if name != "responses")
    route = 'route = { "claude*" = "anthropic", "gemini*" = "gemini" }'
    file.write_text(f'[providers.gw]\nkey = "sk-no"\n{bases}\n{route}\n')
    file.chmod(0o600)
    env = {"HOME": str(place), "PATH": "/usr/bin:/bin", "PYTHONPATH": str(Path.cwd())}

    def run(model: str, *words: str) -> str:
        command = [sys.executable, "-m", "termchat", "-n", "-m", f"gw/{model}", *words]
        done = run_program(command, env=env, cwd=place)
        assert done.returncode == 0, done.stderr
        return done.stderr.decode()

    run("gemini-3-pro", "-f", "tone.wav", "first")
    chats = run_program([sys.executable, "-m", "termchat", "chats", "--json"], env=env, cwd=place)
    chat = json.loads(chats.stdout)[0]["id"]
    run("claude-opus-5", "--chat", chat, "-f", "small.gif", "second")
    notes = run("gemini-3-pro", "--chat", chat, "third")
    body = json.dumps(gateway_thread.asked[-1].body)
    assert '"audio/wav"' in body and "image/gif" not in body
    assert "GIF images" in notes
    assert "tone.wav, that this model cannot see" in json.dumps(gateway_thread.asked[-2].body)
