"""Setting up providers in a chat: the commands, and the dialogues that they begin."""
