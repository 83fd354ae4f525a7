"""Violations: one a day counts, and three are used once, however often they are recorded."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta

import pytest

from models.kernel.ids import ReaderId, ReservationId
from models.policy.entities import Policy
from models.readers.entities import SuspensionReason
from models.storage.encryption import FieldCipher
from models.storage.mongo import Database
from models.violations.entities import Suspension, Violation
from models.violations.repository import ViolationRepository
from models.violations.rules import decide_suspension, window_start
from tests.builders import LI, MONDAY, ZHANG, on

POLICY = Policy()


@pytest.fixture
def store(db: Database, sealer: FieldCipher) -> ViolationRepository:
    return ViolationRepository(db, sealer)


def missed(day: date, clock: str = "14:30", n: int = 1, reader: ReaderId = ZHANG) -> Violation:
    return Violation(
        id=f"{reader[:1]}{day}:{n}",
        reader_id=reader,
        reservation_id=ReservationId(f"{n}" * 24),
        kind="no_show",
        at=on(clock, day),
        day=day,
        counts=True,
    )


def ago(days: int) -> date:
    return MONDAY - timedelta(days=days)


async def test_one_violation_per_day_and_reader_counts(store: ViolationRepository) -> None:
    first, second = missed(MONDAY), missed(MONDAY, "18:30", n=2)
    both = await asyncio.gather(*(store.record(v) for v in (first, second) for _ in range(3)))
    counted = {v.id: v.counts for v in both}
    assert sorted(counted.values()) == [False, True]
    assert all(v.counts == counted[v.id] for v in both), "recording again changes nothing"
    assert (await store.record(missed(MONDAY, reader=LI))).counts, "each reader has a day"
    assert (await store.record(missed(ago(1)))).counts
    listed, total = await store.page_of(ZHANG, 0, 9)
    assert total == 3 and [v.day for v in listed] == [MONDAY, MONDAY, ago(1)]
    assert (await store.page_of(ZHANG, 1, 1))[0] == listed[1:2]


async def test_three_violations_in_the_window_suspend_once(store: ViolationRepository) -> None:
    too_old = missed(ago(30), "14:30")
    within = [missed(ago(30), "14:30:01", n=2), missed(ago(3)), missed(MONDAY)]
    await store.record(too_old)
    recorded = [await store.record(v) for v in within]
    assert [v.counts for v in recorded] == [False, True, True]

    async def unspent(trigger: Violation) -> list[Violation]:
        since = window_start(POLICY, trigger.at)
        return await store.counting_violations(ZHANG, since, trigger.at)

    assert await unspent(recorded[2]) == recorded[1:], "the window ends 30 days back, excluded"
    assert decide_suspension(recorded[2], await unspent(recorded[2]), POLICY) is None
    await store.record(missed(ago(1)))
    three = await unspent(recorded[2])
    assert [v.day for v in three] == [ago(3), ago(1), MONDAY], "the oldest first"
    suspension = decide_suspension(recorded[2], three, POLICY)
    assert suspension == Suspension(
        recorded[2].id,
        ZHANG,
        recorded[2].at,
        recorded[2].at + timedelta(days=7),
        tuple(v.id for v in three),
        SuspensionReason(3, 30),
    )
    suspended = await asyncio.gather(*(store.suspend(suspension) for _ in range(6)))
    assert sorted(suspended) == [False] * 5 + [True]
    assert await store.suspension(suspension.id) == suspension
    assert await store.suspension("none") is None
    assert await unspent(recorded[2]) == [], "used up"
    overlapping = Suspension("other", ZHANG, on("20:00"), on("21:00"), (three[0].id,))
    assert not await store.suspend(overlapping), "a violation is used by one suspension only"


def test_a_violation_that_does_not_count_triggers_no_suspension() -> None:
    three = [missed(ago(2)), missed(ago(1)), missed(MONDAY)]
    second_of_the_day = Violation("x", ZHANG, three[0].reservation_id, "no_show", on("20:00"),
                                  MONDAY, counts=False)  # fmt: skip
    assert decide_suspension(second_of_the_day, three, POLICY) is None
    assert decide_suspension(three[2], three, POLICY) is not None
