"""Proxies and certificates of a connection, chosen as httpx2 chooses them from the environment.

An option that cannot be used raises `ConnectionOptionError`, which names where it was set.
"""

from __future__ import annotations

import os
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import httpx2
from httpx2._utils import get_environment_proxies  # pyright: ignore[reportPrivateUsage] # has no public name

from termchat.core.errors import error_reason
from termchat.late_dataclass import dataclass

_LOOPBACK = (
    "all://localhost",
    "all://*.localhost",
    "all://127.0.0.0/8",
    "all://[::1]",
)  # no proxy reaches this machine
_certificates_lock = threading.Lock()
_contexts: dict[tuple[str, ...], ssl.SSLContext] = {}


class ConnectionOptionError(Exception):
    """A proxy or a certificate file that cannot be used.

    option   a variable (`HTTPS_PROXY`), a key of a provider's table (`proxy`, `ca`), or "" for the system's settings
    value    the value, without user name and password
    """

    def __init__(self, option: str, value: str, why: str) -> None:
        super().__init__(f"{option}: {why}")
        self.option = option
        self.value = value
        self.why = why


@dataclass(frozen=True, slots=True)
class ProxyOption:
    """A proxy's URL, and the option that sets it, named as in `ConnectionOptionError`."""

    url: str
    option: str

    @property
    def shown(self) -> str:
        """The URL without user name and password."""
        scheme, separator, rest = self.url.partition("://")
        return scheme + separator + rest.rpartition("@")[2]

    def to_httpx2(self, context: ssl.SSLContext) -> httpx2.Proxy:
        """Return the proxy for a transport. Raises ConnectionOptionError."""
        try:
            encrypted = httpx2.URL(self.url).scheme == "https"
            return httpx2.Proxy(self.url, ssl_context=context if encrypted else None)
        except (ValueError, httpx2.InvalidURL) as error:
            why = "it is not an http://, https:// or socks5:// URL"
            raise ConnectionOptionError(self.option, self.shown, why) from error


class ProxyFailedError(httpx2.ProxyError):
    """The proxy cannot be reached, or refuses to connect."""

    def __init__(self, proxy: ProxyOption, why: str) -> None:
        super().__init__(why)
        self.proxy = proxy


def configured_proxy(url: str) -> ProxyOption:
    """Return the proxy of a provider's table; without a scheme, it is an http proxy as in curl."""
    return ProxyOption(url if "://" in url else f"http://{url}", "proxy")


def environment_proxies() -> Iterator[tuple[str, ProxyOption | None]]:
    """Yield (pattern of URLs, proxy) as httpx2 reads them from HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY.

    None is a direct connection; this machine always has one. Without a proxy, nothing is yielded.
    """
    found = get_environment_proxies()
    if not any(found.values()):
        return
    for pattern, url in found.items():
        yield pattern, ProxyOption(url, _variable(pattern.partition(":")[0])) if url else None
    for pattern in _LOOPBACK:
        yield pattern, None


def _variable(scheme: str) -> str:
    """Return the variable that sets the proxy of a scheme; lower case takes precedence, as in urllib."""
    names = (f"{scheme}_proxy", *(name for name in os.environ if name.lower() == f"{scheme}_proxy"))
    return next((name for name in names if os.environ.get(name)), "")


def tls_context(ca: str) -> ssl.SSLContext:
    """Return the TLS context that trusts the certificates in the file `ca`, or for "" those that httpx2 trusts.

    Loaded once. Raises ConnectionOptionError.
    """
    option, path = _certificate_option(ca)
    with _certificates_lock:
        found = _contexts.get((option, path))
        if found is None:
            found = _contexts[option, path] = _load(ca, option, path)
        return found


def preload_certificates(ca: str, then: Callable[[], None]) -> None:
    """Load the certificates on a thread, and call `then` there: OpenSSL takes 20 ms, and releases the GIL meanwhile."""

    def read() -> None:
        with suppress(ConnectionOptionError):  # `tls_context` raises it again
            tls_context(ca)
            then()

    threading.Thread(target=read, daemon=True).start()


def _certificate_option(ca: str) -> tuple[str, str]:
    """Return the option that chooses the certificates, and its path; ("", "") for the system's."""
    if ca:
        return "ca", str(Path(os.path.expanduser(ca)))
    found = ((name, os.environ.get(name, "")) for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"))
    return next((each for each in found if each[1]), ("", ""))


def _load(ca: str, option: str, path: str) -> ssl.SSLContext:
    if option == "SSL_CERT_DIR" and not Path(path).is_dir():  # OpenSSL would trust nobody, without a word
        raise ConnectionOptionError(option, path, "no such directory")
    try:
        return ssl.create_default_context(cafile=path) if ca else httpx2.create_ssl_context()
    except ssl.SSLError as error:
        raise ConnectionOptionError(option, path, "it contains no certificates in PEM format") from error
    except OSError as error:
        raise ConnectionOptionError(option, path, error_reason(error)) from error
