"""Judges a trial of faults by its history alone: it compares what readers were promised with what
is stored.

The judge shares no code with the store. It finds double bookings by their times, never by the
claims that should prevent them. It compares claims with the reservation's own times, by half hours
that it counts itself.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence, Set
from datetime import datetime, timedelta
from itertools import pairwise, permutations
from typing import Final

from lab.history.harm import Harm, half_hours
from lab.history.party_judge import party_harm
from lab.history.records import (
    UNKNOWN,
    UNQUEUED,
    History,
    Message,
    Operation,
    Promise,
    Stored,
)
from lab.history.room_judge import room_harm
from lab.history.season_judge import season_harm
from models.kernel.zone import Zone

_UNHEARD: Final = timedelta(minutes=2)
"""At most this long a request can be under way. A reservation whose reader got no answer is
there by then."""
_LIVE: Final = frozenset({"reserved", "in_use", "away", "offered"})
_WITHOUT_KEY: Final = frozenset({"accept"})
_SCANS: Final = frozenset({"check_in", "return"})
_OWN_REASON: Final = frozenset({"other_in_use"})
"""Refusals of a check-in because of what its reader does elsewhere."""
_PRESENT: Final = frozenset({"in_use", "away"})
_NOT_THERE: Final = frozenset({"reserved", "cancelled", "no_show"})
_TELLS: Final = {
    "reserve": "RESERVED",
    "change": "RESERVED",
    "check_in": "CHECKED_IN",
    "leave": "LEAVE",
    "return": "CHECKED_IN",
    "extend": "CHECKED_IN",
    "shorten": "CHECKED_IN",
    "finish": "ENDED",
    "complete": "ENDED",
    "miss": "NO_SHOW",
    "time_out": "LEAVE_TIMEOUT",
}
"""The message template that each event of a reservation's history must produce. Other events
produce no message."""


_SENT_AGAIN: Final = 2
"""A message that may have arrived is sent again so often (docs/delivery.md)."""


def judge(history: History) -> list[Harm]:
    """All harm in the history, kind by kind, except "disorder", which ``disorders`` finds."""
    return [
        *_lost(history),
        *_doubles(history),
        *_orphaned(history),
        *_overbooked(history),
        *_held(history),
        *_untold(history),
        *_repeated(history),
        *_punished(history),
        *_early(history),
        *_refused_free(history),
        *_late(history),
        *party_harm(history),
        *room_harm(history),
        *season_harm(history),
    ]


def crossed(histories: Sequence[History]) -> list[Harm]:
    """Readers and reservations of one library that appear at another one: in its database, or in
    an answer to its readers. The histories are of libraries in the same processes."""
    return [
        Harm("crossed", here.fault_at(at), f"{id} is another library's, but {place}")
        for here, other in permutations(histories, 2)
        for ids in [
            {o.reader for o in other.operations}
            | {r.id for r in other.stored}
            | {b.id for b in other.rooms}
        ]
        for id, at, place in _appearances(here)
        if id in ids
    ]


def _appearances(history: History) -> Iterator[tuple[str, datetime, str]]:
    """Each id with the time and the place at which the library has it."""
    for id, at in history.answered_ids.items():
        yield id, at, "stands in an answer"
    for r in history.stored:
        yield r.reader, r.since, f"has the reservation {r.id}"
    for b in history.rooms:
        for person in b.people:
            yield person, b.events[0].at, f"has the booking {b.id} of a room"
    for m in history.messages:
        yield m.reservation, m.at, f"has the message {m.template}"


def _lost(history: History) -> Iterator[Harm]:
    """Acknowledged operations that are not stored: the reservation is missing, or the
    operation's key is, or its effect contradicts the answer."""
    there = {r.id: r for r in history.stored}
    by_target: dict[str, list[Operation]] = defaultdict(list)
    for operation in history.operations:
        by_target[operation.target].append(operation)
    for operation in history.operations:
        promise = operation.promise
        if promise is None:
            continue
        reservation = there.get(promise.id)
        if reservation is None:
            missing = "the reservation"
        elif operation.verb not in _WITHOUT_KEY and operation.key not in reservation.keys:
            missing = "the operation"
        elif contradiction := _contradiction(
            by_target[reservation.id], operation, promise, reservation
        ):
            missing = contradiction
        else:
            continue
        yield Harm("lost", history.fault_of(operation), f"{missing}: {_said(operation)}")


