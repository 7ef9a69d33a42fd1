"""Egress: the way to addresses that a tenant has named, which must not lead into the network that the server stands in.

A name is resolved once, each of its addresses is looked at, and the connection goes to one that was looked at, so that a second answer of
the resolver changes nothing. No redirect is followed, no proxy of the environment is used, and an answer is short or none.

Source: OWASP API Security 2023, API7 (server side request forgery).
"""

import socket
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from time import monotonic
from typing import Any, Final
from urllib.parse import SplitResult, urlsplit

from app.domain.kernel.errors import Unavailable

CONNECT_SECONDS: Final = 3.0
READ_SECONDS: Final = 5.0
TOTAL_SECONDS: Final = 10.0
MOST_BYTES: Final = 262_144
TLS_PORT: Final = 443
_NAT64: Final = IPv6Network("64:ff9b::/96")
Address = IPv4Address | IPv6Address


class NotReached(Unavailable):
    """What a URL names could not be fetched, or may not be."""


class Egress:
    """Fetches from addresses that are public. Takes: networks that may be called though they are not, with commas."""

    def __init__(self, networks: str = "") -> None:
        self._networks = [ip_network(part) for part in networks.split(",") if part]

    def fetch(self, url: str) -> bytes:
        """What is at a URL. Raises: NotReached: whatever it is, it is not this tenant's to learn more."""
        import httpx2  # here: half a second of every start, for what few servers do

        try:
            parts = urlsplit(url)
            address = self._address(parts)
            port = parts.port or (TLS_PORT if parts.scheme == "https" else 80)
            shown = f"[{address}]" if address.version == 6 else str(address)
            target = f"{parts.scheme}://{shown}:{port}{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
            # By the address, with the name where the other side reads it: in TLS, for its certificate too, and in Host.
            headers = {"Host": parts.netloc, "Accept": "application/json", "Accept-Encoding": "identity"}
            timeout = httpx2.Timeout(READ_SECONDS, connect=CONNECT_SECONDS)
            with (
                httpx2.Client(timeout=timeout, trust_env=False, follow_redirects=False) as client,
                client.stream("GET", target, headers=headers, extensions=_named(parts)) as answer,
            ):
                if answer.status_code != 200:
                    raise _not_reached(f"it answered {answer.status_code}")
                return _body(answer.iter_raw())
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError, ValueError) as error:
            raise _not_reached("it does not answer") from error

    def _address(self, parts: SplitResult) -> Address:
        """The address that is connected to. Raises: NotReached where one of those of the name may not be called; OSError."""
        host = parts.hostname or ""
        if parts.scheme not in ("https", "http") or not host or parts.username is not None:
            raise _not_reached("it is no address that may be called")
        port = parts.port or (TLS_PORT if parts.scheme == "https" else 80)
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        addresses = [ip_address(str(entry[4][0]).partition("%")[0]) for entry in found]
        if not addresses or not all(self.may_call(each, parts.scheme, port) for each in addresses):
            raise _not_reached("it is no address that may be called")
        return addresses[0]

    def may_call(self, address: Address, scheme: str, port: int) -> bool:
        """Whether an address may be called: a public one over TLS at the usual port, or one of the networks that were named."""
        plain = _unwrapped(address)
        if any(plain in network for network in self._networks if network.version == plain.version):
            return scheme == "https" or plain.is_loopback
        return scheme == "https" and port == TLS_PORT and plain.is_global and not plain.is_multicast


def _unwrapped(address: Address) -> Address:
    """The IPv4 address that an IPv6 address stands for, where it does."""
    if isinstance(address, IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return address.teredo[1]
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def _named(parts: SplitResult) -> dict[str, Any]:
    return {"sni_hostname": parts.hostname} if parts.scheme == "https" else {}


def _body(chunks: Any) -> bytes:
    """A whole body. Raises: NotReached for one that is too long or too slow."""
    ends, received = monotonic() + TOTAL_SECONDS, bytearray()
    for chunk in chunks:
        received += chunk
        if len(received) > MOST_BYTES or monotonic() > ends:
            raise _not_reached("its answer is too long")
    return bytes(received)


def _not_reached(why: str) -> NotReached:
    return NotReached("issuer_unavailable", f"the identity provider cannot be asked for its keys: {why}", retry_after=5)
