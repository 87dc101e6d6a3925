"""Configuration: settings, the config file, providers with their base URLs and keys, key bindings, themes.

Three places are read: the environment, the user's config directory and the package. The current directory is never
read.
"""
