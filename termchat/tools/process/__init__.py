"""Programs that tools run: their environment, sandbox, output and end."""
