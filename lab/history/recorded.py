"""Turns recorded answers and stored reservations into calls on seats and readers, which the
order checker judges."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from math import inf
from typing import Final

from lab.history.order_checker import AT_THE_END, OPEN, Call, Disorder, Kind, check
from lab.history.records import Event, History, Operation, PartyEnd, Stored, StoredParty
from models.kernel.time_range import TimeRange
from models.kernel.zone import Zone

REFUSED_WITHIN_S: Final = 0.25
"""A refusal may rest on a state that is this many seconds older than the request
(docs/locking.md)."""
_CLOCK: Final = timedelta(seconds=10)
"""The most by which the service's clock, which is MongoDB's, can be ahead (docs/operations.md)."""
_HALF_A_DAY: Final = timedelta(hours=12)
_LIVE: Final = frozenset({"reserved", "in_use", "away", "offered"})
_ENDS: Final = {
    "cancel": Kind.CANCEL,
    "finish": Kind.FINISH,
    "complete": Kind.FINISH,
    "time_out": Kind.FINISH,
    "miss": Kind.CANCEL,
    "lapse": Kind.LAPSE,
}
_STEPS: Final = {
    "check_in": Kind.USE,
    "extend": Kind.EXTEND,
    "shorten": Kind.MOVE,
    "accept": Kind.ACCEPT,
}
_REFUSALS: Final = {"seat_taken": "seat", "own_overlap": "reader"}


@dataclass(frozen=True, slots=True)
class Place:
    """A seat and the half hours of one day, as bits."""

    seat: str
    day: str
    slots: int


@dataclass(frozen=True, slots=True)
class _Moment:
    """The span of seconds in which a call took effect. ``text``: who called. ``order``: its
    position among the booking's calls, if known."""

    begin: float
    end: float
    text: str
    order: int | None


def place(zone: Zone, seat: str, start: datetime, end: datetime) -> Place:
    """The place on the clock of claims, whose days all have 48 half hours."""
    slots = list(zone.half_hour_slots(TimeRange(start, end)))
    return Place(seat, slots[0][0].isoformat(), sum(1 << slot for _, slot in slots))


def disorders(history: History, *, one_clock: bool = True) -> list[Disorder]:
    """The days of seats and readers whose answers cannot have been given one after the other.

    ``one_clock``: the service's times and the times of readers' requests come from one clock.
    Without it nothing is concluded from the times of what the service did by itself.

    Raises: SearchTooLong.
    """
    return check(calls_of(history, one_clock=one_clock))


def calls_of(history: History, *, one_clock: bool = True) -> dict[str, list[Call]]:
    """The calls on each seat's day and each reader's day. If any booking crosses midnight, a day
    is from noon to noon."""
    in_rooms = {o.key for o in history.operations if _was_in_a_room(history, o)}
    history = _from_noon(history)
    calls: dict[str, list[Call]] = defaultdict(list)
    stored = {r.id: r for r in history.stored}
    by_key = {key: r for r in history.stored for key in r.keys}
    of_booking: dict[str, list[Operation]] = defaultdict(list)
    accepted = {
        booking: f"seat {seat} on {place(history.zone, seat, party.start, party.end).day}"
        for party in history.parties
        for seat, booking in party.seats.items()
        if booking is not None
    }
    effective = []
    for operation in history.operations:
        refused = () if operation.key in in_rooms else _refused(history.zone, operation)
        for thing, call in refused:
            calls[thing].append(call)
        if not operation.refusal:
            effective.append(operation)
        elif operation.key in by_key:
            # The first attempt, which seemed lost, arrived after the refusal of its repetition.
            effective.append(replace(operation, refusal="", answered_at=None))
    for operation in _merged(effective):
        made = operation.target
        if operation.promise is not None:
            made = operation.promise.id
        elif operation.key in by_key:
            made = by_key[operation.key].id
        r = stored.get(made)
        if operation.promise is not None or (r is not None and _happened(operation, r)):
            of_booking[made].append(operation)
    for id in {*of_booking, *stored}:
        r = stored.get(id)
        for thing, call in _life(history.zone, id, r, of_booking.get(id, ()), one_clock):
            if call.kind is Kind.TAKE and thing == accepted.get(id):
                del accepted[id]  # from here on it moves like any booking
                call = replace(call, kind=Kind.ACCEPT)
            calls[thing].append(call)
    for party in history.parties:
        begun = next((o for o in of_booking[party.own] if o.verb == "reserve"), None)
        for thing, call in _held(history, party, begun, one_clock):
            calls[thing].append(call)
    return calls


