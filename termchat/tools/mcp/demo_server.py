"""A small MCP server for demo/tour and for tests: `python -m termchat.tools.mcp.demo_server`."""

from __future__ import annotations

from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.resources import TextResource

_NOTES = {
    "shopping": "bread, apples, coffee",
    "ideas": "a chat client for the terminal",
}
_SIDES = 1_000  # of a die, at most
_ROLLS = 100  # at most


def make_server() -> MCPServer:
    """Return the server: the tools `dice` and `notes`, the prompt `summary`, the notes as resources."""
    server = MCPServer("termchat demo")

    @server.tool()
    def dice(sides: int = 6, rolls: int = 1, seed: int | None = None) -> str:  # pyright: ignore[reportUnusedFunction]
        """Roll dice. The same seed gives the same rolls."""
        from random import Random

        if not (2 <= sides <= _SIDES and 1 <= rolls <= _ROLLS):
            raise ValueError(f"sides must be 2 to {_SIDES}, rolls 1 to {_ROLLS}")
        random = Random(seed)  # noqa: S311 - dice
        return ", ".join(str(random.randint(1, sides)) for _ in range(rolls))

    @server.tool()
    def notes(name: str = "") -> str:  # pyright: ignore[reportUnusedFunction]
        """Read a note, or list the names of all notes."""
        if not name:
            return "\n".join(_NOTES)
        return _NOTES.get(name) or f"There is no note {name!r}. Notes: {', '.join(_NOTES)}."

    @server.prompt()
    def summary(topic: str) -> str:  # pyright: ignore[reportUnusedFunction]
        """Ask for a summary of a topic."""
        return f"Summarize in three sentences: {topic}"

    @server.resource("note://{name}")
    def note(name: str) -> str:  # pyright: ignore[reportUnusedFunction]
        """Return a note."""
        if name not in _NOTES:
            raise ValueError(f"there is no note {name!r}")
        return _NOTES[name]

    for name, text in _NOTES.items():
        server.add_resource(TextResource(uri=f"note://{name}", name=name, text=text))

    return server


if __name__ == "__main__":
    make_server().run()
