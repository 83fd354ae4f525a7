"""The URLs and IP addresses that webhooks may be sent to, and the times of further attempts."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlsplit

from models.kernel.errors import Malformed

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
LONGEST_URL: Final = 500
LONGEST_DESCRIPTION: Final = 60
GIVE_UP_AFTER: Final = timedelta(days=1)
GRACE: Final = timedelta(minutes=15)
"""For this long after ``give_up_at`` a delivery may still have a last attempt."""
FIRST_DELAY_S, DELAY_FACTOR, LONGEST_DELAY_S = 5.0, 3.0, 3600.0
PAUSE_AFTER: Final = 5
"""After this many failures in a row an endpoint is paused, and then gets one delivery at a time."""
LONGEST_PAUSE_S: Final = 300.0
_LOWEST_FREE_PORT: Final = 1024
_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")
_CLOSED: Final[tuple[Network, ...]] = (
    ipaddress.IPv4Network("192.0.0.0/24"),  # protocol assignments; clouds serve credentials there
    ipaddress.IPv4Network("192.88.99.0/24"),  # anycast relays
    ipaddress.IPv6Network("64:ff9b:1::/48"),  # local NAT64: the IPv4 address may be anywhere in it
    ipaddress.IPv6Network("2002::/16"),  # 6to4: an IPv4 address that a relay chooses
    ipaddress.IPv6Network("3fff::/20"),  # documentation
    ipaddress.IPv6Network("fec0::/10"),  # site-local of old
)
"""Networks that are not public, although some Python versions count them as global."""


def check_url(url: str, allowed: Sequence[Network]) -> str:
    """Returns the URL in the form to store. Raises: Malformed if the URL is not permitted. A
    host name's IP addresses are not checked here but at each connection (``may_connect``)."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise Malformed("url", "webhook_url") from None
    if len(url) > LONGEST_URL or not url.isascii() or not url.isprintable() or " " in url:
        raise Malformed("url", "webhook_url")
    if parts.scheme not in ("https", "http") or not host or parts.fragment:
        raise Malformed("url", "webhook_url")
    if parts.username is not None or parts.password is not None:
        raise Malformed("url", "webhook_url_user")
    if parts.scheme == "http" and not allowed:
        raise Malformed("url", "webhook_url_https")
    address = literal(host)
    if address is None and not allowed and not port_is_open(port or 443):
        raise Malformed("url", "webhook_url_port")
    if address is not None and not may_connect(
        address, port or default_port(parts.scheme), allowed, secure=parts.scheme == "https"
    ):
        raise Malformed("url", "webhook_url_private")
    return parts.geturl()  # with a lowercase scheme


def default_port(scheme: str) -> int:
    return 443 if scheme == "https" else 80


def literal(host: str) -> Address | None:
    """``host`` as an IP address, or None for a name."""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def may_connect(address: Address, port: int, allowed: Sequence[Network], *, secure: bool) -> bool:
    """True if a webhook may be sent to this IP address. ``secure``: True with TLS. In an
    ``allowed`` network every port is permitted, also without TLS. Elsewhere the address must be
    public, the port open, and TLS used."""
    if is_in(address, allowed):
        return True
    return secure and port_is_open(port) and is_public(address)


def port_is_open(port: int) -> bool:
    """True for 443 and for ports above the well-known ones (from 1024)."""
    return port == 443 or port >= _LOWEST_FREE_PORT


def is_in(address: Address, networks: Sequence[Network]) -> bool:
    """True if a network contains the address, or the IPv4 address that an IPv6 one stands for."""
    return any(
        one in network
        for network in networks
        for one in (address, *_inside(address))
        if one.version == network.version
    )


def is_public(address: Address) -> bool:
    """True for a public address. An IPv6 form (mapped, NAT64) is judged by its IPv4 address."""
    if inside := _inside(address):
        return all(is_public(one) for one in inside)
    closed = any(address in network for network in _CLOSED if network.version == address.version)
    special = address.is_multicast or address.is_reserved
    zone = getattr(address, "scope_id", None)
    return address.is_global and not (closed or special or zone is not None)


def _inside(address: Address) -> tuple[ipaddress.IPv4Address, ...]:
    """The IPv4 address, at most one, that an IPv6 address stands for."""
    if isinstance(address, ipaddress.IPv4Address):
        return ()
    if address.ipv4_mapped is not None:
        return (address.ipv4_mapped,)
    plain = ipaddress.IPv6Address(int(address))  # without a zone
    if plain in _NAT64:
        return (ipaddress.IPv4Address(int(plain) & 0xFFFFFFFF),)
    return ()


def next_attempt(
    attempts: int, retry_after_s: float, jitter: float, now: datetime, give_up_at: datetime
) -> datetime | None:
    """The time of the next attempt after ``attempts`` failed ones; None if ``give_up_at`` is
    over. ``retry_after_s``: the wait that the receiver asks for, of which at most an hour is
    granted. ``jitter``: a factor around 1."""
    if now >= give_up_at:
        return None
    delay = min(FIRST_DELAY_S * DELAY_FACTOR ** min(attempts - 1, 20), LONGEST_DELAY_S)
    delay = max(delay * jitter, min(retry_after_s, LONGEST_DELAY_S))
    return min(now + timedelta(seconds=delay), give_up_at)


def pause_until(
    failures: int, retry_after_s: float, jitter: float, now: datetime
) -> datetime | None:
    """The end of an endpoint's pause after so many ``failures`` in a row; None if no pause is
    due. ``retry_after_s``: the wait that the receiver asks for. ``jitter``: a factor around 1."""
    pause = 0.0
    if failures >= PAUSE_AFTER:
        doubled = FIRST_DELAY_S * 2.0 ** min(failures - PAUSE_AFTER, 20)
        pause = min(doubled, LONGEST_PAUSE_S) * jitter
    pause = max(pause, min(retry_after_s, LONGEST_DELAY_S))
    return now + timedelta(seconds=pause) if pause else None
