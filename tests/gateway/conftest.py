"""The gateway's own tests use its fixtures, whoever else loads them."""

from tests.gateway.fixtures import gateway, gateway_thread

__all__ = ["gateway", "gateway_thread"]