def _contradiction(
    same: Sequence[Operation], operation: Operation, promise: Promise, reservation: Stored
) -> str | None:
    """Describes how the stored reservation contradicts the answer to the operation; None if it
    does not, or if a later operation may have changed it. ``same``: all operations on the
    reservation."""
    later = [
        other
        for other in same
        if other is not operation
        if other.answered_at is None or other.answered_at > operation.asked_at
    ]
    if any(other.promise is not None or other.unknown for other in later):
        return None  # a later operation may have changed it
    place = (promise.seat, promise.start, promise.end)
    if place != (reservation.seat, reservation.start, reservation.end):
        return f"seat and time, which are {reservation.seat} from {reservation.start:%H:%M}"
    if promise.state not in _LIVE and promise.state != reservation.state:
        return f"its end: it is {reservation.state}"
    if promise.state in _PRESENT and reservation.state in _NOT_THERE:
        return f"the presence: it is {reservation.state}"
    return None


def _doubles(history: History) -> Iterator[Harm]:
    """Pairs of reservations that have one seat, or one reader, at the same time.

    A reservation counts from when its reader was answered until they asked to give it back: a
    request that was under way for long may have waited for the end of another reservation.
    """
    confirmed_at, given_back_at = dict[str, datetime](), dict[str, datetime]()
    checked_in_at: dict[str, datetime] = {}
    for operation in history.operations:
        promise, at = operation.promise, operation.answered_at
        if promise is not None and at is not None and operation.verb in ("reserve", "change"):
            confirmed_at[promise.id] = at
        if promise is not None and at is not None and operation.verb == "check_in":
            checked_in_at[promise.id] = at
        if operation.verb in ("cancel", "finish") and not operation.refusal:
            given_back_at.setdefault(operation.target, operation.asked_at)
    taken: dict[str, list[tuple[datetime, datetime, Stored]]] = defaultdict(list)
    for r in history.stored:
        there = confirmed_at.get(r.id, r.since + _UNHEARD)
        start = max(r.start, there)
        if r.available_from is not None and r.id in checked_in_at:
            start = min(start, max(r.available_from, checked_in_at[r.id]))
        stop = min(r.end, r.ended_at or r.end, given_back_at.get(r.id, r.end))
        if start < stop:
            taken[f"seat {r.seat}"].append((start, stop, r))
            taken[f"reader {r.reader}"].append((start, stop, r))
    for thing, spans in taken.items():
        spans.sort(key=lambda span: span[:2])
        for (_, stop, first), (start, _, second) in pairwise(spans):
            if start < stop:
                fault = history.fault_at(max(first.since, second.since))
                yield Harm("doubles", fault, f"{thing}: {first.id} and {second.id}")


def _orphaned(history: History) -> Iterator[Harm]:
    """Claims that a reservation has and should not have, or should have and lacks."""
    for r in history.stored:
        required = frozenset[str]()
        if r.state in _LIVE:
            required |= _claims(history.zone, r, r.start, r.end)
        if r.state in _PRESENT:
            required |= {f"u:{r.reader}"}
        held = {claim for claim in r.claims if claim.startswith(("s:", "r:", "u:"))}
        early = set[str]()
        if r.available_from is not None and r.available_from < r.start and r.state in _LIVE:
            early |= _claims(history.zone, r, r.available_from, r.start)
        counts = sum(claim.startswith("n:") for claim in r.claims)
        for text in (
            *(f"has {claim}" for claim in sorted(held - required - early)),
            *(f"lacks {claim}" for claim in sorted(required - r.claims)),
            *([f"counts {counts} times"] if counts != _counted(r) else []),
        ):
            fault = history.fault_at(r.events[-1].at)
            yield Harm("orphaned", fault, f"{r.id} ({r.state}) {text}")


