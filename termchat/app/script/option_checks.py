"""Checks of the options of a question, before anything is read or sent."""

from __future__ import annotations

import math

from termchat.app.options import Options
from termchat.core.errors import Failure, FailureKind
from termchat.core.sanitize import EMPTY, Safe, safe_format, safe_line


def question_flags(options: Options) -> tuple[Safe, ...]:
    """Return the given flags that only a question has."""
    given: dict[str, object] = {
        "--schema": options.schema,
        "--schema-retries": options.schema_retries,
        "-x": options.extract,
        "--block": options.block,
        "--json": options.json,
        "--ndjson": options.ndjson,
        "-o": options.output,
        "--dry-run": options.dry_run,
        "--timeout": options.timeout,
    }
    return tuple(Safe(flag) for flag, value in given.items() if value)


def option_mistake(options: Options) -> Failure | None:
    """Return the first mistake in the options that concern output and time, or None."""
    if options.block and options.block != "all" and not _is_positive(options.block):
        words = safe_format("--block takes a number from 1 on, or all, not {given}.", given=_brief(options.block))
        return _mistake(words)
    for flag, seconds in (("--timeout", options.timeout), ("--stdin-timeout", options.stdin_timeout)):
        if not math.isfinite(seconds):
            return _mistake(safe_format("{flag} takes a number of seconds.", flag=Safe(flag)))
    formats = {"--json": options.json, "--ndjson": options.ndjson, "-x": options.extract, "--block": options.block}
    if options.extract and options.block:
        del formats["-x"]
    chosen = [Safe(flag) for flag, given in formats.items() if given]
    if len(chosen) > 1:
        words = safe_format("{one} and {other} exclude each other.", one=chosen[0], other=chosen[1])
        return _mistake(words, safe_format("Leave one of them out."))
    if options.schema_retries and not options.schema:
        return _mistake(safe_format("--schema-retries requires --schema."))
    if not options.base_url and (lonely := "--key" if options.key else "--protocol" if options.protocol else ""):
        return _mistake(safe_format("{flag} requires --base-url.", flag=Safe(lonely)))
    return None


def _is_positive(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 9 and int(text) > 0


def _brief(text: str) -> Safe:
    return safe_line(f'"{text[:40]}"')


def _mistake(words: Safe, hint: Safe = EMPTY) -> Failure:
    return Failure(FailureKind.BAD_CONFIG, words, hint)