def _was_in_a_room(history: History, operation: Operation) -> bool:
    """True if the reader was refused a seat and may have been in a room at that time, which the
    judge of rooms looks at."""
    if operation.refusal != "own_overlap" or operation.requested is None:
        return False
    _, start, end = operation.requested
    own = (o for o in history.room_operations if o.reader == operation.reader and not o.refusal)
    there = {b.id for b in history.rooms if operation.reader in b.people}
    ids = there | {o.promise.id if o.promise is not None else o.target for o in own}
    times = [(id, begin, stop) for id, _, begin, stop in history.room_places() if id in ids]
    unknown = ids - {id for id, _, _ in times}
    return bool(unknown) or any(begin < end and start < stop for _, begin, stop in times)


def _held(
    history: History, party: StoredParty, begun: Operation | None, one_clock: bool
) -> Iterator[tuple[str, Call]]:
    """The calls of the party on its friends' seats. A seat that is accepted has been held for the
    friend's booking since the party was ``begun``, so that nobody can have it in between."""
    since = next((r.created_at for r in history.stored if r.id == party.own), party.until)
    hold = _moment(Event("hold", since), begun, party.asker, -1, one_clock)
    ending = _ending(party, history.party_ends.get(party.id), one_clock)
    for seat, booking in party.seats.items():
        target = place(history.zone, seat, party.start, party.end)
        thing, id = f"seat {seat} on {target.day}", booking or f"{party.id}/{seat}"
        yield thing, Call(Kind.OFFER, id, target.slots, hold.begin, hold.end, hold.text, -1)
        if booking is not None:
            continue
        if party.ended_at is None:
            end = AT_THE_END
            yield thing, Call(Kind.HELD_AT_THE_END, id, target.slots, end, end, "stored", 0)
        else:
            begin, end = ending.begin, ending.end
            yield thing, Call(Kind.LAPSE, id, 0, begin, end, ending.text, ending.order)


def _ending(party: StoredParty, request: PartyEnd | None, one_clock: bool) -> _Moment:
    """The span in which the party ended: at the end of its time by the service's clock, or before
    at its asker's request."""
    begin = (party.until - _CLOCK).timestamp() if one_clock else -inf
    if request is None:
        return _Moment(begin, OPEN, "the service: end of the party", 0)
    begin = min(begin, request.asked_at.timestamp())
    end = request.answered_at.timestamp() if request.answered_at is not None else OPEN
    return _Moment(begin, end, f"{party.asker} ends the party", 0)


def _from_noon(history: History) -> History:
    """The history with all times of use twelve hours earlier if any booking crosses midnight, so
    that each lies within one day; else the history unchanged."""
    times = [o.requested[1:] for o in history.operations if o.requested is not None]
    times += [(o.promise.start, o.promise.end) for o in history.operations if o.promise is not None]
    times += [(r.start, r.end) for r in history.stored]
    times += [(party.start, party.end) for party in history.parties]
    slots = (history.zone.half_hour_slots(TimeRange(start, end)) for start, end in times)
    if all(len({day for day, _ in touched}) == 1 for touched in slots):
        return history

    def earlier(operation: Operation) -> Operation:
        requested, promise = operation.requested, operation.promise
        if requested is not None:
            requested = requested[0], requested[1] - _HALF_A_DAY, requested[2] - _HALF_A_DAY
        if promise is not None:
            promise = replace(
                promise, start=promise.start - _HALF_A_DAY, end=promise.end - _HALF_A_DAY
            )
        return replace(operation, requested=requested, promise=promise)

    rows = [
        replace(
            r,
            start=r.start - _HALF_A_DAY,
            end=r.end - _HALF_A_DAY,
            available_from=r.available_from and r.available_from - _HALF_A_DAY,
        )
        for r in history.stored
    ]
    parties = [
        replace(party, start=party.start - _HALF_A_DAY, end=party.end - _HALF_A_DAY)
        for party in history.parties
    ]
    operations = [*map(earlier, history.operations)]
    return replace(history, operations=operations, stored=rows, parties=parties)


