"""The answers of a chat: copied, or saved to a file."""
