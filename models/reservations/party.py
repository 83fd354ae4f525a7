"""Seats that a reader holds for friends beside an own booking (一起坐)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Final

from models.kernel.ids import PartyId, ReaderId, ReservationId
from models.kernel.time_range import TimeRange
from models.kernel.zone import Zone
from models.library.entities import SeatId
from models.reservations.claims import party_claim, seat_claims
from models.reservations.occupancy_rows import OccupancyRow
from models.reservations.state_machine import ReservationState

NOBODY: Final = ReaderId("-")
"""No reader: the one of a held seat's row in the occupancy, and who was invited by a number that
no reader has. The id is not
empty, as that of anybody is for whom shared pages are made."""
_SUFFIX: Final = ":party"


@dataclass(frozen=True, slots=True)
class PartySeat:
    """A seat of a party. `booking`: the friend's, who has accepted it; None as long as nobody
    has. `invited`: the friend for whom it is held, `NOBODY` if there is no such reader; None if it
    is held for whoever has the invitation."""

    id: SeatId
    booking: ReservationId | None = None
    invited: ReaderId | None = None


@dataclass(frozen=True, slots=True)
class Party:
    """The seats that ``asker_id`` holds for friends. Until ``until`` each of them can be accepted
    by one friend. `number`: that of the party among the asker's of the day. `rev` and `change` as
    of a reservation."""

    id: PartyId
    rev: int
    change: str
    asker_id: ReaderId
    day: date
    number: int
    span: TimeRange
    until: datetime
    seats: tuple[PartySeat, ...]
    ended_at: datetime | None = None

    @property
    def own_id(self) -> ReservationId:
        """The id of the asker's own booking."""
        return ReservationId(self.id.removesuffix(_SUFFIX))

    def held(self) -> tuple[PartySeat, ...]:
        """The seats that are held at present."""
        if self.ended_at is not None:
            return ()
        return tuple(seat for seat in self.seats if seat.booking is None)

    def held_for(self, reader_id: ReaderId) -> tuple[PartySeat, ...]:
        """The held seats that the reader may accept, those for the reader alone first."""
        own = [seat for seat in self.held() if seat.invited == reader_id]
        return (*own, *(seat for seat in self.held() if seat.invited is None))

    def claims(self, zone: Zone) -> tuple[str, ...]:
        """The claims of the held seats, and the one that limits the asker's parties of a day."""
        return (
            party_claim(self.asker_id, self.day, self.number),
            *(claim for seat in self.held() for claim in seat_claims(zone, seat.id, self.span)),
        )

    def rows(self) -> list[OccupancyRow]:
        """The rows of all its seats in the occupancy; those that are not held have ended."""
        held = self.held()
        return [
            OccupancyRow.of(
                row_id(self.id, seat.id),
                self.rev,
                seat.id,
                NOBODY,
                ReservationState.OFFERED if seat in held else ReservationState.OFFER_EXPIRED,
                self.span.start,
                None,
                self.span.end,
            )
            for seat in self.seats
        ]


def party_of_booking(own: ReservationId) -> PartyId:
    """The id of the party that was made together with the asker's booking."""
    return PartyId(own + _SUFFIX)


def row_id(party_id: PartyId, seat_id: SeatId) -> ReservationId:
    """The id of a held seat's row in the occupancy."""
    return ReservationId(f"{party_id}/{seat_id}")


def own_id_of_row(id: ReservationId) -> ReservationId:
    """The id of the asker's own booking, from that of a held seat's row."""
    return ReservationId(id.partition(_SUFFIX)[0])


def accepted(party: Party, seat: PartySeat, booking: ReservationId, now: datetime) -> Party:
    """The party after a friend has accepted one of its held seats."""
    seats = tuple(replace(each, booking=booking) if each is seat else each for each in party.seats)
    last = all(each.booking is not None for each in seats)
    return replace(party, rev=party.rev + 1, seats=seats, ended_at=now if last else None)


def ended(party: Party, now: datetime) -> Party:
    """The party after its end: what nobody has accepted is free again."""
    return replace(party, rev=party.rev + 1, ended_at=now)
