"""The tool `read_file`: reads text and images inside the working directory, others when that was approved."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import PurePath
from typing import TYPE_CHECKING, Annotated, Any

from termchat.core.approval import ToolEffect
from termchat.core.messages import Image, Text
from termchat.tools.files.line_range import WHOLE, LineRange
from termchat.tools.registry import Plan, Subject, ToolContext, ToolError, ToolOutput, tool

if TYPE_CHECKING:
    from termchat.tools.files.text_file import Content


async def _plan(context: ToolContext, arguments: Mapping[str, Any]) -> Plan | ToolError:
    from termchat.tools.files.resolved_path import plan_reading

    return await asyncio.to_thread(plan_reading, context, str(arguments["path"]))


@tool(effect=ToolEffect.READ, subject=Subject.PATH, subject_argument="path", plan=_plan)
async def read_file(
    context: ToolContext,
    path: Annotated[
        str, "The path of a text file or a PNG, JPEG, GIF or WebP image, relative to the working directory"
    ],
    first_line: Annotated[int, "The line to begin with, from 1, to read on in a long file"] = 1,
    last_line: Annotated[int, "The line to end with; 0 for as many lines as one result holds"] = 0,
) -> ToolOutput:
    """Read a text file, or look at an image, of the user's working directory."""
    return await asyncio.to_thread(read_lines, context, path, LineRange(first_line, last_line))


def read_lines(context: ToolContext, path: str, lines: LineRange = WHOLE) -> ToolOutput:
    """Return a range of lines of a file, as many as one result holds, or an image, or a ToolError."""
    from termchat.core.wire.media_types import common_image_type
    from termchat.tools.builtin.secret_places import holds_secret
    from termchat.tools.files.line_range import cut_page
    from termchat.tools.files.names import show_name
    from termchat.tools.files.resolved_path import refuse_os_error, resolve_path
    from termchat.tools.files.text_file import READ_BYTES, decode, read_place

    if wrong := lines.error():
        return wrong
    try:
        place = resolve_path(context, path, outputs=True)
        if isinstance(place, ToolError):
            return place
        content = place.moved(context) or read_place(place)
    except (OSError, ValueError) as error:
        return refuse_os_error(path, error, "read")
    if isinstance(content, ToolError):
        return content
    if mime := common_image_type(content.raw):
        return _image(path, mime, content)
    decoded = decode(content.raw, cut=content.cut)
    if decoded is None:
        return ToolError(f"{show_name(path)} is not a text file")
    text, _ = decoded
    if not context.permit.by_person and holds_secret(text):
        return ToolError(f"{show_name(path)} holds a private key; that needs the user's approval")
    return cut_page(path, text, lines, content.about.st_size, READ_BYTES)


def _image(path: str, mime: str, content: Content) -> ToolOutput:
    from termchat.tools.files.names import escape_name, show_name
    from termchat.tools.files.text_file import READ_BYTES

    if content.cut:
        return ToolError(f"{show_name(path)} is an image of {content.about.st_size} bytes; the limit is {READ_BYTES}")
    name = escape_name(PurePath(path).name)
    return Text(f"[{name}: {mime}, {len(content.raw)} bytes]"), Image(mime, content.raw, name=name)
