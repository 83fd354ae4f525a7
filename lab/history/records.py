"""The records of a trial of faults: requests, their answers, and what is stored in the end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from models.kernel.zone import Zone


@dataclass(frozen=True, slots=True)
class Promise:
    """The reservation as a successful answer describes it."""

    id: str
    state: str
    seat: str
    start: datetime
    end: datetime
    check_in_until: datetime


@dataclass(slots=True)
class Operation:
    """One tap of a reader, with all of its repetitions under one key.

    Its outcome is unknown until a success (``promise``) or a refusal (``refusal``, its code) is
    answered. Until then it may have taken effect at any time since ``asked_at``, or not at all.
    """

    reader: str
    verb: str
    key: str
    target: str
    """The id of the reservation that it changes, or of the party of which it accepts a seat; empty
    for another new reservation."""
    asked_at: datetime
    answered_at: datetime | None = None
    promise: Promise | None = None
    refusal: str = ""
    attempts: int = 0
    requested: tuple[str, datetime, datetime] | None = None
    """The requested seat, start and end."""
    undone: bool = False
    """True if the last attempt was answered as failed, and had not taken effect by then."""

    @property
    def unknown(self) -> bool:
        return self.promise is None and not self.refusal


@dataclass(frozen=True, slots=True)
class Probe:
    """A reader's request for a seat that was stored as free. ``refusal``: the code of the
    refusal; empty if the seat was given."""

    reader: str
    seat: str
    start: datetime
    refusal: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Event:
    """An entry of a reservation's history."""

    name: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Stored:
    """A reservation, read at majority."""

    id: str
    reader: str
    seat: str
    state: str
    created_at: datetime
    since: datetime
    start: datetime
    end: datetime
    available_from: datetime | None
    check_in_until: datetime
    ended_at: datetime | None
    claims: frozenset[str]
    keys: tuple[str, ...]
    """The keys of the operations that succeeded, in order."""
    events: tuple[Event, ...]
    outbox: int
    day: str = ""
    """The day of use."""
    wait_id: str | None = None
    """The id of the waitlist entry to which it was offered."""
    season: str | None = None
    """The season of whose holder it is a day; None if its reader has booked it."""


@dataclass(frozen=True, slots=True)
class StoredParty:
    """The seats that ``asker`` holds for friends, read at majority. ``own``: the id of the asker's
    booking. ``seats``: by seat, the friend's booking; None if nobody has accepted it."""

    id: str
    own: str
    asker: str
    start: datetime
    end: datetime
    until: datetime
    ended_at: datetime | None
    seats: Mapping[str, str | None]
    claims: frozenset[str]

    @property
    def held(self) -> Sequence[str]:
        """The seats that are held at present."""
        if self.ended_at is not None:
            return ()
        return [seat for seat, booking in self.seats.items() if booking is None]


@dataclass(frozen=True, slots=True)
class StoredApplicant:
    """An applicant of a drawn season, read at majority. ``thing``: what they have now; ``lost``:
    what they had until ``lost_at``, and ``reason`` says why."""

    reader: str
    rank: int
    wishes: tuple[str, ...]
    thing: str | None
    lost: str | None = None
    lost_at: datetime | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class StoredSeason:
    """A drawn season of seats, read at majority. ``written``: the day up to which the holders'
    days are reservations. ``applicants``: by rank."""

    id: str
    seats: tuple[str, ...]
    last: str
    written: str
    applicants: tuple[StoredApplicant, ...]


_ROOM_LIVE: Final = frozenset({"requested", "reserved", "in_use"})
_ROOM_USED: Final = frozenset({"finished", "completed"})


@dataclass(frozen=True, slots=True)
class StoredRoomBooking:
    """A booking of a room, read at majority. ``people``: the booker first. ``untold``: its people
    have yet to learn what has become of it. Without people it is a stay of the library's own, whose
    state is ``block``, or released once it was ended."""

    id: str
    room: str
    people: tuple[str, ...]
    state: str
    start: datetime
    end: datetime
    buffer: timedelta
    least: int
    check_in_until: datetime
    ended_at: datetime | None
    claims: frozenset[str]
    events: tuple[Event, ...]
    untold: bool
    excused: bool = False
    """True if a no-show is no violation by the rules."""

    @property
    def live(self) -> bool:
        return self.state in _ROOM_LIVE

    @property
    def room_until(self) -> datetime | None:
        """The end of the time in which nobody else can have the room, buffer included; None if it
        is free for others."""
        if self.live or self.state == "block":
            return self.end + self.buffer
        if self.state not in _ROOM_USED or not self.buffer:
            return None
        return min(self.ended_at or self.end, self.end) + self.buffer


