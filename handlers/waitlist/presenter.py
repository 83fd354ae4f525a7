from __future__ import annotations

from datetime import datetime

from handlers.reservations.presenter import reservation
from handlers.seat_map.presenter import area_summary
from handlers.waitlist import schemas
from models.reference_data import ReferenceData
from models.reservations.state_machine import ReservationState
from models.waitlist.entities import WaitlistEntry, WaitlistState
from models.waitlist.service import WaitlistService


async def waitlist_entry(
    reference: ReferenceData, waitlist: WaitlistService, entry: WaitlistEntry, now: datetime
) -> schemas.WaitlistEntryOut:
    area = reference.catalog.areas.get(entry.area_id)
    offer = await waitlist.offer_of(entry)
    waiting = entry.state is WaitlistState.WAITING and not entry.alert
    return schemas.WaitlistEntryOut(
        id=entry.id,
        area_id=entry.area_id,
        area=area.name if area else entry.area_id,
        seats=sorted(entry.seats),
        date=reference.zone.day(entry.start),
        start=reference.zone.local(entry.start),
        end=reference.zone.local(entry.end),
        state=entry.state.value,
        ahead=await waitlist.position_of(entry) if waiting else None,
        only_tell=bool(entry.alert),
        made_at=reference.zone.local(entry.created_at),
        offer=await reservation(reference, offer, now)
        if offer and offer.state is ReservationState.OFFERED
        else None,
        place=area_summary(reference.catalog, area) if area else None,
    )