def _claims(zone: Zone, r: Stored, start: datetime, end: datetime) -> Set[str]:
    """The claims to the seat and to the reader's time from ``start`` to ``end``."""
    slots = half_hours(zone, start, end)
    return {f"{claim}:{slot}" for slot in slots for claim in (f"s:{r.seat}", f"r:{r.reader}")}


def _overbooked(history: History) -> Iterator[Harm]:
    """Readers with more bookings on a day than the daily limit allows."""
    counted: dict[tuple[str, str], list[Stored]] = defaultdict(list)
    for r in history.stored:
        if _counted(r):
            counted[r.reader, r.day].append(r)
    for (reader, day), rows in counted.items():
        if history.daily_limit is not None and len(rows) > history.daily_limit:
            fault = history.fault_at(max(r.since for r in rows))
            yield Harm("overbooked", fault, f"{reader} has {len(rows)} bookings on {day}")


def _held(history: History) -> Iterator[Harm]:
    """Seats that are held for no reader: the waitlist entry has ended, or does not name the
    offer."""
    for r in history.stored:
        if r.state == "offered" and history.offers is not None:
            offer = history.offers.get(r.wait_id or "")
            if offer != r.id:
                text = f"{r.id}: its entry {r.wait_id} has {offer or 'no offer'}"
                yield Harm("held", history.fault_at(r.since), text)


def _counted(r: Stored) -> int:
    """Returns 1 if the reservation counts among the day's bookings, else 0. Offers do not count,
    nor do days of seasons, nor reservations that were cancelled before they began."""
    if r.state in ("offered", "offer_expired") or r.season is not None:
        return 0
    return int(r.state != "cancelled" or (r.ended_at is not None and r.ended_at >= r.start))


def _untold(history: History) -> Iterator[Harm]:
    """Events without their message, outboxes that were never emptied, messages that failed
    although the channel would have taken them, and messages that count as sent and never
    arrived."""
    written = {(m.reservation, m.template, m.at) for m in history.messages}
    for r in history.stored:
        for event in r.events:
            template = _TELLS.get(event.name)
            if event.name == "reserve" and r.season is not None:
                continue  # a job has written the day, as its holder expects
            if template is not None and (r.id, template, event.at) not in written:
                yield Harm("untold", history.fault_at(event.at), f"{r.id}: {event.name}")
        if r.outbox:
            yield Harm("untold", history.fault_at(r.events[-1].at), f"{r.id}: {r.outbox} notices")
    arrived = _arrived(history)
    present = {(b.id, b.state) for b in history.rooms}
    for m in history.messages:
        if m.state == UNQUEUED and m.news and (m.reservation, m.news) not in present:
            continue  # it was no longer true when the job came back to it
        if m.state in ("failed", UNQUEUED):
            problem = m.state
        elif m.state == "sent" and arrived is not None and arrived[m.card] < 0:
            problem = "sent, and never arrived"
        elif m.state == UNKNOWN and not (
            m.once or m.unknown >= _SENT_AGAIN or (arrived is not None and arrived[m.card] > 0)
        ):
            problem = f"given up after {m.unknown + 1} attempts, and never arrived"
        else:
            continue
        yield Harm("untold", history.fault_at(m.at), f"{_message_said(m)} {problem}")


def _arrived(history: History) -> Counter[str] | None:
    """How often each card has arrived beyond the messages that count as sent; None if the other
    ends were not asked."""
    if history.taken is None:
        return None
    arrived = Counter(history.taken)
    arrived.subtract(m.card for m in history.messages if m.card and m.state == "sent")
    return arrived


def _repeated(history: History) -> Iterator[Harm]:
    """Messages that arrived although no attempt to send them was left whose outcome was
    unknown."""
    cards: dict[str, list[Message]] = defaultdict(list)
    for m in history.messages:
        cards[m.card].append(m)
    for card, count in (history.taken or {}).items():
        same = cards.get(card, [])
        if same and count > sum(1 + m.unknown for m in same):
            text = f"{_message_said(same[0])} arrived {count} times"
            yield Harm("repeated", history.fault_at(same[0].at), text)


