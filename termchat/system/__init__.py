"""The process and its machine, for every layer above core: the installation, locks on files, the garbage collector."""