def _happened(operation: Operation, r: Stored) -> bool:
    """True if an operation without an answer has taken effect on the stored reservation."""
    if operation.verb == "accept":  # it has no key
        return any(event.name == "accept" for event in r.events)
    return operation.key in r.keys


def _merged(operations: Sequence[Operation]) -> Iterator[Operation]:
    """The operations with all sends of one key merged into one, which took effect before the
    first success was answered. Acceptances of one offer, which have no key, are merged as well."""
    by_key: dict[tuple[str, str], Operation] = {}
    for operation in operations:
        accepts = operation.verb == "accept" and operation.refusal == ""
        key = operation.key or (f"accept {operation.target}" if accepts else "")
        if not key:
            yield operation
            continue
        merged = by_key.setdefault((operation.reader, key), operation)
        if merged is not operation:
            answered = [o for o in (merged, operation) if o.promise and o.answered_at]
            first = min(answered, key=lambda o: o.answered_at or o.asked_at, default=merged)
            asked_at = min(merged.asked_at, operation.asked_at)
            by_key[operation.reader, key] = replace(first, asked_at=asked_at)
    yield from by_key.values()


def _refused(zone: Zone, operation: Operation) -> Iterator[tuple[str, Call]]:
    kind = _REFUSALS.get(operation.refusal)
    if kind is None or operation.requested is None or operation.answered_at is None:
        return
    target = place(zone, *operation.requested)
    thing = target.seat if kind == "seat" else operation.reader
    begin = operation.asked_at.timestamp() - REFUSED_WITHIN_S
    end = operation.answered_at.timestamp()
    call = Call(Kind.REFUSED, operation.target, target.slots, begin, end, operation.reader)
    yield f"{kind} {thing} on {target.day}", call


def _life(
    zone: Zone, id: str, r: Stored | None, operations: Sequence[Operation], one_clock: bool
) -> Iterator[tuple[str, Call]]:
    """All calls of one booking, in the order in which its reader made them."""
    reader = r.reader if r is not None else operations[0].reader
    keys = {key: number for number, key in enumerate(r.keys)} if r is not None else {}
    waiting = sorted(
        operations, key=lambda o: (keys.get(o.key, len(keys)), o.answered_at or o.asked_at)
    )
    events = list(r.events) if r is not None else []
    steps = [(event, _taken(waiting, event.name)) for event in _with_lost(events, waiting)]
    offered = next((o for o in operations if o.verb == "accept"), None)
    begins, now = _placed_from(steps), None
    for number, (event, mine) in enumerate(steps[begins:], start=begins):
        # An event that is not stored has no known position among the others.
        order = number if number < len(events) else None
        moment = _moment(event, mine, reader, order, one_clock)
        new = _place_after(zone, event, mine or offered, r, now)
        names = [event.name]
        if number == begins > 0:  # its place is known from here on; it may be in use
            names = ["reserve"]
            names += ["check_in"] if any(e.name == "check_in" for e, _ in steps[:begins]) else []
        for name in names:
            yield from _calls(id, reader, name, now, new, moment)
            now = new
    if r is not None and now is not None and r.state in _LIVE:
        slots = _early(zone, r) | place(zone, r.seat, r.start, r.end).slots
        held = Call(Kind.HELD_AT_THE_END, id, slots, AT_THE_END, AT_THE_END, "stored", len(events))
        yield f"seat {r.seat} on {now.day}", held
        yield f"reader {reader} on {now.day}", held


def _taken(waiting: list[Operation], verb: str) -> Operation | None:
    """Removes the first operation with this verb from ``waiting`` and returns it; None if there
    is none."""
    operation = next((o for o in waiting if o.verb == verb), None)
    if operation is not None:
        waiting.remove(operation)
    return operation


def _placed_from(steps: Sequence[tuple[Event, Operation | None]]) -> int:
    """The index of the step from which on the booking's place is known: its last move if the
    request for any move was not recorded, else the first step."""
    moves = [n for n, (event, _) in enumerate(steps) if event.name == "change"]
    return moves[-1] if any(steps[n][1] is None for n in moves) else 0


def _moment(
    event: Event, operation: Operation | None, reader: str, order: int | None, one_clock: bool
) -> _Moment:
    """The span in which the event took effect. Without an operation the service did it by
    itself."""
    if operation is None:
        begin = event.at.timestamp() if one_clock else -inf
        return _Moment(begin, OPEN, f"the service: {event.name}", order)
    answered = operation.answered_at if operation.promise is not None else None
    end = answered.timestamp() if answered is not None else OPEN
    begin = operation.asked_at.timestamp()
    return _Moment(begin, end, f"{reader} {operation.verb}", order)


