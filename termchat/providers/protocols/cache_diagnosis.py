"""Ask why the prompt cache was missed: OpenAI's Responses and Anthropic compare a request with an earlier one.

Sources: https://platform.claude.com/docs/en/build-with-claude/cache-diagnostics and
https://developers.openai.com/api/docs/guides/prompt-caching
"""

from __future__ import annotations

from termchat.core.messages import Origin
from termchat.core.provider import Request

CACHE_DIAGNOSIS = "cache_diagnosis"  # quirk of a server that compares requests


def previous_reply_id(request: Request, origin: Origin) -> str:
    """Return the id of the last reply of the same provider and protocol in a history, "" if there is none."""
    for message in reversed(request.messages):
        found = message.origin
        if found and message.reply_id and (found.provider, found.protocol) == (origin.provider, origin.protocol):
            return message.reply_id
    return ""
