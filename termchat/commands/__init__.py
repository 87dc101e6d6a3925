"""Slash commands: each module declares a group of them, `builtin` collects the groups."""
