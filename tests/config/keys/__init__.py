"""Test key bindings."""
