"""What a trial of faults leaves: what readers asked and were told, and what is stored then."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class Told:
    """What a successful answer says of the reservation."""

    id: str
    state: str
    seat: str
    start: datetime
    end: datetime
    check_in_until: datetime


@dataclass(slots=True)
class Operation:
    """One tap of a reader, with all of its repetitions under one key.

    Its outcome is unknown until it is ``told`` or refused (``refusal`` is the code): it has
    happened at any time since it was asked, or not at all.
    """

    reader: str
    verb: str
    key: str
    target: str
    """The reservation that it is about; empty for a new one."""
    asked_at: datetime
    answered_at: datetime | None = None
    told: Told | None = None
    refusal: str = ""
    attempts: int = 0
    wanted: tuple[str, datetime, datetime] | None = None
    """Seat and time that were asked for."""
    undone: bool = False
    """The last attempt was answered as one that has failed, and had not happened by then."""

    @property
    def unknown(self) -> bool:
        return self.told is None and not self.refusal


@dataclass(frozen=True, slots=True)
class Probe:
    """A seat that was stored as free for a reader was asked for. ``refusal`` is empty if it was
    given."""

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
    """A reservation as a majority has it."""

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
    """Of the operations that succeeded, in their order."""
    events: tuple[Event, ...]
    outbox: int
    day: str = ""
    """The day of use."""
    wait_id: str | None = None
    """The waitlist entry for which it was offered."""


UNQUEUED: Final = "unqueued"


@dataclass(frozen=True, slots=True)
class Message:
    """A message to a reader about a moment of a reservation. ``state``: of its way by a channel, or
    ``UNQUEUED`` where its reader has asked for it and it was never queued. ``way``: which channel,
    and how often nobody knows what came of it."""

    reservation: str
    template: str
    at: datetime
    state: str
    way: str = ""


@dataclass(frozen=True, slots=True)
class Violation:
    reservation: str
    reader: str
    event: str


@dataclass(frozen=True, slots=True)
class Fault:
    """When what was broken. ``end`` is when it was mended."""

    name: str
    start: datetime
    end: datetime


@dataclass(slots=True)
class History:
    """All of a trial. Its faults follow one another."""

    faults: list[Fault] = field(default_factory=list)
    operations: list[Operation] = field(default_factory=list)
    probes: list[Probe] = field(default_factory=list)
    stored: Sequence[Stored] = ()
    messages: Sequence[Message] = ()
    violations: Sequence[Violation] = ()
    daily_limit: int | None = None
    """So many bookings a reader may have on a day; None where that is not known."""
    offers: Mapping[str, str | None] | None = None
    """What is held for each waitlist entry; None where nobody has looked."""

    def fault_at(self, instant: datetime) -> str:
        """The fault to which the instant belongs: the last that had begun."""
        begun = [fault.name for fault in self.faults if fault.start <= instant]
        return begun[-1] if begun else "none"

    def fault_of(self, operation: Operation) -> str:
        """The fault in which the operation was answered, or asked where it never was."""
        return self.fault_at(operation.answered_at or operation.asked_at)


def stored(document: Mapping[str, Any]) -> Stored:
    """A reservation from its document."""
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
    )


def told(body: Mapping[str, Any]) -> Told:
    """What a successful answer says."""
    start, end, until = (
        datetime.fromisoformat(body[name]) for name in ("start", "end", "check_in_until")
    )
    return Told(body["id"], body["state"], body["seat"]["id"], start, end, until)
