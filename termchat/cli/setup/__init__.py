"""The subcommands that set up and check providers."""
