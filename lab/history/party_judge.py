"""Judges the seats that readers held for friends, as ``judge`` does the reservations.

A held seat is one friend's or free again within ten minutes, nobody else has it meanwhile, and
it costs nobody anything.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from lab.history.harm import Harm, half_hours
from lab.history.records import History, Operation, StoredParty

_HELD_FOR: Final = timedelta(minutes=10)
_CLOCKS: Final = timedelta(seconds=20)
"""The largest difference between the clocks of two workers."""
_LIVE: Final = frozenset({"reserved", "in_use", "away", "offered"})
_IGNORED: Final = 2
"""The number of parties to which nobody came, after which the next one is refused."""


def party_harm(history: History) -> list[Harm]:
    """All harm about held seats."""
    return [
        *_forgotten(history),
        *_doubles(history),
        *_orphaned(history),
        *_held(history),
        *_untold(history),
        *_punished(history),
        *_turned_away(history),
    ]


def _accepting(history: History) -> Iterator[tuple[Operation, StoredParty]]:
    """The requests to accept a seat, with their parties."""
    parties = {party.id: party for party in history.parties}
    for operation in history.operations:
        if operation.target in parties:
            yield operation, parties[operation.target]


def _forgotten(history: History) -> Iterator[Harm]:
    """Bookings of friends of which the party does not know, and ends that were answered and are
    not stored."""
    by_key = {key: r.id for r in history.stored for key in r.keys}
    for operation, party in _accepting(history):
        promised = operation.promise.id if operation.promise is not None else None
        for id in {promised, by_key.get(operation.key)} - {None}:
            if id not in party.seats.values():
                text = f"{party.id} knows nothing of {id}, a booking by {operation.reader}"
                yield Harm("lost", history.fault_of(operation), text)
    for party in history.parties:
        end = history.party_ends.get(party.id)
        if end is not None and end.answered_at is not None and party.ended_at is None:
            fault = history.fault_at(end.answered_at)
            yield Harm("lost", fault, f"the end of {party.id}")


def _doubles(history: History) -> Iterator[Harm]:
    """Seats that are held in the end, and are somebody else's as well."""
    for party in history.parties:
        others = [
            (other.id, seat, other.start, other.end)
            for other in history.parties
            if other.id < party.id
            for seat in other.held
        ]
        live = (r for r in history.stored if r.state in _LIVE)
        others += [(r.id, r.seat, r.start, r.end) for r in live]
        for id, seat, start, end in others:
            if seat in party.held and start < party.end and party.start < end:
                fault = history.fault_at(party.until - _HELD_FOR)
                yield Harm("doubles", fault, f"seat {seat}: {party.id} and {id}")


def _orphaned(history: History) -> Iterator[Harm]:
    """Claims that a party has and should not have, or should have and lacks."""
    for party in history.parties:
        slots = half_hours(history.zone, party.start, party.end)
        required = {f"s:{seat}:{slot}" for seat in party.held for slot in slots}
        counts = sum(claim.startswith("g:") for claim in party.claims)
        claims = {claim for claim in party.claims if not claim.startswith("g:")}
        for text in (
            *(f"has {claim}" for claim in sorted(claims - required)),
            *(f"lacks {claim}" for claim in sorted(required - claims)),
            *([f"counts {counts} times"] if counts != 1 else []),
        ):
            yield Harm("orphaned", history.fault_at(party.until), f"{party.id} {text}")


def _held(history: History) -> Iterator[Harm]:
    """Seats that are held for too long, and seats that went to no booking or to two seats'."""
    stored = {r.id: r for r in history.stored}
    for party in history.parties:
        bookings = [booking for booking in party.seats.values() if booking is not None]
        own = stored.get(party.own)
        for text in (
            *(f"went to {id}, which is not there" for id in bookings if id not in stored),
            *(["gave two seats to one booking"] if len({*bookings}) < len(bookings) else []),
            *(["is of no booking"] if own is None else []),
            *(["is held for longer"] if own and party.until > own.created_at + _HELD_FOR else []),
            *(["did not end"] if party.held and _is_over(history, party) else []),
        ):
            yield Harm("held", history.fault_at(party.until), f"{party.id} {text}")


def _is_over(history: History, party: StoredParty) -> bool:
    return history.parties_end is not None and party.until <= history.parties_end


def _untold(history: History) -> Iterator[Harm]:
    """Friends who came without a message to the asker."""
    stored = {r.id: r for r in history.stored}
    written = {(m.reservation, m.template, m.at) for m in history.messages}
    for party in history.parties:
        friends = [stored[id] for id in party.seats.values() if id is not None and id in stored]
        for r in friends:
            if (party.own, "ANSWER", r.created_at) not in written:
                text = f"{party.asker} of {r.id}, for {party.id}"
                yield Harm("untold", history.fault_at(r.created_at), text)


def _punished(history: History) -> Iterator[Harm]:
    """Violations for what nobody has booked, and askers who were refused another party although
    friends came."""
    stored = {r.id: r.reader for r in history.stored}
    stored |= {b.id: b.people[0] for b in history.rooms if b.state == "no_show"}
    for violation in history.violations:
        if stored.get(violation.reservation) != violation.reader:
            text = f"a violation of {violation.reader} for {violation.reservation}, not theirs"
            yield Harm("punished", "none", text)
    for o in history.operations:
        if o.refusal == "parties_refused" and o.answered_at is not None:
            ignored = [
                party
                for party in history.parties
                if party.asker == o.reader and not any(party.seats.values())
                if party.ended_at is not None and party.ended_at < o.answered_at + _CLOCKS
            ]
            if len(ignored) < _IGNORED:
                text = f"{o.reader} is refused a party after {len(ignored)} without friends"
                yield Harm("punished", history.fault_of(o), text)


def _turned_away(history: History) -> Iterator[Harm]:
    """Friends who were refused a seat that was held for them."""
    for o, party in _accepting(history):
        if o.answered_at is None or o.refusal not in ("seat_taken", "invitation_over"):
            continue
        wished = [o.requested[0]] if o.requested is not None else party.seats
        stop = min(party.until, party.ended_at or party.until) - _CLOCKS
        free = any(party.seats.get(seat) is None for seat in wished) and o.answered_at < stop
        if free or o.refusal == "seat_taken":
            text = f"{o.reader} may not accept a seat of {party.id}: {o.refusal}"
            yield Harm("refused_free", history.fault_of(o), text)
