"""The tool `current_time`."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Annotated
from zoneinfo import ZoneInfo, available_timezones

from termchat.core.approval import ToolEffect
from termchat.tools.registry import ToolContext, ToolError, ToolOutput, tool


@tool(effect=ToolEffect.READ)
async def current_time(
    context: ToolContext,
    timezone: Annotated[str, "An IANA name such as Europe/Berlin or Asia/Shanghai; left out: the user's own"] = "",
) -> ToolOutput:
    """The current date, time and day of the week."""
    zone = _zone(timezone.strip()) if timezone.strip() else None
    if isinstance(zone, ToolError):
        return zone
    now = context.now(zone)
    offset = now.strftime("%z")
    return f"{now:%Y-%m-%d %H:%M:%S} {now:%A}, {timezone.strip() or now.tzname()} (UTC{offset[:3]}:{offset[3:5]})"


def _zone(name: str) -> ZoneInfo | ToolError:
    try:
        return ZoneInfo(name)
    except (LookupError, ValueError, OSError):  # unknown name; a path outside of the database; a directory in it
        near = get_close_matches(name, available_timezones(), n=3, cutoff=0.5)
        return ToolError(f"there is no time zone {name!r}" + (f"; close are {', '.join(near)}" if near else ""))
