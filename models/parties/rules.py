from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from models.kernel.errors import NotFound
from models.kernel.ids import ReaderId
from models.library.entities import Area, SeatId
from models.opening_draw.rules import round_at
from models.parties.errors import (
    InvitationOver,
    NoPartyDuringDraw,
    PartiesRefused,
    PartyTooLarge,
)
from models.policy.entities import Policy
from models.reservations.party import Party, PartySeat

HELD_FOR: Final = timedelta(minutes=10)
"""For so long a seat is held for a friend."""
_IGNORED: Final = 2
"""After so many parties within ``_WITHIN`` of which nobody accepted a seat, the reader's next one
is refused until ``_WITHIN`` after the last of them."""
_WITHIN: Final = timedelta(days=7)
KEPT_FOR: Final = _WITHIN + timedelta(days=1)
"""Parties are kept for so long after their day, so that ``check_not_ignored`` finds them."""


def most_people(area: Area, policy: Policy) -> int:
    """The most people who may sit together in the area; below 2 if nobody may."""
    return min(policy.party_people, len(area.seats) * policy.party_share_percent // 100)


def check_size(area: Area, people: int, policy: Policy) -> None:
    """Checks that so many people may sit together in the area. Raises: PartyTooLarge."""
    most = most_people(area, policy)
    if not 2 <= people <= most:
        raise PartyTooLarge(most=most)


def check_not_ignored(parties: Sequence[Party], now: datetime) -> None:
    """Checks that friends have accepted seats of the asker's ``parties``. Raises:
    PartiesRefused."""
    ignored = sorted(
        party.ended_at
        for party in parties
        if party.ended_at is not None
        and now - _WITHIN < party.ended_at
        and not any(seat.booking for seat in party.seats)
    )
    if len(ignored) >= _IGNORED:
        raise PartiesRefused(until=ignored[-1] + _WITHIN)


def check_no_draw(opens_at: datetime | None, now: datetime) -> None:
    """Checks that the draw of the opening at ``opens_at`` (None: there is none) is over. Raises:
    NoPartyDuringDraw."""
    if opens_at is not None and round_at(opens_at, now) is not None:
        raise NoPartyDuringDraw()


def seat_to_accept(
    party: Party, seat_id: SeatId | None, reader_id: ReaderId, now: datetime
) -> PartySeat:
    """The seat with this id that is held for the reader; with None the first one. Raises: NotFound
    if the party has no such seat; InvitationOver if it is not held for the reader."""
    if seat_id is not None and all(seat.id != seat_id for seat in party.seats):
        raise NotFound()
    held = [seat for seat in party.held_for(reader_id) if seat_id in (None, seat.id)]
    if not held or now >= party.until:
        raise InvitationOver()
    return held[0]
