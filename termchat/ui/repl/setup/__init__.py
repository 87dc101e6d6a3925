"""Setting up providers on the screen: dialogues, the first screen, the abilities of the terminal."""
