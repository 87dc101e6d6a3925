"""Import of the SDKs, and their environment variables."""
