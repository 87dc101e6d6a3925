"""The agent for editors, driven by the client of the package `acp`."""
