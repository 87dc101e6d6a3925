"""Built-in tools, discovered in every module of this package."""
