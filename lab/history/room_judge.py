"""Judges bookings of rooms, as ``judge`` does those of seats.

A room with its buffer is of one booking, nobody is in two places, what was answered is stored and
told, and only who did not come is punished.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import combinations
from typing import Final

from lab.history.harm import Harm, half_hours
from lab.history.records import History, Operation, Promise, StoredRoomBooking
from lab.history.room_holders import held_twice

_LIVE: Final = frozenset({"reserved", "in_use", "away", "offered"})
"""States of reservations of seats in which their readers are nowhere else."""
_EVENTS: Final = {
    "cancel": "cancel",
    "approve": "approve",
    "decline": "decline",
    "check_in": "check_in",
    "finish": "finish",
}
_OPPOSITE: Final = {"book": "withdraw", "confirm": "withdraw", "withdraw": "confirm"}
Stay = tuple[str, str, datetime, datetime]
"""A reservation's id and reader, and the start and end of a seat's use."""


def room_harm(history: History) -> list[Harm]:
    """All harm about rooms."""
    return [
        *_lost(history),
        *_doubles(history),
        *_orphaned(history),
        *_early(history),
        *_punished(history),
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
        elif (b.room, b.start, b.end) not in _places_after(history, o, o.promise):
            missing = "room and time"
        elif o.verb in _OPPOSITE and not _takes_part(history, o, b.people):
            missing = "the person" if o.reader not in b.people else "the withdrawal"
        elif event is not None and event not in {each.name for each in b.events}:
            missing = f"what was done, it is {b.state}"
        else:
            continue
        yield Harm("lost", history.fault_of(o), f"{missing}: {_said(o)} → {o.promise.id}")


def _places_after(
    history: History, o: Operation, promise: Promise
) -> list[tuple[str, datetime, datetime]]:
    """The room and time of the answer, and those to which the booking may have been changed since
    the request."""
    since = [
        later.requested
        for later in history.room_operations
        if (later.verb, later.target) == ("change", promise.id)
        if later.answered_at is None or later.answered_at >= o.asked_at
        if not later.refusal or later.attempts > 1
    ]
    return [(promise.seat, promise.start, promise.end), *(to for to in since if to is not None)]


def _takes_part(history: History, o: Operation, people: Collection[str]) -> bool:
    """True if the people of the booking are as the answer says, or if its reader may have joined or
    withdrawn again. A request that was sent more than once can take effect at any later time, since
    it has no key."""
    if (o.reader in people) is (o.verb != "withdraw"):
        return True
    assert o.promise is not None
    return any(
        other.answered_at is None or other.answered_at > o.asked_at or other.attempts > 1
        for other in history.room_operations
        if (other.reader, other.target, other.verb) == (o.reader, o.promise.id, _OPPOSITE[o.verb])
        if not other.refusal or other.attempts > 1
    )


def _doubles(history: History) -> Iterator[Harm]:
    """Rooms and readers that two bookings have in the end, or had at some time before."""
    if not history.rooms:
        return
    stays = [(r.id, r.reader, r.start, r.end) for r in history.stored if r.state in _LIVE]
    for text in {*taken_twice(history.rooms, stays), *held_twice(history)}:
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
    return int(b.state not in ("declined", "released", "block"))


def _early(history: History) -> Iterator[Harm]:
    """Bookings that were released although enough people had confirmed, and no-shows before the
    deadline."""
    for b in history.rooms:
        enough = b.state == "released" and len(b.people) >= max(b.least, 1)
        before = b.ended_at is not None and b.ended_at < b.check_in_until
        if enough or (b.state == "no_show" and before):
            fault = history.fault_at(b.events[-1].at)
            yield Harm("early", fault, f"{b.id}: {b.state} with {len(b.people)} people")


def _punished(history: History) -> Iterator[Harm]:
    """People who got a violation although the rules excuse them, or although one of them scanned in
    time and was told nothing, or that it was too late. Violations for other bookings than no-shows
    are found with those of seats."""
    punished = {violation.reservation for violation in history.violations}
    missed = {b.id: b for b in history.rooms if b.state == "no_show" and b.id in punished}
    for b in missed.values():
        if b.excused:
            yield Harm("punished", history.fault_at(b.check_in_until), f"{b.id} is excused")
    deadlines = {
        o.promise.id: o.promise.check_in_until
        for o in history.room_operations
        if o.promise is not None and o.verb == "book"
    }
    for o in history.room_operations:
        in_time = o.target in deadlines and o.asked_at < deadlines[o.target]
        in_vain = o.verb == "check_in" and (o.unknown or o.refusal == "too_late")
        if in_time and in_vain and o.target in missed:
            text = f"a violation: {_said(o)} → {o.refusal or 'unknown'}"
            yield Harm("punished", history.fault_at(deadlines[o.target]), text)


def _untold(history: History) -> Iterator[Harm]:
    """Bookings whose people have not learned what became of them, although the jobs ran."""
    if history.parties_end is None:
        return
    told = {(m.reservation, m.reader, m.news) for m in history.messages}
    for b in history.rooms:
        people = b.people if b.untold else _not_told(b, told)
        if people:
            text = f"{b.id}: {b.state}, to {', '.join(people)}"
            yield Harm("untold", history.fault_at(b.events[-1].at), text)


def _not_told(b: StoredRoomBooking, told: Collection[tuple[str, str, str]]) -> Sequence[str]:
    """The people who have no message about the booking's present state and must have one: the
    booker of an approval and a no-show, the others of a cancellation, all of a refusal and a
    release."""
    approved = b.state == "reserved" and any(event.name == "approve" for event in b.events)
    concerned: Sequence[str] = ()
    if b.state == "no_show" or approved:
        concerned = b.people[:1]
    elif b.state == "cancelled":
        concerned = b.people[1:]
    elif b.state in ("declined", "released"):
        concerned = b.people
    return [person for person in concerned if (b.id, person, b.state) not in told]


def _refused_free(history: History) -> Iterator[Harm]:
    """Requests that were refused because of a room that nobody had, or because of another place
    of a reader who had none."""
    operations = [*history.operations, *history.room_operations] if history.rooms else ()
    joined = {(o.reader, o.target) for o in history.room_operations if o.verb == "confirm"}
    for o in operations:
        if o.refusal == "own_overlap":
            there = [r.id for r in history.stored if r.reader == o.reader]
            there += [b.id for b in history.rooms if o.reader in b.people]
            there += [b.id for b in history.rooms if (o.reader, b.id) in joined]
        elif o.refusal == "people_busy":
            people = {p for b in history.rooms if b.id == o.target for p in b.people[1:]}
            there = [r.id for r in history.stored if r.reader in people]
            there += [b.id for b in history.rooms if b.id != o.target and people & {*b.people}]
        elif o.refusal in ("room_taken", "series_does_not_fit") and o.requested is not None:
            room, start, end = o.requested
            buffer = max((b.buffer for b in history.rooms if b.room == room), default=timedelta())
            there = [
                id
                for id, other, begin, stop in history.room_places()
                if id != o.target or not id
                if other == room and begin < end + buffer and start < stop + buffer
            ]
        else:
            continue
        if not there:
            yield Harm("refused_free", history.fault_of(o), f"{_said(o)}: {o.refusal}")


def _said(o: Operation) -> str:
    return f"{o.verb} {o.target} by {o.reader}"
