"""The program of tests/cli: a process with one provider per protocol of the gateway."""

from tests.cli.conftest import program

__all__ = ["program"]
