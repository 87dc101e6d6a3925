"""Configuration: settings declared once, the config file, base URLs, keys, themes and the guide's pages.

Only three places are ever read: the environment, the user's config directory, and the package itself. Nothing in
the current directory is.
"""
