"""The start of the REPL: its first screen, and what its first question needs."""
