"""The state of the installation: checks of /doctor, and reports of internal errors."""
