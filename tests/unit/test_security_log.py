"""Refusals in the security log: a few of each kind a minute, the others counted."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import pytest

from handlers.http.security_log import LINES_OF_A_KIND, LINES_OF_AN_ADDRESS, SecurityLog
from models.storage.encryption import FieldCipher

FACTS: Mapping[str, str] = {"route": "/api/v1/bindings"}


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def security_log(clock: Clock, caplog: pytest.LogCaptureFixture) -> SecurityLog:
    caplog.set_level(logging.INFO)
    return SecurityLog(FieldCipher({1: b"k" * 32}), clock)


def lines(caplog: pytest.LogCaptureFixture, event: str) -> list[Any]:
    return [r for r in caplog.records if r.getMessage() == event]


def test_a_flood_from_one_address_makes_few_lines_and_is_counted(
    security_log: SecurityLog, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(10_000):
        security_log.add("qr_invalid", "192.0.2.1", lambda: FACTS)
    security_log.add("qr_invalid", "192.0.2.2", lambda: FACTS)
    security_log.add("forbidden", "192.0.2.1", lambda: FACTS)
    written = lines(caplog, "security_refusal")
    assert len(written) == LINES_OF_AN_ADDRESS + 2
    assert {r.route for r in written} == {FACTS["route"]}
    first, second = written[0].address, written[LINES_OF_AN_ADDRESS].address
    assert first != second and written[-1].address == first
    assert not lines(caplog, "security_refusals_left_out")

    clock.now += 60
    security_log.add("qr_invalid", "192.0.2.1", lambda: FACTS)
    (summary,) = lines(caplog, "security_refusals_left_out")
    assert (summary.kind, summary.address, summary.count) == (
        "qr_invalid",
        first,
        10_000 - LINES_OF_AN_ADDRESS,
    )
    assert len(lines(caplog, "security_refusal")) == len(written) + 1, "another minute, more lines"


def test_refusals_from_many_addresses_are_limited_in_lines_and_memory(
    security_log: SecurityLog, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(5_000):
        security_log.add("ticket_invalid", f"2001:db8::{number:x}", lambda: FACTS)
    assert len(lines(caplog, "security_refusal")) == LINES_OF_A_KIND
    assert len(security_log._of_address) == LINES_OF_A_KIND and len(security_log._left_out) == 1
    security_log.end_minute()
    security_log.end_minute()  # told once
    (summary,) = lines(caplog, "security_refusals_left_out")
    assert summary.count == 5_000 - LINES_OF_A_KIND and not hasattr(summary, "address")
    assert not security_log._of_address and not security_log._left_out


def test_addresses_are_written_as_keyed_hashes(
    security_log: SecurityLog, caplog: pytest.LogCaptureFixture
) -> None:
    other = SecurityLog(FieldCipher({2: b"x" * 32}))
    for log in (security_log, other):
        log.add("forbidden", "192.0.2.1", lambda: FACTS)
    ours, theirs = lines(caplog, "security_refusal")
    assert ours.address.startswith("1:") and theirs.address.startswith("2:")
    assert ours.address[2:] != theirs.address[2:], "without the key nobody can try addresses"
    assert "192.0.2.1" not in str([vars(r) for r in (ours, theirs)])


@pytest.mark.parametrize(
    ("kind", "level"), [("unauthenticated", logging.INFO), ("ticket_invalid", logging.WARNING)]
)
def test_everyday_refusals_are_not_logged_as_warnings(
    security_log: SecurityLog, caplog: pytest.LogCaptureFixture, kind: str, level: int
) -> None:
    security_log.add(kind, "192.0.2.1", lambda: FACTS)
    (line,) = lines(caplog, "security_refusal")
    assert line.levelno == level
