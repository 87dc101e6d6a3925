"""The engine: a session turns a message into a turn, a turn into one stream of events."""
