"""Gate events of one reader at two workers, and waivers concurrent with new suspensions."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from models.gates.entities import Direction, GateEvent, GateId
from models.gates.event_repository import GateEventRepository
from models.readers.entities import FOREVER, Reader, SuspensionReason
from models.reservations.entities import OutboxEventKind
from models.reservations.state_machine import ReservationState
from models.storage.mongo import new_id
from models.violations.entities import Violation, Waiver
from models.violations.errors import NothingToAppeal
from models.wechat.callback_log_repository import WeChatCallbackLog
from tests.race.stage import (
    EIGHT,
    SEATS,
    Stage,
    both_sides_whole,
    clock,
    ctx,
    events,
    guarded,
    put_around,
    unguard,
)


def gate_event(reader: Reader, way: str, at: datetime) -> tuple[GateEvent, str]:
    id = f"main:{way}:{at:%H%M}"
    return GateEvent(id, GateId("main"), reader.id, Direction(way), "card", at, False), "21070001"


@both_sides_whole
@guarded
async def test_gate_events_at_two_workers_all_take_effect(stage: Stage, guard: bool) -> None:
    """One worker has computed a state; the other learns of more events before it is written."""
    reader = await stage.reader()
    r = await stage.reserved(reader)
    slow, fast, now = await stage.worker(), await stage.worker(), clock(10, 40)

    async def meanwhile() -> None:
        await fast.gates.ingest([gate_event(reader, "out", clock(10, 35))], now)

    if not guard:
        unguard(slow.stored.reservations)
    put_around(slow.stored.reservations, "find_one_and_update", before=meanwhile)
    await slow.gates.ingest([gate_event(reader, "in", clock(10, 5))], now)
    reservation = await stage.reload(r)
    if guard:
        assert reservation.state is ReservationState.AWAY and events(reservation) == [
            "reserve",
            "check_in",
            "leave",
        ]
    else:
        assert reservation.state is ReservationState.IN_USE, "the leave is lost"


class KeptAnew(GateEventRepository):
    """The control: a gate event gets a new id each time."""

    async def add(
        self, gate_events: Sequence[tuple[GateEvent, str]], now: datetime
    ) -> tuple[list[GateEvent], int]:
        return await super().add([(replace(p, id=new_id()), n) for p, n in gate_events], now)


@both_sides_whole
@guarded
async def test_a_gate_event_received_twice_is_stored_once(stage: Stage, guard: bool) -> None:
    reader = await stage.reader()
    batch = [gate_event(reader, "in", clock(9, 5))]
    kind = GateEventRepository if guard else KeptAnew
    slow, fast = [await stage.worker(gate_events=kind(stage.db, stage.cipher)) for _ in range(2)]
    counts: list[tuple[int, int]] = []

    async def meanwhile() -> None:
        counts.append(await fast.gates.ingest(batch, clock(9, 6)))

    put_around(slow.stored.gate_events, "insert_many", before=meanwhile)
    counts.append(await slow.gates.ingest(batch, clock(9, 6)))
    assert counts == ([(1, 0), (0, 1)] if guard else [(1, 0), (1, 0)])
    assert (await stage.stored.gate_events.page_of(reader.id, 0, 9))[1] == (1 if guard else 2)


async def _violation(stage: Stage, reader: Reader, days: int) -> Violation:
    """A violation of that day, recorded as the dispatcher does."""
    r = await stage.missed(replace(reader, suspended_until=None), EIGHT + timedelta(days=days))
    await stage.inside.violation_recorder.record(r, r.outbox[-1])
    violation = await stage.stored.violations.get(f"{r.id}:no_show")
    assert violation is not None
    return violation


@both_sides_whole
@guarded
async def test_a_waiver_does_not_end_a_new_suspension(stage: Stage, guard: bool) -> None:
    """The reader's last day is counted between the check and the release."""
    reader = await stage.reader()
    rows = [await _violation(stage, reader, days) for days in range(3)]
    suspended = await stage.stored.readers.get(reader.id)
    assert suspended is not None and suspended.suspended_until is not None
    slow = await stage.worker()

    async def meanwhile() -> None:
        await _violation(stage, reader, 3)

    if not guard:
        unguard(slow.stored.readers)
    put_around(slow.stored.readers, "update_one", before=meanwhile)
    await slow.violations.waive(rows[0].id, Waiver("desk", "x", EIGHT + timedelta(days=3)))
    now = await stage.stored.readers.get(reader.id)
    stands = await stage.stored.violations.last_suspension(reader.id)
    assert now is not None and stands is not None
    assert (now.suspended_until == stands.until) is guard


