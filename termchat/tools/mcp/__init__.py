"""MCP servers as sources of tools; the official package `mcp` is imported on a thread when the first one is needed."""
