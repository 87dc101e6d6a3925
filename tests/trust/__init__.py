"""Test the promises of the README's section Security with the real program."""