def _with_lost(events: Sequence[Event], operations: Sequence[Operation]) -> Iterator[Event]:
    """The stored events, and an event for each acknowledged operation that left none."""
    counts: dict[str, int] = defaultdict(int)
    for event in events:
        counts[event.name] += 1
    lost = []
    for operation in operations:
        counts[operation.verb] -= 1
        if counts[operation.verb] < 0 and operation.promise is not None:
            lost.append(Event(operation.verb, operation.asked_at))
    all_events = [*events, *lost]
    first = [e for e in all_events if e.name in ("reserve", "hold")]
    yield from [*first, *(e for e in all_events if e not in first)]


def _place_after(
    zone: Zone, event: Event, operation: Operation | None, r: Stored | None, now: Place | None
) -> Place | None:
    """The booking's place after the event; None if it has ended."""
    if event.name in _ENDS:
        return None
    promise = operation.promise if operation is not None else None
    if event.name == "reserve" and promise is None and r is not None and _never_moved(r):
        return place(zone, r.seat, r.start, r.end)
    if operation is not None and event.name in ("reserve", "change", "extend", "shorten", "accept"):
        if event.name != operation.verb:
            return now
        requested = (
            (promise.seat, promise.start, promise.end)
            if promise is not None
            else operation.requested
        )
        if requested is not None:
            new = place(zone, *requested)
            return _until_the_end_of(new, now) if event.name == "shorten" else new
    if event.name == "change" and operation is None and r is not None:
        return place(zone, r.seat, r.start, r.end)
    if event.name == "hold" and operation is not None and operation.requested is not None:
        return place(
            zone, *operation.requested
        )  # as it was offered: it may have been extended since
    if event.name in ("reserve", "hold") and r is not None:
        return place(zone, r.seat, r.start, r.end)
    if event.name == "check_in" and r is not None and now is not None:
        return Place(now.seat, now.day, now.slots | _early(zone, r))
    return now


def _until_the_end_of(new: Place, now: Place | None) -> Place:
    """The half hours of ``now`` up to the end of ``new``: an earlier end keeps what a check-in
    has added before the start."""
    mask = (1 << new.slots.bit_length()) - 1
    return replace(new, slots=now.slots & mask) if now is not None else new


def _never_moved(r: Stored) -> bool:
    return not any(event.name in ("change", "extend", "shorten", "accept") for event in r.events)


def _early(zone: Zone, r: Stored) -> int:
    """The half hours before the booked start that a check-in has added, as bits."""
    if r.available_from is None or r.available_from >= r.start:
        return 0
    return place(zone, r.seat, r.available_from, r.start).slots


def _calls(
    id: str, reader: str, event: str, old: Place | None, new: Place | None, when: _Moment
) -> Iterator[tuple[str, Call]]:
    def call(kind: Kind, slots: int) -> Call:
        return Call(kind, id, slots, when.begin, when.end, when.text, when.order)

    if event in ("reserve", "hold") and new is not None:
        kind = Kind.TAKE if event == "reserve" else Kind.OFFER
        yield f"seat {new.seat} on {new.day}", call(kind, new.slots)
        yield f"reader {reader} on {new.day}", call(kind, new.slots)
    elif event == "change" and old is not None and new is not None:
        if (old.seat, old.day) == (new.seat, new.day):
            yield f"seat {new.seat} on {new.day}", call(Kind.MOVE, new.slots)
        else:
            yield f"seat {old.seat} on {old.day}", call(Kind.LEAVE_TO, 0)
            yield f"seat {new.seat} on {new.day}", call(Kind.TAKE, new.slots)
        yield f"reader {reader} on {new.day}", call(Kind.MOVE, new.slots)
    elif event in _STEPS and new is not None:
        yield f"seat {new.seat} on {new.day}", call(_STEPS[event], new.slots)
        yield f"reader {reader} on {new.day}", call(_STEPS[event], new.slots)
    elif event in _ENDS and old is not None:
        yield f"seat {old.seat} on {old.day}", call(_ENDS[event], 0)
        yield f"reader {reader} on {old.day}", call(_ENDS[event], 0)
