"""The subcommands for scripts: batch, schema and replay."""