@both_sides_whole
@guarded
async def test_a_waiver_does_not_end_a_librarians_suspension(stage: Stage, guard: bool) -> None:
    """The librarian's suspension is written between the check and the release."""
    reader = await stage.reader()
    rows = [await _violation(stage, reader, days) for days in range(3)]
    suspended = await stage.stored.readers.get(reader.id)
    assert suspended is not None
    slow, now = await stage.worker(), EIGHT + timedelta(days=3)

    async def meanwhile() -> None:
        was = suspended.suspended_until
        await stage.inside.violations.set_suspension(reader.id, was, FOREVER, "转让座位", now)

    if not guard:
        unguard(slow.stored.readers)
    put_around(slow.stored.readers, "update_one", before=meanwhile)
    await slow.violations.waive(rows[0].id, Waiver("desk", "x", now))
    stands = await stage.stored.readers.get(reader.id)
    assert stands is not None
    if guard:
        words = SuspensionReason(words="转让座位")
        assert (stands.suspended_until, stands.suspended_for) == (FOREVER, words)
    else:
        assert stands.suspended_until is None


@both_sides_whole
@guarded
async def test_two_concurrent_presence_checks_ask_the_reader_once(
    stage: Stage, guard: bool
) -> None:
    """Two other readers report the seat as empty at the same moment."""
    sits, first, second = [await stage.reader() for _ in range(3)]
    r = await stage.in_use(sits)
    for watcher, seat in ((first, SEATS[1]), (second, SEATS[2])):
        await stage.in_use(watcher, seat)
    slow, fast = await stage.worker(), await stage.worker()
    answers: list[bool] = []
    at = clock(10, 5)

    async def meanwhile() -> None:
        answers.append(await fast.seat_reports.report_empty(ctx(second, at), r.seat_id, None))

    if not guard:
        await stage.drop("reservations", "claims")
        unguard(slow.stored.reservations)
    put_around(slow.stored.reservations, "find_one_and_update", before=meanwhile)
    answers.append(await slow.seat_reports.report_empty(ctx(first, at), r.seat_id, None))
    assert answers == ([True, False] if guard else [True, True])
    checks = [n.event for n in (await stage.reload(r)).outbox].count(OutboxEventKind.PRESENCE_CHECK)
    assert checks == (1 if guard else 2)


@both_sides_whole
@guarded
async def test_an_appeal_is_made_and_settled_once(stage: Stage, guard: bool) -> None:
    reader = await stage.reader()
    violation = await _violation(stage, reader, 0)
    slow, fast = await stage.worker(), await stage.worker()
    if not guard:
        unguard(slow.stored.violations)

    async def meanwhile() -> None:
        await fast.violations.appeal(reader.id, violation.id, "the first", EIGHT)

    put_around(slow.stored.violations, "find_one_and_update", before=meanwhile)
    work = slow.violations.appeal(reader.id, violation.id, "the second", EIGHT)
    if guard:
        with pytest.raises(NothingToAppeal):
            await work
    else:
        await work
    stored_violation = await stage.stored.violations.get(violation.id)
    assert stored_violation is not None and stored_violation.appeal is not None
    assert stored_violation.appeal.text == ("the first" if guard else "the second")


@guarded
async def test_a_repeated_wechat_push_is_processed_once(stage: Stage, guard: bool) -> None:
    """WeChat repeats an unanswered push to another worker."""
    pushes = [WeChatCallbackLog(stage.db) for _ in range(2)]
    names = ["mp:x", "mp:x" if guard else "mp:y"]  # the control: another name each time
    firsts = await asyncio.gather(*(p.first(n, EIGHT) for p, n in zip(pushes, names, strict=True)))
    assert sorted(firsts) == ([False, True] if guard else [True, True])
