"""The branches of a chat: its tree, and the commands that move in it."""
