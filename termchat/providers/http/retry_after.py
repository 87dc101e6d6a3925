"""How long a server asks to wait: headers and Gemini's own form. What it says is foreign and may be anything."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from math import isnan
from typing import Any

from termchat.providers.client import ErrorResponse
from termchat.providers.decoder import as_list, as_object, as_text

_LONGEST = 1e9  # seconds; more is as good as for ever


def retry_after(report: ErrorResponse) -> float | None:
    """Seconds, 0 for a moment that has passed, None when nothing was asked, or nothing that can be understood."""
    headers = {name.lower(): value for name, value in report.headers.items()}
    milliseconds = _seconds(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000
    value = headers.get("retry-after")
    for found in (_seconds(value), _until(value), _retry_info(report.body)):
        if found is not None:
            return found
    return None


def _seconds(value: str | None) -> float | None:
    try:
        seconds = float(value or "")
    except ValueError:
        return None
    return None if isnan(seconds) else max(0.0, min(seconds, _LONGEST))


def _until(value: str | None) -> float | None:
    try:
        moment = parsedate_to_datetime(value or "")
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return max(0.0, (moment - datetime.now(UTC)).total_seconds())
    except (ValueError, OverflowError, TypeError, IndexError):
        return None


def _retry_info(body: Any) -> float | None:
    body = as_list(body)[0] if as_list(body) else body  # the form of a stream's errors is a list of one
    for detail in as_list(as_object(as_object(body).get("error")).get("details")):
        delay = as_text(as_object(detail).get("retryDelay"))
        if delay.endswith("s"):
            return _seconds(delay[:-1])
    return None
