"""Functions of the user and of packages as tools; they are imported and run in worker processes."""
