"""Questions about the shell: its last command, and commands to run next."""
