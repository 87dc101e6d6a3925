"""Addresses that a stranger's URL may lead to: public ones. Everything else is somebody's own network.

The registries: https://www.iana.org/assignments/iana-ipv4-special-registry, .../iana-ipv6-special-registry.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

_UNICAST = IPv6Network("2000::/3")  # all that is assigned to the public
_DOCUMENTATION = IPv6Network("3fff::/20")
_NAT64 = IPv6Network("64:ff9b::/96")  # holds an IPv4 address


def is_public(text: str) -> bool:
    """Return True for the address of a public host; False for loopback, private, link-local, shared, multicast and
    reserved ones, also inside an IPv6 address, and for a text that is no address."""
    try:
        address = ip_address(text)
    except ValueError:
        return False
    return _is_public_ipv6(address) if isinstance(address, IPv6Address) else _is_public_ipv4(address)


def _is_public_ipv4(address: IPv4Address) -> bool:
    return address.is_global and not address.is_multicast and not address.is_reserved


def _is_public_ipv6(address: IPv6Address) -> bool:
    if address.scope_id:
        return False
    inner = address.ipv4_mapped or address.sixtofour
    if address in _NAT64:
        inner = IPv4Address(int(address) & 0xFFFFFFFF)
    if inner is not None:
        return _is_public_ipv4(inner)
    if address not in _UNICAST or address in _DOCUMENTATION or address.teredo:
        return False
    return address.is_global and not address.is_multicast
