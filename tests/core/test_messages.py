"""Attachments of a message, and the text that its author wrote."""

from __future__ import annotations

import pytest

from termchat.core.messages import File, Image, Message, Part, Role, Text, attached_text, attachment_name, user_message

NOTES = attached_text("notes.txt", "first row\nsecond row\n")
CAT = Image("image/png", b"\x89PNG", name="cat.png")
PAPER = File("paper.pdf", "application/pdf", b"%PDF-")


def test_words_leave_out_attached_text_files() -> None:
    message = user_message("what is this?", NOTES, CAT, PAPER)
    assert message.words == "what is this?"
    assert message.attachments == (NOTES, CAT, PAPER)
    assert user_message("", NOTES).words == ""


@pytest.mark.parametrize(
    ("part", "name"),
    [
        (NOTES, "notes.txt"),
        (attached_text("", ""), "file"),
        (CAT, "cat.png"),
        (PAPER, "paper.pdf"),
        (Image("image/png", b"x"), "image"),
        (Image("image/png", url="https://example.com/a.png"), "https://example.com/a.png"),
        (Text('see <file name="a">\nb\n</file>\n'), ""),
        (Text("plain"), ""),
    ],
)
def test_attachment_name_is_that_of_the_file(part: Part, name: str) -> None:
    assert attachment_name(part) == name


def test_reply_has_no_attachments() -> None:
    reply = Message(Role.ASSISTANT, (NOTES,))
    assert reply.attachments == ()
    assert reply.words == NOTES.text
