"""Roles and prompts: files of the user's own, and prompts of MCP servers."""
