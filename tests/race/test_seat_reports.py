"""Concurrent reports of occupied and empty seats, and a scan note in two browsers: none counts
twice."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from models.kernel.errors import TooManyAttempts
from models.reservations.presence import PresenceMethod, PresenceProof
from models.reservations.state_machine import ReservationState
from models.seat_reports import service
from tests.race.stage import SEATS, Stage, both_sides_whole, clock, ctx, guarded, scan

pytestmark = both_sides_whole


@guarded
async def test_concurrent_occupied_seat_reports_stop_deadlines_up_to_the_daily_limit(
    stage: Stage, guard: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only one more report of the day may stop a deadline."""
    monkeypatch.setattr(service, "MAX_OCCUPIED_REPORTS_PER_DAY", 1)
    reader, now = await stage.reader(), clock(10, 45)
    first = await stage.in_use(reader, SEATS[0])
    second = await stage.reserved(reader, SEATS[1], 11, 12)
    if not guard:
        await stage.drop("reservations", "claims")
    seen = PresenceProof(reader.id, first.venue_id, PresenceMethod.KIOSK_CODE, now)
    workers = await stage.worker(), await stage.worker()
    results = await asyncio.gather(
        *(
            worker.seat_reports.report_occupied(ctx(reader, now), r.id, "occupied", seen)
            for worker, r in zip(workers, (first, second), strict=True)
        )
    )
    assert sorted(r.has_open_report for r in results) == ([False, True] if guard else [True, True])
    assert all(r.report is not None and r.report.desk for r in results), "the desk hears of both"


@guarded
async def test_concurrent_presence_checks_stop_at_the_daily_limit(
    stage: Stage, guard: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "MAX_EMPTY_REPORTS_PER_DAY", 1)
    watcher, *sitting = [await stage.reader() for _ in range(3)]
    await stage.in_use(watcher, SEATS[0])
    for reader, seat in zip(sitting, SEATS[1:3], strict=True):
        await stage.in_use(reader, seat)
    if not guard:
        await stage.drop("reservations", "claims")
    workers, at = (await stage.worker(), await stage.worker()), clock(10, 5)
    answers = await asyncio.gather(
        *(
            worker.seat_reports.report_empty(ctx(watcher, at), seat, None)
            for worker, seat in zip(workers, SEATS[1:3], strict=True)
        ),
        return_exceptions=True,
    )
    assert answers.count(True) == (1 if guard else 2)
    assert sum(isinstance(answer, TooManyAttempts) for answer in answers) == (1 if guard else 0)


@guarded
async def test_a_scan_note_checks_in_one_reader(stage: Stage, guard: bool) -> None:
    """The note is used in ten browsers: one checks in, and its repetition gets the same answer."""
    readers = [await stage.reader() for _ in range(10)]
    made = [await stage.reserved(r, seat) for r, seat in zip(readers, SEATS, strict=False)]
    note = replace(scan(1), note_id="note")
    if not guard:
        await stage.drop("reservations", "claims")
    came = await asyncio.gather(
        *(
            stage.inside.check_in.check_in(ctx(reader, clock(10)), r.id, note)
            for reader, r in zip(readers, made, strict=True)
        ),
        return_exceptions=True,
    )
    states = [(await stage.reload(r)).state for r in made]
    assert states.count(ReservationState.IN_USE) == (1 if guard else 10)
    if guard:
        lucky = states.index(ReservationState.IN_USE)
        again = await stage.inside.check_in.check_in(
            ctx(readers[lucky], clock(10)), made[lucky].id, note
        )
        assert again.state is ReservationState.IN_USE
        refused = [e for i, e in enumerate(came) if i != lucky]
        assert {type(e).__name__ for e in refused} == {"QrUsed"}
