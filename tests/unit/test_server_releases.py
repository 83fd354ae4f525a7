"""Database releases that are warned of on a given day."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from models.storage.server_releases import (
    AS_OF,
    STALE_AFTER,
    is_stale,
    mongodb_note,
    valkey_note,
    version_of,
)

TODAY = date(2026, 11, 29)
GOOD = "9.0.7, 8.3.16, 8.0.37, 7.0.48"


@pytest.mark.parametrize(
    ("version", "note"),
    [
        ((5, 0, 31), f"this release series is not supported: for production use {GOOD} or newer"),
        ((6, 0, 30), f"its support has ended: for production use {GOOD} or newer"),
        ((7, 0, 47), "it has known vulnerabilities: update to 7.0.48"),
        ((7, 0, 48), ""),
        ((8, 0, 36), "it has known vulnerabilities: update to 8.0.37"),
        ((8, 0, 37), ""),
        ((8, 2, 9), f"this release series is not supported: for production use {GOOD} or newer"),
        ((8, 3, 15), "it has known vulnerabilities: update to 8.3.16"),
        ((8, 3, 16), ""),
        ((9, 0, 6), "it has known vulnerabilities: update to 9.0.7"),
        ((9, 0, 7), ""),
        ((9, 1, 0), ""),  # newer than what is known here
    ],
)
def test_outdated_mongodb_releases_are_warned_of(version: tuple[int, ...], note: str) -> None:
    assert mongodb_note(version, TODAY) == note


def test_a_series_is_warned_of_when_its_support_has_ended() -> None:
    assert mongodb_note((7, 0, 48), date(2027, 8, 31)) == ""
    ended = mongodb_note((7, 0, 48), date(2027, 9, 1))
    assert "has ended" in ended and "7.0" not in ended


@pytest.mark.parametrize(
    ("version", "is_good"), [("7.2.9", False), ("8.1.9", False), ("8.1.10", True), ("9.0.0", True)]
)
def test_outdated_valkey_releases_are_warned_of(version: str, is_good: bool) -> None:
    assert (valkey_note(version_of(version)) == "") is is_good


def test_the_list_of_releases_becomes_stale() -> None:
    assert not is_stale(AS_OF + STALE_AFTER)
    assert is_stale(AS_OF + STALE_AFTER + timedelta(days=1))


def test_a_version_is_parsed_with_its_suffix() -> None:
    assert version_of("8.1.10-rc1") == (8, 1, 10) and version_of("6.0.5") == (6, 0, 5)
