"""Judges bookings of rooms, as ``judge`` does those of seats.

A room with its buffer is of one booking, nobody is in two places, and what was answered is stored.
Nobody whose history is judged withdraws from a room.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import combinations
from typing import Final

from lab.history.harm import Harm, half_hours
from lab.history.records import History, Operation, StoredRoomBooking

_LIVE: Final = frozenset({"reserved", "in_use", "away", "offered"})
"""States of reservations of seats in which their readers are nowhere else."""
_EVENTS: Final = {
    "cancel": "cancel",
    "approve": "approve",
    "check_in": "check_in",
    "finish": "finish",
}
Stay = tuple[str, str, datetime, datetime]
"""A reservation's id and reader, and the start and end of a seat's use."""


def room_harm(history: History) -> list[Harm]:
    """All harm about rooms."""
    return [
        *_lost(history),
        *_doubles(history),
        *_orphaned(history),
        *_early(history),
        *_untold(history),
        *_refused_free(history),
    ]


def taken_twice(bookings: Sequence[StoredRoomBooking], stays: Sequence[Stay]) -> Iterator[str]:
    """Rooms that two bookings have at once, buffers included, and readers who are in two places,
    in words. ``stays``: the live reservations of seats."""
    holders = [(f"reader {reader}", start, end, id) for id, reader, start, end in stays]
    for b in bookings:
        if b.room_until is not None:
            holders.append((f"room {b.room}", b.start, b.room_until, b.id))
        if b.live:
            holders += [(f"reader {person}", b.start, b.end, b.id) for person in b.people]
    for (thing, start, end, id), (other, begin, stop, its) in combinations(holders, 2):
        if thing == other and start < stop and begin < end:
            yield f"{thing}: {id} and {its}"


def _lost(history: History) -> Iterator[Harm]:
    """Answered requests that are not stored."""
    there = {b.id: b for b in history.rooms}
    for o in history.room_operations:
        if o.promise is None:
            continue
        b = there.get(o.promise.id)
        event = _EVENTS.get(o.verb)
        if b is None:
            missing = "the booking"
        elif (b.room, b.start, b.end) != (o.promise.seat, o.promise.start, o.promise.end):
            missing = "room and time"
        elif o.verb in ("book", "confirm") and o.reader not in b.people:
            missing = "the person"
        elif event is not None and event not in {each.name for each in b.events}:
            missing = f"what was done, it is {b.state}"
        else:
            continue
        yield Harm("lost", history.fault_of(o), f"{missing}: {_said(o)} → {o.promise.id}")


def _doubles(history: History) -> Iterator[Harm]:
    """Rooms and readers that two bookings have in the end."""
    stays = [(r.id, r.reader, r.start, r.end) for r in history.stored if r.state in _LIVE]
    for text in taken_twice(history.rooms, stays) if history.rooms else ():
        yield Harm("doubles", "none", text)


def _orphaned(history: History) -> Iterator[Harm]:
    """Claims that a booking has and should not have, or should have and lacks."""
    for b in history.rooms:
        required = set[str]()
        if b.room_until is not None and b.start < b.room_until:
            slots = half_hours(history.zone, b.start, b.room_until)
            required |= {f"m:{b.room}:{slot}" for slot in slots}
        if b.live:
            slots = half_hours(history.zone, b.start, b.end)
            required |= {f"r:{person}:{slot}" for person in b.people for slot in slots}
        held = {claim for claim in b.claims if claim.startswith(("m:", "r:"))}
        counts = sum(claim.startswith("q:") for claim in b.claims)
        for text in (
            *(f"has {claim}" for claim in sorted(held - required)),
            *(f"lacks {claim}" for claim in sorted(required - held)),
            *([f"counts {counts} times"] if counts != _counted(b) else []),
        ):
            fault = history.fault_at(b.events[-1].at)
            yield Harm("orphaned", fault, f"{b.id} ({b.state}) {text}")


def _counted(b: StoredRoomBooking) -> int:
    """Returns 1 if the booking counts in its booker's week, else 0."""
    if b.state == "cancelled":
        return int(b.ended_at is not None and b.ended_at >= b.start)
    return int(b.state not in ("declined", "released"))


def _early(history: History) -> Iterator[Harm]:
    """Bookings that were released although enough people had confirmed, and no-shows before the
    deadline."""
    for b in history.rooms:
        enough = b.state == "released" and len(b.people) >= b.least
        before = b.ended_at is not None and b.ended_at < b.check_in_until
        if enough or (b.state == "no_show" and before):
            fault = history.fault_at(b.events[-1].at)
            yield Harm("early", fault, f"{b.id}: {b.state} with {len(b.people)} people")


def _untold(history: History) -> Iterator[Harm]:
    """Bookings whose people have not learned what became of them, although the jobs ran."""
    for b in history.rooms:
        if b.untold and history.parties_end is not None:
            yield Harm("untold", history.fault_at(b.events[-1].at), f"{b.id}: {b.state}")


def _refused_free(history: History) -> Iterator[Harm]:
    """Requests that were refused because of a room that nobody had, or because of another place
    of a reader who had none."""
    operations = [*history.operations, *history.room_operations] if history.rooms else ()
    for o in operations:
        if o.refusal == "own_overlap":
            there = [r.id for r in history.stored if r.reader == o.reader]
            there += [b.id for b in history.rooms if o.reader in b.people]
        elif o.refusal == "room_taken" and o.requested is not None:
            room, start, end = o.requested
            there = [
                b.id
                for b in history.rooms
                if b.room == room and b.start < end + b.buffer and start < b.end + b.buffer
            ]
        else:
            continue
        if not there:
            yield Harm("refused_free", history.fault_of(o), f"{_said(o)}: {o.refusal}")


def _said(o: Operation) -> str:
    return f"{o.verb} {o.target} by {o.reader}"
