"""Bounds of what a request can cost, and the words about limits."""
