"""A database filled as on a busy day."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Final

from miniapp_server.repositories import Repositories
from models.check_in import transitions
from models.gates.entities import Direction, GateEvent, GateId, PresenceEffect
from models.gates.event_repository import Judged
from models.kernel.ids import ReaderId, ReservationId
from models.kernel.time_range import TimeRange
from models.library.rooms import RoomId
from models.messages.entities import Channel, Message, Template
from models.reservations.entities import Reservation
from models.reservations.room_booking import RoomState
from models.reservations.state_machine import ReservationState
from models.storage.encryption import FieldCipher
from models.storage.mongo import Database, new_id
from models.violations.entities import Violation
from tests.builders import (
    BY_JOB,
    MONDAY,
    ROOM_BOOKING,
    TOMORROW,
    ZONE,
    away,
    but,
    in_use,
    on,
    reserved,
)

READERS: Final = 120
EVENING: Final = on("23:00")
NEXT_YEARS: Final = date(2036, 1, 1)


@dataclass(slots=True)
class Store:
    """The repositories of one database that is filled as on a busy day."""

    db: Database
    stored: Repositories
    readers: list[ReaderId]
    mine: Reservation


def day_of(reader: ReaderId, n: int) -> Iterator[Reservation]:
    """A reader's reservations: past days, today's in every state, and one for tomorrow."""
    seat, later = f"seat-{n:03}", f"seat-{n + 500:03}"
    for back in range(1, 6):
        past = MONDAY - timedelta(days=back)
        sat = in_use(reserved(day=past, made_on=past, id=new_id(), reader=reader, seat=seat))
        yield but(transitions.complete(sat, BY_JOB), claims=(), outbox=(), carry_over_at=None)
    today = reserved(id=new_id(), reader=reader, seat=seat)
    yield [
        today,
        in_use(today),
        away(in_use(today)),
        transitions.complete(in_use(today), BY_JOB),
    ][n % 4]
    yield reserved("18:00", "20:00", id=new_id(), reader=reader, seat=later, k=2)
    yield reserved(day=TOMORROW, id=new_id(), reader=reader, seat=seat)


async def a_busy_day(db: Database, sealer: FieldCipher) -> Store:
    stored = Repositories(db, sealer)
    store = Store(db, stored, [ReaderId(f"{n:024x}") for n in range(READERS)], reserved())
    made = [r for n, reader in enumerate(store.readers) for r in day_of(reader, n)]
    await asyncio.gather(*(stored.reservations.insert(r) for r in made))
    mine = next(
        r for r in made if r.reader_id == store.readers[1] and r.state is ReservationState.IN_USE
    )
    store.mine = mine
    await store.stored.sessions.open_wx("wx", f"o-{store.readers[3]}", on("08:00"), EVENING, None)
    await asyncio.gather(*(fill(store, n, reader) for n, reader in enumerate(store.readers)))
    return store


async def fill(s: Store, n: int, reader: ReaderId) -> None:
    """Adds a reader's documents in the other collections."""
    await s.stored.sessions.open_web(f"t{reader}", reader, f"ST-{reader}", on("08:00"), EVENING)
    await s.stored.bindings.bind(reader, f"o-{reader}", None, on("08:00"))
    await s.stored.feedback.add(reader, "k", "…", on("14:00"))
    await s.stored.activation_codes.issue(reader, str(100000 + n), on("08:00"), EVENING)
    if n % 20 == 2:  # rooms are few
        room = replace(
            ROOM_BOOKING,
            id=ReservationId(new_id()),
            room_id=RoomId(f"r{n}"),
            people=(reader,),
            span=TimeRange(on("16:30"), on("17:30")),
            state=RoomState.REQUESTED if n % 40 == 2 else RoomState.RESERVED,
        )
        await s.stored.room_bookings.insert(ZONE, room)
    await s.stored.review_codes.issue(reader, f"{n:022d}", on("08:00"), EVENING)
    await s.stored.consents.add(reader, Template.LEAVE)
    message = Message(f"{reader}:0", reader, Template.LEAVE, "", "", on("14:00"), {})
    messages = [replace(message, id=f"{reader}:{k}") for k in range(3)]
    await s.stored.messages.add(messages)
    await s.stored.deliveries.add(Channel.WECHAT, messages)
    for k in range(3):
        day = MONDAY - timedelta(days=k)
        missed = f"{reader}:{k}", reader, s.mine.id, "no_show", on("14:30", day), day, True
        await s.stored.violations.record(Violation(*missed))
    ways = [
        GateEvent(f"main:{reader}:{k}", GateId("main"), reader, Direction.IN, "card", when, False)
        for k, when in enumerate([on("08:30"), on("09:30"), on("08:30", TOMORROW)])
    ]
    events, _ = await s.stored.gate_events.add([(p, "21070001") for p in ways], EVENING)
    await s.stored.gate_events.settle([Judged(p, PresenceEffect.NONE, None) for p in events[1:]])
