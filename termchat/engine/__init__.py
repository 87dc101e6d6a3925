"""The engine: a session starts turns, and a turn streams events."""
