"""Bookings to request, and a library in which the policy refuses some."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from models.library.entities import Area, AreaId, Kiosk, KioskId, Seat, SeatId, Venue, VenueId
from models.policy.entities import Policy
from tests.living import SEAT, Living

OTHER = "2f-hall-064"
BROKEN = "2f-hall-001"
ANNEX = VenueId("annex")


def wish(
    start: str = "14:00", end: str = "16:00", date: str = "2026-09-07", seat_id: str = SEAT
) -> dict[str, str]:
    return {"seat_id": seat_id, "date": date, "start": start, "end": end}


TOMORROW, MONDAY_MIDNIGHT = "2026-09-08", datetime.fromisoformat("2026-09-07T00:00:00+08:00")
# What may not be booked on Monday at 08:00, and what the refusal says about it.
BREAKS_A_RULE = [
    (wish("09:00", "14:00"), "too_long", {"max_minutes": 240}),
    (wish("14:00", "13:00"), "closed", {"open": "07:00", "close": "22:30"}),
    (wish("14:30", "16:00"), "off_grid", {"step_minutes": 60}),
    (wish("now", "10:00", TOMORROW), "off_grid", {"step_minutes": 60}),
    (wish("21:00", "23:00"), "closed", {"open": "07:00", "close": "22:30"}),
    (wish(date="9999-12-31"), "outside_horizon", {"last_date": TOMORROW}),
    (wish(date="0001-01-01"), "in_the_past", {}),
    (wish("07:00", "09:00"), "in_the_past", {}),
    (wish(seat_id=BROKEN), "seat_disabled", {"reason": "插座维修"}),
]


async def with_library_changed(service: Living) -> None:
    """Adds a disabled seat and a second venue with one seat and one kiosk."""
    inside, now = service.inside, service.clock.now()
    hall = inside.reference.catalog.areas[AreaId("2f-hall")]
    seats = tuple(replace(s, disabled="插座维修") if s.id == BROKEN else s for s in hall.seats)
    seat = Seat(SeatId("annex-001"), AreaId("annex-1"), "001", 0, 0)
    room = Area(seat.area_id, ANNEX, "分馆阅览室", 1, 99, 100, 100, (seat,), ())
    kiosk = Kiosk(KioskId("annex-door"), ANNEX, "分馆选座机", "seat_kiosk")
    await inside.stored.catalogs.add_missing([Venue(ANNEX, "分馆")], [room], [kiosk])
    assert await inside.stored.catalogs.replace_area(replace(hall, seats=seats, rev=hall.rev + 1))
    await inside.stored.kiosks.issue_kiosk_key(kiosk.id, "annex-key", "A" * 32)
    await inside.stored.policies.add_missing(
        Policy(version=2, areas=inside.reference.policy.areas), now
    )
    await inside.reference.refresh()


async def annex_code(service: Living) -> dict[str, str]:
    """The body of a scan of the second venue's kiosk, after ``with_library_changed``."""
    key = {"X-Kiosk-Key": "annex-key"}
    return {"qr": (await service.anonymous.ok("GET", "/kiosks/annex-door/code", **key))["payload"]}