def _message_said(m: Message) -> str:
    return f"{m.reservation}: {m.template} ({m.way}, unknown {m.unknown})"


def _punished(history: History) -> Iterator[Harm]:
    """Readers who scanned in time, and were nevertheless refused, marked as a no-show or given a
    violation."""
    there = {r.id: r for r in history.stored}
    punished = {violation.reservation for violation in history.violations}
    deadlines = {r.id: r.check_in_until for r in history.stored} | {
        o.promise.id: o.promise.check_in_until for o in history.operations if o.promise is not None
    }
    in_time = [
        o
        for o in history.operations
        if o.verb == "check_in" and o.target in there and o.asked_at < deadlines[o.target]
    ]
    # By key, since a tap that was sent twice has more than one answer; and the last tap, since the
    # answer with the reason may be lost, and the reader is told to tap again.
    elsewhere = {o.key for o in in_time if o.refusal in _OWN_REASON}
    last = {o.target: o.key for o in in_time}
    reported = set[str]()
    for operation in in_time:
        if operation.target in reported or elsewhere & {operation.key, last[operation.target]}:
            continue
        reservation, deadline = there[operation.target], deadlines[operation.target]
        # The booking ended before the service answered: without a violation it cost nothing.
        over = operation.answered_at is not None and operation.answered_at >= reservation.end
        for harm in (
            "no show" if reservation.state == "no_show" and not over else "",
            "a violation" if reservation.id in punished else "",
            "too late" if operation.refusal == "too_late" else "",
        ):
            if harm:
                reported.add(operation.target)
                fault = history.fault_at(deadline)
                yield Harm("punished", fault, f"{harm}: {_said(operation)}")
                break


def _early(history: History) -> Iterator[Harm]:
    """Reservations that the service ended by itself before they were due."""
    for r in history.stored:
        due = {"completed": r.end, "no_show": r.check_in_until}.get(r.state)
        if due is not None and r.ended_at is not None and r.ended_at < due:
            text = f"{r.id}: {r.state} at {r.ended_at:%H:%M}, due at {due:%H:%M}"
            yield Harm("early", history.fault_at(r.ended_at), text)


def _refused_free(history: History) -> Iterator[Harm]:
    """Refusals of a seat that was free, for a reader who had no other booking at that time."""
    for probe in history.probes:
        if probe.refusal:
            beside = [
                f"{r.id} of {r.reader}, {r.state}"
                for r in history.stored
                if probe.reader == r.reader or probe.seat == r.seat
                if r.start < probe.start + timedelta(hours=1) and probe.start < r.end
                if r.ended_at is None or r.ended_at >= probe.at
            ]
            text = f"{probe.seat} at {probe.start:%H:%M} for {probe.reader}: {probe.refusal}"
            others = "; ".join(beside) or "nothing"
            yield Harm("refused_free", history.fault_at(probe.at), f"{text} (there was {others})")


def _late(history: History) -> Iterator[Harm]:
    """Operations that were refused on repetition, or reported as failed, and are stored
    nevertheless, because an attempt arrived afterwards. The refusal of a repeated scan is no harm:
    the code is checked before the key, and may have expired by then.
    """
    by_key = {key: r for r in history.stored for key in r.keys}
    for o in history.operations:
        refused = o.refusal and o.attempts > 1 and o.verb not in _SCANS
        if (refused or o.undone) and o.key in by_key:
            yield Harm("late", history.fault_of(o), f"{_said(o)}, but {by_key[o.key].id} has it")


def _said(operation: Operation) -> str:
    promise = operation.promise
    state = promise.state if promise is not None else operation.refusal or "unknown"
    return (
        f"{operation.verb} {operation.target or (promise.id if promise else '')} "
        f"by {operation.reader} ({operation.attempts} attempts from "
        f"{operation.asked_at:%H:%M:%S}) → {state}"
    )
