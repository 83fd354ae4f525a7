"""Settings that work, and that a library hardly means."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final
from urllib.parse import urlsplit

from miniapp_server.cli.verdicts import Row, Verdict
from miniapp_server.settings import Settings
from miniapp_server.settings.addresses import is_loopback
from miniapp_server.settings.misspelt import is_known
from models.storage.installation import Mode
from models.webhooks.rules import Network

_WIDEST: Final = {4: 8, 6: 16}
"""A network of one's own is not wider, by the version of IP: 10.0.0.0/8 is the widest there is."""
_EVERY_ADDRESS: Final = frozenset({"0.0.0.0", "::"})
_OF_THE_EXAMPLE: Final = frozenset({"SECRET", "PASSWORD", "REPLACE-ME", "wx0123456789abcdef"})
"""Placeholders of deploy/env.example for secrets and ids."""


def doubtful_rows(settings: Settings, env: Mapping[str, str]) -> list[Row]:
    """A warning for each; a sandbox, which nobody else reaches, has none."""
    if settings.mode is Mode.SANDBOX:
        return []
    doubts = [*_networks(settings), *_ways_in(settings), *_copied(env)]
    return [Row(name, value, Verdict.WARNING, note) for name, value, note in doubts]


def _networks(settings: Settings) -> Iterator[tuple[str, str, str]]:
    for name, networks, note in (
        ("TRUSTED_PROXIES", settings.trusted_proxies, "whoever is in it says what its address is"),
        ("MONITORS", settings.monitors, "whoever is in it reads /metrics and /readyz"),
        ("WEBHOOK_ALLOWED_NETWORKS", settings.webhook_networks, "webhooks go there without TLS"),
    ):
        for network in _too_wide(networks):
            yield name, str(network), f"so wide a network is hardly yours: {note}"
    for network in settings.webhook_networks:
        if network.is_loopback or network.is_link_local:
            note = "this machine's own services can be reached by whoever sets up a webhook"
            yield "WEBHOOK_ALLOWED_NETWORKS", str(network), note
    if settings.secure_cookies and not settings.trusted_proxies:
        note = "behind a proxy all readers have its address, and share one pace: name the proxy"
        yield "TRUSTED_PROXIES", "", note
    if settings.host in _EVERY_ADDRESS:
        note = "plain http beside the proxy: listen on the address that the proxy uses"
        yield "HOST", settings.host, note


def _too_wide(networks: Sequence[Network]) -> Iterator[Network]:
    for network in networks:
        if network.prefixlen < _WIDEST[network.version]:
            yield network


def _ways_in(settings: Settings) -> Iterator[tuple[str, str, str]]:
    cas = settings.cas.base_url
    if cas.startswith("http://") and not is_loopback(urlsplit(cas).hostname):
        yield "CAS_BASE_URL", cas, "whoever sits between signs in as anybody: use https"
    if not settings.staff.names_administrator:
        note = "nobody is administrator, so nobody can set up the library: name one"
        yield "STAFF_ADMINISTRATORS", "", note


def _copied(env: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    """The example's own words, which are in no other place either."""
    for name, value in sorted((name, value) for name, value in env.items() if is_known(name)):
        parts = urlsplit(value) if "://" in value else None
        if {value, (parts and parts.password) or ""} & _OF_THE_EXAMPLE:
            yield name, "as in the example", "put your own in its place"
