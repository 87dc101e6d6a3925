"""Notice about earlier reasoning that a server has removed from a request, shared by Anthropic and Responses.

Sources: `input_transformations` of openai 3.57 (`Response`) and of anthropic 2.14 (`BetaMessage`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from termchat.core.events import ProviderNotice
from termchat.core.sanitize import Safe, safe_format, safe_line
from termchat.providers.decoder import as_list, as_object, as_text

# The beginning of a reason -> its words.
_REASONS = {
    "model": safe_format("another model made it"),
    "prefix": safe_format("the conversation before it has changed"),
    "organization": safe_format("it belongs to another account"),
    "end_user": safe_format("it belongs to another user"),
}


def dropped_reasoning(transformations: Any) -> Iterator[ProviderNotice]:
    """Yield one notice for each reason for which reasoning was removed; none for the usual end of its use."""
    reasons: dict[Safe, int] = {}
    for row in map(as_object, as_list(transformations)):
        removed = row.get("action") == "removed" or row.get("type") == "thinking_dropped"
        reason = as_text(row.get("reason"))
        if removed and reason != "turn_boundary":
            known = next((words for start, words in _REASONS.items() if reason.startswith(start)), None)
            words = known or safe_line(reason[:60].replace("_", " ")) or safe_format("no reason given")
            reasons[words] = reasons.get(words, 0) + 1
    for words, count in reasons.items():
        n, s = safe_line(str(count)), safe_format("" if count == 1 else "s")
        yield ProviderNotice(
            safe_format("The server left out {n} part{s} of earlier reasoning: {why}.", n=n, s=s, why=words)
        )
