"""Plans lose seats that have bookings."""

from __future__ import annotations

from typing import Any

from models.identity.roles import Role
from models.library.entities import AreaId, Seat
from tests.api.browsing import Browser
from tests.api.console import staff
from tests.api.floor_plans import exported, send
from tests.living import Client, Living

TEN = "2f-hall-010"


async def state(reader: Client, made: Any) -> str:
    return str((await reader.ok("GET", f"/reservations/{made['id']}"))["state"])


async def without(service: Living, head: Any, *numbers: str, **form: str) -> Any:
    """Saves the hall's plan without these seats, as an administrator."""
    plan = await exported(head)
    plan["seats"] = [s for s in plan["seats"] if s["no"] not in numbers]
    base = service.inside.reference.catalog.areas[seat(service).area_id].rev
    return await send(service, head, plan, base=base, confirmed="yes", **form)


def seat(service: Living) -> Seat:
    return next(iter(service.inside.reference.catalog.areas[AreaId("2f-hall")].seats))


async def moved(service: Living) -> tuple[Client, Any, Browser]:
    """A reader whose seat for tomorrow was removed. Returns the reader, the offer of another seat,
    and a librarian's browser."""
    head, reader = await staff(service, Role.ADMINISTRATOR), await service.reader()
    await reader.accept("MOVED", "OFFER")
    made = await reader.reserve(TEN, "09:00", "11:00", service.tomorrow)
    await service.settle()
    assert (await without(service, head, "010", bookings="offer")).status == 303
    assert await state(reader, made) == "cancelled"
    (entry,) = (await reader.ok("GET", "/waitlist"))["items"]
    return reader, entry["offer"], await staff(service)