@dataclass(slots=True)
class PartyEnd:
    """A request of an asker to end the own party, with its repetitions. ``answered_at``: None
    without an answer."""

    asked_at: datetime
    answered_at: datetime | None = None


UNQUEUED: Final = "unqueued"
UNKNOWN: Final = "unknown"


@dataclass(frozen=True, slots=True)
class Message:
    """A message to a reader by one channel, about one event of a reservation or of a booking of a
    room.

    ``state``: the state of its delivery; ``UNQUEUED`` if the reader asked for it and it was never
    queued, ``UNKNOWN`` if it was given up because it may have arrived. ``unknown``: the attempts
    before the last one that may have arrived. ``once``: after such an attempt it is not sent again.
    ``card``: by which the channel's other end counts it (``History.taken``); messages with the same
    content have the same one. ``news``: the state of the booking of a room that it tells of.
    """

    reservation: str
    template: str
    at: datetime
    state: str
    way: str = ""
    reader: str = ""
    news: str = ""
    unknown: int = 0
    once: bool = False
    card: str = ""


@dataclass(frozen=True, slots=True)
class Violation:
    reservation: str
    reader: str
    event: str


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault that happened. ``start``: when it broke; ``end``: when it was mended."""

    name: str
    start: datetime
    end: datetime


@dataclass(slots=True)
class History:
    """The whole record of a trial. Its faults follow one another. `zone`: the library's."""

    zone: Zone
    faults: list[Fault] = field(default_factory=list)
    operations: list[Operation] = field(default_factory=list)
    probes: list[Probe] = field(default_factory=list)
    stored: Sequence[Stored] = ()
    messages: Sequence[Message] = ()
    taken: Mapping[str, int] | None = None
    """How often the channels' other ends have taken each card; None if they were not asked."""
    violations: Sequence[Violation] = ()
    parties: Sequence[StoredParty] = ()
    parties_end: datetime | None = None
    """No party whose time was over by then holds a seat any more; None if nobody ends parties."""
    party_ends: dict[str, PartyEnd] = field(default_factory=dict)
    """The requests to end parties, by the party's id."""
    rooms: Sequence[StoredRoomBooking] = ()
    seasons: Sequence[StoredSeason] = ()
    written_until: str | None = None
    """At least up to this day, or a season's last one, its holders' days are written; None if
    nobody writes them."""
    room_operations: list[Operation] = field(default_factory=list)
    """The requests about rooms, also those of the desk. They have no idempotency key in the
    service. The target is the booking, and the seat of a promise is the room."""
    daily_limit: int | None = None
    """At most this many bookings a reader may have on a day; None if the limit is not known."""
    offers: Mapping[str, str | None] | None = None
    """The offer of each waitlist entry, by the entry's id; None if offers were not recorded."""
    answered_ids: dict[str, datetime] = field(default_factory=dict)
    """When each id first stood in an answer to the library's readers."""

    def fault_at(self, instant: datetime) -> str:
        """The last fault that had begun by the instant; "none" before the first."""
        begun = [fault.name for fault in self.faults if fault.start <= instant]
        return begun[-1] if begun else "none"

    def room_places(self) -> Iterator[tuple[str, str, datetime, datetime]]:
        """Each booking of a room with each room and time that it has or may have had, before a
        change of it: id, room, start and end."""
        for b in self.rooms:
            yield b.id, b.room, b.start, b.end
        for o in self.room_operations:
            # A repetition may be refused although the first attempt has taken effect.
            if o.requested is not None and (not o.refusal or o.attempts > 1):
                yield (o.promise.id if o.promise is not None else o.target), *o.requested

    def fault_of(self, operation: Operation) -> str:
        """The fault during which the operation was answered, or asked if it has no answer."""
        return self.fault_at(operation.answered_at or operation.asked_at)


