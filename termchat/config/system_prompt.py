"""The system prompt of the command line or of `/system`: a text, or `@` and the path of a file."""

from __future__ import annotations

from termchat.config.bounded_read import read_bounded
from termchat.config.paths import user_path
from termchat.core.errors import Failure, FailureKind, error_reason
from termchat.core.sanitize import safe_format, safe_line

MAX_BYTES = 4 << 20  # of a file


def system_prompt(value: str, silence: float | None = None) -> str | Failure:
    """Return the text itself, or the content of the file after `@`.

    silence   the longest one of a file that is a pipe, in seconds
    """
    if not value.startswith("@"):
        return value
    try:
        path = user_path(value[1:])
        return read_bounded(path, MAX_BYTES, patient=True, silence=silence).decode("utf-8-sig").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = safe_line(error_reason(error) if isinstance(error, OSError) else "it is not UTF-8 text")
        words = safe_format("Cannot read the system prompt {name}: {why}.", name=safe_line(value[1:]), why=why)
        return Failure(FailureKind.BAD_CONFIG, words, safe_format("Check the path after the @."))
