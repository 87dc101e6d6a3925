"""A server of the newest revision: `add` adds the tool `second`, `greet` asks for a name, `meet` also for a day."""

from typing import Annotated  # no `annotations` from the future: the package evaluates these in this module

from mcp.server.mcpserver import Context, Elicit, MCPServer, Resolve
from pydantic import BaseModel

server = MCPServer("changing")


class Person(BaseModel):
    """The form."""

    who: str


class Day(BaseModel):
    """The other form."""

    day: int


def second() -> str:
    """Exist only later."""
    return "second"


async def ask() -> Elicit[Person]:
    """Ask for a name."""
    return Elicit("Who are you?", Person)


async def ask_day() -> Elicit[Day]:
    """Ask for a day."""
    return Elicit("Which day?", Day)


@server.tool()
async def add(context: Context) -> str:
    """Add a tool."""
    server.add_tool(second)
    await context.notify_tools_changed()
    return "added"


@server.tool()
async def greet(person: Annotated[Person, Resolve(ask)]) -> str:
    """Greet the user."""
    return f"Hello {person.who}"


@server.tool()
async def meet(person: Annotated[Person, Resolve(ask)], day: Annotated[Day, Resolve(ask_day)]) -> str:
    """Meet the user on a day."""
    return f"{person.who} on day {day.day}"


if __name__ == "__main__":
    server.run()
