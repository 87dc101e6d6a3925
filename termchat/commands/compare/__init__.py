"""Commands beside the chat: several models at once, side questions, forks in the background."""
