"""The log of a script on standard error: no control characters, no keys, no tracebacks."""

from __future__ import annotations

import logging

import pytest

from termchat.core.errors import internal_error
from termchat.ui.stderr import log_to_stderr


def test_log_record_is_written_without_control_characters_and_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    logger = logging.getLogger("termchat")
    before = list(logger.handlers)
    logger.handlers.clear()
    try:
        log_to_stderr()
        log_to_stderr()
        try:
            raise ValueError("\x1b[31m sk-abcdefghijklmnop1234567")
        except ValueError as error:
            logger.exception("a\x1bb")
            internal_error(error)
    finally:
        logger.handlers[:] = before
    shown = capsys.readouterr().err
    assert shown.startswith("a\u241bb\ntermchat: Internal error in termchat (ValueError).\ntermchat: ")
    assert "Traceback" not in shown
    assert "4567" not in shown
    assert "\x1b" not in shown
