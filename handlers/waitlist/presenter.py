"""TODO docstring."""

from __future__ import annotations

from datetime import datetime

from handlers.reservations.presenter import reservation
from handlers.waitlist import schemas
from models.booking.desk import Desk
from models.kernel.time_range import local_date, to_local
from models.reservations.state_machine import ReservationState
from models.waitlist.entities import WaitlistEntry, WaitlistState


async def wait(desk: Desk, w: WaitlistEntry, now: datetime) -> schemas.WaitlistEntryOut:
    area = desk.library.areas.get(w.area_id)
    held = await desk.reservations.get(w.offer) if w.offer else None
    waiting = w.state is WaitlistState.WAITING
    return schemas.WaitlistEntryOut(
        id=w.id,
        area_id=w.area_id,
        area=area.name if area else w.area_id,
        seats=sorted(w.seats),
        date=local_date(w.start),
        start=to_local(w.start),
        end=to_local(w.end),
        state=w.state.value,
        ahead=await desk.waits.position_of(w) if waiting else None,
        made_at=to_local(w.created_at),
        offer=await reservation(desk, held, now)
        if held and held.state is ReservationState.OFFERED
        else None,
    )
