"""Configuration: settings declared once, the config file, base URLs, keys, themes, the schema of
a reply and the guide's pages.

Only three places are ever read: the environment, the user's config directory, and the package itself. Nothing in
the current directory is.
"""
