"""Changes of the library or of a reader, made in the store."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any, Final

from models.library.entities import AreaId
from models.policy.entities import Policy
from models.readers.entities import Visit
from tests.living import MONDAY_8, SEAT, Client, Living

HALL: Final = "2f-hall"


async def rules(service: Living, **changed: Any) -> None:
    """Publishes the next policy version."""
    inside = service.inside
    new: Policy = replace(
        inside.reference.policy, version=inside.reference.policy.version + 1, **changed
    )
    await inside.reference.publish(new, service.clock.now())


async def with_rules(service: Living, **changed: Any) -> None:
    inside = service.inside
    newer = replace(inside.reference.policy, version=inside.reference.policy.version + 1, **changed)
    await inside.stored.policies.add_missing(newer, service.clock.now())
    await inside.reference.refresh()


async def with_seat(service: Living, **changed: Any) -> None:
    inside = service.inside
    hall = inside.reference.catalog.areas[AreaId(HALL)]
    seats = tuple(replace(s, **changed) if s.id == SEAT else s for s in hall.seats)
    assert await inside.stored.catalogs.replace_area(replace(hall, seats=seats, rev=hall.rev + 1))
    await inside.reference.refresh()


async def with_visit(service: Living, reader: Client, last: date) -> None:
    """Turns the reader into a visitor until this day."""
    assert await service.inside.stored.readers.set_visit(
        reader.reader_id, None, Visit(date(2026, 9, 1), last)
    )
    await service.sessions.reader_changed(reader.reader_id)


async def suspended(service: Living, reader: Client, yes: bool) -> None:
    until = MONDAY_8 + timedelta(days=3)
    was, then = (None, until) if yes else (until, None)
    assert await service.inside.stored.readers.set_suspended_until(reader.reader_id, was, then)
    await service.sessions.reader_changed(reader.reader_id)
