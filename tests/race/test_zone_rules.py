"""Workers with different rules of the library's time zone: one host has new tzdata, one has not.
The controls count half hours from each worker's own midnight."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from itertools import combinations, product
from typing import Final

from models.kernel.time_range import TimeRange
from models.kernel.zone import Zone
from models.profile.zones import zone_of
from models.reservations.entities import Reservation
from models.reservations.rules import TimeSelection
from tests.race.stage import EIGHT, OTHER_SEAT, SEAT, Stage, clock, ctx, guarded

SUMMER: Final = zone_of("Europe/Berlin", 60)
NO_SUMMER: Final = replace(SUMMER, changes=(), offsets=SUMMER.offsets[:1])


class FromMidnight(Zone):
    """The control: half hours as the clocks on the walls show them."""

    def half_hour_slots(self, span: TimeRange) -> Iterator[tuple[date, int]]:
        step = span.start
        while step < span.end:
            local = self.local(step)
            yield local.date(), local.hour * 2 + local.minute // 30
            step += timedelta(minutes=30)


def walled(zone: Zone) -> Zone:
    return FromMidnight(zone.name, zone.slot_clock, zone.changes, zone.offsets)


def wish(zone: Zone, begin: datetime) -> TimeSelection:
    """The selection by which a worker with these rules books the hour from ``begin``."""
    start, end = zone.local(begin), zone.local(begin + timedelta(hours=1))
    return TimeSelection(start.date(), start.time(), end.time())


@guarded
async def test_workers_with_two_rules_of_one_zone_book_a_seat_once(
    stage: Stage, guard: bool
) -> None:
    zones = [SUMMER, NO_SUMMER] if guard else [walled(SUMMER), walled(NO_SUMMER)]
    workers = [await stage.worker() for _ in zones]
    for worker, zone in zip(workers, zones, strict=True):
        worker.reference.zone = zone
        # Each worker decides for itself: what one has written the other has not seen yet.
        worker.occupancy.current = lambda day: None  # type: ignore[method-assign]
    begins = [clock(15) + timedelta(hours=2 * n) for n in range(4)]
    asked = [
        worker.reservations.create(ctx(await stage.reader(), EIGHT), seat, wish(zone, begin))
        for seat, begin in product((SEAT, OTHER_SEAT), begins)
        for worker, zone in zip(workers, zones, strict=True)
    ]
    made = await asyncio.gather(*asked, return_exceptions=True)
    won = [r for r in made if isinstance(r, Reservation)]
    doubles = [
        (one, other)
        for one, other in combinations(won, 2)
        if one.seat_id == other.seat_id and one.span.overlaps(other.span)
    ]
    assert (len(won), len(doubles)) == ((8, 0) if guard else (16, 8))
