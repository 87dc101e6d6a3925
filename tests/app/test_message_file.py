"""Files of --messages: roles, parts, and mistakes with their place."""

from __future__ import annotations

import json
from base64 import b64encode
from pathlib import Path

import pytest

from termchat.app.script.message_file import Conversed, read_message_file
from termchat.core.errors import Failure
from termchat.core.messages import File, Image, Role

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 8
PDF = b"%PDF-1.7\n"
USER = {"role": "user", "content": "A"}


def read(tmp_path: Path, text: str) -> Conversed | Failure:
    file = tmp_path / "m.json"
    file.write_text(text)
    return read_message_file(str(file))


def url(mime: str, data: bytes) -> str:
    return f"data:{mime};base64,{b64encode(data).decode()}"


def test_message_file_gives_system_prompt_roles_and_parts(tmp_path: Path) -> None:
    parts = [
        {"type": "text", "text": "Look."},
        {"type": "image_url", "image_url": {"url": url("image/jpeg", PNG)}},
        {"type": "input_image", "image_url": "https://a.example/x.webp?y"},
        {"type": "file", "file": {"filename": "a.pdf", "file_data": url("application/pdf", PDF)}},
        {"type": "input_audio", "input_audio": {"data": b64encode(b"ID3" + b"\0" * 9).decode(), "format": "mp3"}},
    ]
    rows = [
        {"role": "system", "content": "One."},
        {"role": "developer", "content": [{"type": "text", "text": "Two."}]},
        {"role": "user", "content": parts},
        {"role": "assistant", "content": "B"},
    ]
    for value in (rows, {"model": "ignored", "messages": rows}):
        found = read(tmp_path, json.dumps(value))
        assert isinstance(found, Conversed)
        assert found.system == "One.\n\nTwo."
        assert [message.role for message in found.messages] == [Role.USER, Role.ASSISTANT]
        text, picture, linked, document, audio = found.messages[0].parts
        assert found.messages[0].text == "Look."
        assert isinstance(picture, Image) and (picture.mime, picture.data) == ("image/png", PNG)  # by its content
        assert isinstance(linked, Image) and (linked.mime, linked.url) == ("image/webp", "https://a.example/x.webp?y")
        assert document == File("a.pdf", "application/pdf", PDF)
        assert isinstance(audio, File) and audio.mime == "audio/mpeg"
        assert text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[", "m.json:1:2: not JSON: Expecting value."),
        ("{}", "there is no list of messages"),
        ("[]", "there is no list of messages"),
        ("[1]", "message 1: not an object"),
        (json.dumps([USER, {"role": "system", "content": "S"}]), "message 2: a system message comes first"),
        (json.dumps([{"role": "tool", "content": "x"}]), 'message 1: the role is "tool", not system'),
        (json.dumps([{"role": "user"}]), "message 1: the content is no text"),
        (json.dumps([{"role": "user", "content": ""}]), "message 1: there is no content"),
        (json.dumps([{"role": "assistant", "content": None, "tool_calls": [{}]}]), "tool calls are not supported"),
        (json.dumps([{"role": "user", "content": [{"type": "video"}]}]), 'message 1, part 1: the type is "video"'),
        (json.dumps([{"role": "user", "content": [{"type": "text"}]}]), "message 1, part 1: text is missing"),
        (json.dumps([{"role": "user", "content": [{"type": "file"}]}]), "message 1, part 1: file is missing"),
        (
            json.dumps([{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "file:///x"}}]}]),
            "message 1, part 1: not an address and not base64",
        ),
        (
            json.dumps(
                [{"role": "system", "content": [{"type": "input_image", "image_url": "https://a.example/"}]}, USER]
            ),
            "message 1: a system message is text",
        ),
        ("\ud800", "not JSON in UTF-8"),
    ],
)
def test_message_file_mistake_is_named_with_its_place(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "m.json"
    file.write_bytes(text.encode("utf-8", "surrogatepass"))
    found = read_message_file(str(file))
    assert isinstance(found, Failure)
    assert words in found.message


def test_message_file_that_is_missing_is_named() -> None:
    found = read_message_file("none.json")
    assert isinstance(found, Failure)
    assert found.message == "Cannot read none.json: no such file or directory."
