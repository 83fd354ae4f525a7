"""Pure functions for the draw: its rounds, and the order in which a round's requests are served."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from models.kernel.zone import SLOTS_PER_DAY, Zone
from models.opening_draw.entities import Outcome, Ticket

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
ROUND: Final = timedelta(milliseconds=1500)
"""The length of a round; a whole minute, at which bookings open, has 40. A round's requests are
collected and then served in a random order. With rounds of one second, most people miss the first
one (measured) and leave it to scripts."""
ROUNDS: Final = 7
"""The number of rounds after an opening. Later requests are served in order of arrival."""
DRAW_LASTS: Final = ROUNDS * ROUND
REVEALED_AFTER: Final = timedelta(minutes=1)
"""The secret of a draw is published this long after the opening, when no request can be drawn any
more: a second request gets a round at most ``ROUNDS_BETWEEN`` after the last one."""
ROUNDS_BETWEEN: Final = 2
"""A reader's second request is served at least this many rounds after the first. People need
some two seconds to read a refusal and choose another seat; a script must not be faster."""
LONGEST_WAIT: Final = timedelta(milliseconds=2500)
"""A request that would have to wait for its round longer than this is refused as throttled, so
that every response arrives in time."""


def round_at(opens_at: datetime, now: datetime) -> int | None:
    """The number of the round for a request at ``now``; None if that opening's draw is over. No
    two openings share numbers, since rounds are counted from 1970."""
    passed: int = max(0, (now - opens_at) // ROUND)
    return (opens_at - _EPOCH) // ROUND + passed if passed < ROUNDS else None


def round_ends(round: int) -> datetime:
    return _EPOCH + (round + 1) * ROUND


def is_revealed(opens_at: datetime, now: datetime) -> bool:
    """True if the draw of that opening is over, and its secret published."""
    return now >= opens_at + REVEALED_AFTER


def too_early_by(round: int, now: datetime) -> timedelta | None:
    """The time after which a request for the round may be repeated, because the wait would
    exceed ``LONGEST_WAIT``; None if the request may wait for the round."""
    early = round_ends(round) - now - LONGEST_WAIT
    return early if early > timedelta() else None


class ServingOrder:
    """The order in which the tickets of a round are served. A ticket waits only for earlier
    tickets of the same seat and overlapping half hours. It waits until these are served, or
    until an outcome shows that it cannot win any more."""

    def __init__(self, zone: Zone, tickets: Sequence[Ticket]) -> None:
        self._tickets = tickets
        self._of_seat: defaultdict[str, list[Ticket]] = defaultdict(list)
        for ticket in tickets:
            self._of_seat[ticket.seat_id].append(ticket)
        self._slots = {ticket.id: _slots(zone, ticket) for ticket in tickets}
        self._seat_of = {ticket.id: ticket.seat_id for ticket in tickets}
        self._waiting = Counter(ticket.seat_id for ticket in tickets)
        self._called: set[str] = set()
        self._outcomes: dict[str, Outcome] = {}

    def first(self) -> list[str]:
        """The ids of tickets that wait for no others, in the draw's order. To be called once."""
        called: set[str] = set()
        for tickets in self._of_seat.values():
            called.update(self._call(tickets))
        return [ticket.id for ticket in self._tickets if ticket.id in called]

    def served(self, id: str, outcome: Outcome) -> list[str]:
        """Records a ticket's outcome. Returns the ids of tickets that no longer have to wait."""
        seat = self._seat_of.get(id)
        if seat is None or id in self._outcomes:
            return []
        self._outcomes[id] = outcome
        return list(self._call(self._of_seat[seat])) if self._waiting[seat] else []

    def rest(self) -> list[str]:
        return [ticket.id for ticket in self._tickets if ticket.id not in self._called]

    def unserved(self) -> list[str]:
        """The ids of tickets without an outcome yet for which other tickets may still wait."""
        return [
            ticket.id
            for ticket in self._tickets
            if ticket.id not in self._outcomes and self._waiting[ticket.seat_id]
        ]

    def _call(self, tickets: Sequence[Ticket]) -> Iterator[str]:
        won = contested = 0
        taken: set[int] = set()
        for ticket in tickets:
            slots, outcome = self._slots[ticket.id], self._outcomes.get(ticket.id)
            if ticket.id not in self._called and (
                slots & won
                or not slots & contested
                # One of these half hours is taken, so a ticket that needs all of them will be
                # refused too.
                or any(slots & refused == refused for refused in taken)
            ):
                self._called.add(ticket.id)
                self._waiting[ticket.seat_id] -= 1
                yield ticket.id
            if outcome is None:
                contested |= slots
            elif outcome is Outcome.WON:
                won |= slots
            elif outcome is Outcome.SEAT_TAKEN:
                taken.add(slots)


def _slots(zone: Zone, ticket: Ticket) -> int:
    # On the clock of claims a day's first half hours can be the last ones of the day before.
    first = ticket.day - timedelta(days=1)
    bits = 0
    for day, slot in zone.half_hour_slots(ticket.span):
        bits |= 1 << ((day - first).days * SLOTS_PER_DAY + slot)
    return bits
