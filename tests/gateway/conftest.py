"""Load the fixtures of the gateway for its own tests."""

from tests.gateway.fixtures import gateway, gateway_thread

__all__ = ["gateway", "gateway_thread"]
