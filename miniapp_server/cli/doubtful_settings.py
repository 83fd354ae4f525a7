"""Finds valid settings that are probably mistakes."""

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
"""Shortest plausible network prefix by IP version; 10.0.0.0/8 is the widest private network."""
_EVERY_ADDRESS: Final = frozenset({"0.0.0.0", "::"})
_OF_THE_EXAMPLE: Final = frozenset(
    {"SECRET", "PASSWORD", "REPLACE-ME", "age1REPLACE-ME", "wx0123456789abcdef"}
)
"""Placeholders for secrets and ids in deploy/env.example, which a library has to replace."""


def doubtful_rows(settings: Settings, env: Mapping[str, str]) -> list[Row]:
    """Warnings about doubtful settings; none in a sandbox, which is not public."""
    if settings.mode is Mode.SANDBOX:
        return []
    doubts = [*_networks(settings), *_ways_in(settings), *_copied(env)]
    return [Row(name, value, Verdict.WARNING, note) for name, value, note in doubts]


def _networks(settings: Settings) -> Iterator[tuple[str, str, str]]:
    for name, networks, note in (
        (
            "TRUSTED_PROXIES",
            settings.trusted_proxies,
            "its hosts can claim any address for a client",
        ),
        ("MONITORS", settings.monitors, "its hosts can read /metrics and /readyz"),
        ("WEBHOOK_ALLOWED_NETWORKS", settings.webhook_networks, "webhooks go there without TLS"),
    ):
        for network in _too_wide(networks):
            yield name, str(network), f"this network is very wide: {note}"
    for network in settings.webhook_networks:
        if network.is_loopback or network.is_link_local:
            note = "a webhook can reach this machine's own services"
            yield "WEBHOOK_ALLOWED_NETWORKS", str(network), note
    if settings.secure_cookies and not settings.trusted_proxies:
        note = (
            "behind a proxy all readers have its address and share one rate limit: name the proxy"
        )
        yield "TRUSTED_PROXIES", "", note
    if settings.host in _EVERY_ADDRESS:
        note = (
            "clients can bypass the proxy by plain http: listen on the address that the proxy uses"
        )
        yield "HOST", settings.host, note


def _too_wide(networks: Sequence[Network]) -> Iterator[Network]:
    for network in networks:
        if network.prefixlen < _WIDEST[network.version]:
            yield network


def _ways_in(settings: Settings) -> Iterator[tuple[str, str, str]]:
    cas = settings.cas.base_url
    if cas.startswith("http://") and not is_loopback(urlsplit(cas).hostname):
        yield "CAS_BASE_URL", cas, "an attacker on the network could sign in as anybody: use https"
    if not settings.staff.names_administrator:
        note = "without an administrator nobody can set up the library: name one"
        yield "STAFF_ADMINISTRATORS", "", note
    if settings.backups.place is None:
        yield "BACKUP_TO", "", "backups stay where they are made: name a place on another machine"


def _copied(env: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    for name, value in sorted((name, value) for name, value in env.items() if is_known(name)):
        parts = urlsplit(value) if "://" in value else None
        if {value, (parts and parts.password) or ""} & _OF_THE_EXAMPLE:
            yield name, "as in the example", "replace it with your own value"
