"""The bookings and waitlist entries with which scenarios begin."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from lab.proof.acts import ONE, THREE, TWO
from lab.proof.explorer import Ids
from lab.proof.simulated_library import AREA, KIOSK, Worker, at, context, library_zone, wish
from models.check_in.arrival import KioskCodeScan
from models.readers.entities import Reader
from models.reservations.entities import Reservation
from models.waitlist.entities import WaitlistEntry


async def nothing(worker: Worker, readers: Sequence[Reader]) -> Ids:
    return {}


async def book(
    worker: Worker, reader: Reader, seat_id: str, now: datetime | None = None
) -> Reservation:
    return await worker.reservations.create(
        context(reader, now or at(8), f"{reader.id}-before"), seat_id, wish(10, 11)
    )


async def booked(worker: Worker, readers: Sequence[Reader]) -> Ids:
    """The first reader has booked seat one from 10 to 11."""
    return {"booked": (await book(worker, readers[0], ONE)).id}


async def booked_and_wanted(worker: Worker, readers: Sequence[Reader]) -> Ids:
    """The first reader has booked seat one, and the second waits for it."""
    ids = await booked(worker, readers)
    await worker.waitlist.join(context(readers[1], at(8)), AREA, [ONE], frozenset(), wish(10, 11))
    return ids


async def offered(worker: Worker, readers: Sequence[Reader]) -> Ids:
    """Seat one is offered to the second reader, who has waited for it. The third reader waits
    for it, too."""
    ids = await booked_and_wanted(worker, readers)
    await worker.waitlist.join(context(readers[2], at(8)), AREA, [ONE], frozenset(), wish(10, 11))
    await worker.reservations.cancel(context(readers[0], at(8)), ids["booked"])
    (entry,) = await worker.waitlist.open_of(readers[1].id)
    assert entry.offer is not None
    return {"offered": entry.offer}


async def offered_one_of_two(worker: Worker, readers: Sequence[Reader]) -> Ids:
    """Seat one is offered to the second reader, who waits for any seat. The third reader has
    booked seat two."""
    first, other = await book(worker, readers[0], ONE), await book(worker, readers[2], TWO)
    await worker.waitlist.join(context(readers[1], at(8)), AREA, [], frozenset(), wish(10, 11))
    await worker.reservations.cancel(context(readers[0], at(8)), first.id)
    (entry,) = await worker.waitlist.open_of(readers[1].id)
    assert entry.offer is not None
    return {"offered": entry.offer, "other": other.id}


async def long_in_use_and_wanted(worker: Worker, readers: Sequence[Reader]) -> Ids:
    """The first reader uses seat one from 10 to 12, and the second waits for its second hour."""
    ctx = context(readers[0], at(8), f"{readers[0].id}-before")
    r = await worker.reservations.create(ctx, ONE, wish(10, 12))
    scan = KioskCodeScan(KIOSK, 1, is_current=True)
    await worker.check_in.check_in(context(readers[0], at(10)), r.id, scan)
    await worker.waitlist.join(context(readers[1], at(10)), AREA, [ONE], frozenset(), wish(11, 12))
    return {"booked": r.id}


async def in_use(worker: Worker, readers: Sequence[Reader]) -> Ids:
    """The first reader has used seat one since 10."""
    ids = await booked(worker, readers)
    scan = KioskCodeScan(KIOSK, 1, is_current=True)
    await worker.check_in.check_in(context(readers[0], at(10)), ids["booked"], scan)
    return ids


async def away(worker: Worker, readers: Sequence[Reader]) -> Ids:
    """The first reader has used seat one since 10, and went on leave at 10:05."""
    ids = await in_use(worker, readers)
    await worker.check_in.leave(context(readers[0], at(10, 5)), ids["booked"])
    return ids


async def both_booked(worker: Worker, readers: Sequence[Reader]) -> Ids:
    """The first reader has booked seat one, the second has booked seat two."""
    ids = await booked(worker, readers)
    return {**ids, "other": (await book(worker, readers[1], TWO)).id}


async def four_booked(worker: Worker, readers: Sequence[Reader]) -> Ids:
    """The first reader has four bookings of seat two, one hour each, from 11 to 15."""
    for hour in range(11, 15):
        ctx = context(readers[0], at(8), f"before-{hour}")
        await worker.reservations.create(ctx, TWO, wish(hour, hour + 1))
    return {}


async def free_and_wanted(worker: Worker, readers: Sequence[Reader]) -> Ids:
    """The second reader waits for seat one, which is free."""
    reader, seats = readers[1].id, frozenset({ONE})
    entry = WaitlistEntry("wait", reader, AREA, seats, frozenset(), at(10), at(11), at(8))
    await worker.stored.waitlist.join(library_zone(), entry)
    return {}


async def pair_begun(worker: Worker, readers: Sequence[Reader]) -> Ids:
    """The first reader has booked seat one from 10 to 11, and has seat two held for a friend."""
    return await _party_begun(worker, readers[0], [TWO])


async def party_begun(worker: Worker, readers: Sequence[Reader]) -> Ids:
    """The first reader has booked seat one from 10 to 11, and has seats two and three held for
    friends."""
    return await _party_begun(worker, readers[0], [TWO, THREE])


async def _party_begun(worker: Worker, asker: Reader, seats: Sequence[str]) -> Ids:
    ctx = context(asker, at(8), f"{asker.id}-before")
    own = await worker.parties.begin(ctx, ONE, seats, wish(10, 11))
    party = await worker.parties.own(asker.id, own.id)
    invitation = worker.parties.invitation_of(party)
    return {"booked": own.id, "party": party.id, "invitation": invitation}
