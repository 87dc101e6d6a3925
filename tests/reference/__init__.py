"""The reference and the manual page, written from the declarations of settings, options, commands, keys and codes."""
