"""Judges the releases of MongoDB, Redis and Valkey: supported, patched, or to be updated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

Version = tuple[int, ...]

AS_OF: Final = date(2026, 11, 29)
"""The day on which the releases in this module were compared with the vendors' advisories."""
STALE_AFTER: Final = timedelta(days=60)


@dataclass(frozen=True, slots=True)
class Series:
    """A release series. ``patched``: the patch number of the series' first release without known
    vulnerabilities."""

    patched: int
    supported_until: date | None = None
    """The last day of support; None if the vendor has not named one."""


MONGODB: Final[Mapping[Version, Series]] = {
    (6, 0): Series(30, date(2025, 7, 31)),
    (7, 0): Series(48, date(2027, 8, 31)),
    (8, 0): Series(37, date(2029, 10, 31)),
    (8, 3): Series(16),
    (9, 0): Series(7),
}
"""The known series of MongoDB by major and minor version. Sources: CVE-2026-118383 (replica
sets, before authentication), CVE-2026-9740, CVE-2026-18691; ends of support from
mongodb.com/legal/support-policy/lifecycles."""
VALKEY_FLOOR: Final[Version] = (8, 1, 10)
"""The first Valkey release without known vulnerabilities. (8.1.9 fixed CVE-2026-56684, TLS.)"""


def mongodb_note(version: Sequence[int], today: date) -> str:
    """A warning about a vulnerability or the end of support; empty if there is none."""
    series = MONGODB.get(tuple(version[:2]))
    if series is None:
        if tuple(version[:2]) > max(MONGODB):
            return ""
        return f"this release series is not supported: for production use {_good(today)} or newer"
    if series.supported_until is not None and today > series.supported_until:
        return f"its support has ended: for production use {_good(today)} or newer"
    if version[2] < series.patched:
        return f"it has known vulnerabilities: update to {version[0]}.{version[1]}.{series.patched}"
    return ""


def valkey_note(version: Sequence[int]) -> str:
    """A warning about known vulnerabilities of a Valkey version; empty if there are none."""
    if tuple(version) >= VALKEY_FLOOR:
        return ""
    floor = ".".join(map(str, VALKEY_FLOOR))
    return (
        f"versions before {floor} have known vulnerabilities, unless your distribution patched them"
    )


def redis_release(about: Mapping[str, Any]) -> tuple[str, str]:
    """The server's name ("valkey" or "redis") and version from its INFO; the version may be
    empty. In Valkey's INFO, redis_version is a Redis version with which Valkey is compatible."""
    name = "valkey" if "valkey_version" in about else "redis"
    return name, str(about.get(f"{name}_version", ""))


def is_stale(today: date) -> bool:
    """True if this module's release data is over 60 days old: newer vulnerabilities are likely."""
    return today - AS_OF > STALE_AFTER


def _good(today: date) -> str:
    supported = (
        (name, series)
        for name, series in sorted(MONGODB.items(), reverse=True)
        if series.supported_until is None or today <= series.supported_until
    )
    return ", ".join(f"{a}.{b}.{series.patched}" for (a, b), series in supported)


def version_of(text: str) -> Version:
    """The numeric version: (8, 1, 10) for "8.1.10-rc1"."""
    numbers = []
    for part in text.split(".")[:3]:
        digits = part[: len(part) - len(part.lstrip("0123456789"))]
        numbers.append(int(digits or 0))
    return tuple(numbers)