def stored(document: Mapping[str, Any]) -> Stored:
    """Reads a reservation from its document."""
    return Stored(
        id=document["_id"],
        reader=document["reader"],
        seat=document["seat"],
        state=document["state"],
        created_at=document["created_at"],
        since=document["placed_at"],
        start=document["start"],
        end=document["end"],
        available_from=document["available_from"],
        check_in_until=document["check_in_until"],
        ended_at=document["ended_at"],
        claims=frozenset(document["claims"]),
        keys=tuple(replay["key"] for replay in document["idempotency_results"]),
        events=tuple(Event(entry["event"], entry["at"]) for entry in document["history"]),
        outbox=len(document["outbox"]),
        day=document["day"],
        wait_id=document.get("wait"),
        season=document.get("season"),
    )


def stored_party(document: Mapping[str, Any]) -> StoredParty:
    """Reads a party from its document."""
    return StoredParty(
        id=document["_id"],
        own=document["_id"].partition(":")[0],
        asker=document["asker"],
        start=document["start"],
        end=document["end"],
        until=document["until"],
        ended_at=document["ended_at"],
        seats={each["seat"]: each["booking"] for each in document["seats"]},
        claims=frozenset(document["claims"]),
    )


def stored_season(
    document: Mapping[str, Any], applications: Iterable[Mapping[str, Any]]
) -> StoredSeason:
    """Reads a drawn season from its document and those of all applications."""
    own = [row for row in applications if row["season"] == document["_id"]]
    return StoredSeason(
        id=document["_id"],
        seats=tuple(one["id"] for one in document["given"]),
        last=document["last"],
        written=document["written"],
        applicants=tuple(_applicant(row) for row in sorted(own, key=lambda row: row["rank"])),
    )


def _applicant(row: Mapping[str, Any]) -> StoredApplicant:
    lost = row.get("lost") or {"thing": None, "at": None, "reason": ""}
    had = lost["thing"], lost["at"], lost["reason"]
    who = row["reader"], row["rank"], tuple(row["wishes"])
    return StoredApplicant(*who, row.get("thing"), *had)


def stored_room_booking(document: Mapping[str, Any]) -> StoredRoomBooking:
    """Reads a booking of a room, or a stay of the library's own, from its document."""
    if document["state"] == "block":
        document = {
            **document,
            "people": (),
            "room_state": "block" if document["ended_at"] is None else "released",
            "least": 0,
            "check_in_until": document["end"],
            "news_due": False,
            "excused": False,
        }
    return StoredRoomBooking(
        id=document["_id"],
        room=document["room"],
        people=tuple(document["people"]),
        state=document["room_state"],
        start=document["start"],
        end=document["end"],
        buffer=timedelta(minutes=document["buffer"]),
        least=document["least"],
        check_in_until=document["check_in_until"],
        ended_at=document["ended_at"],
        claims=frozenset(document["claims"]),
        events=tuple(Event(entry["event"], entry["at"]) for entry in document["history"]),
        untold=document["news_due"] or document.get("changed_from") is not None,
        excused=document["excused"],
    )


def promise_of(body: Mapping[str, Any]) -> Promise:
    """Reads the reservation from the body of a successful answer."""
    return _promise(body, body["id"], body["seat"])


def room_promise_of(body: Mapping[str, Any], id: str) -> Promise:
    """Reads the booking of a room from the body of a successful answer. ``id``: the booking's, if
    the answer does not name it. Without a deadline of check-in the start stands for it."""
    return _promise({"check_in_until": body["start"], **body}, body.get("id", id), body["room"])


def _promise(body: Mapping[str, Any], id: str, place: Mapping[str, Any]) -> Promise:
    start, end, until = (
        datetime.fromisoformat(body[name]) for name in ("start", "end", "check_in_until")
    )
    return Promise(id, body["state"], place["id"], start, end, until)


def message_about(id: str, reservation: str | None) -> tuple[str, str] | None:
    """The id of the reservation or of the booking of a room that a message is about, and the state
    of such a booking, which stands in the message's ``id``. None if it is about neither."""
    if reservation is not None:
        return reservation, ""
    booking, _, rest = id.partition(":")
    return (booking, rest.split(":")[1]) if id.endswith(":room") else None
