"""The bodies of webhook requests (docs/webhooks.md). The section ``webhooks`` of the OpenAPI
document is made from the same structs."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from models.kernel.ids import ReaderId
from models.kernel.zone import Zone
from models.readers.entities import Reader
from models.readers.personal_data_repository import ERASED_READER
from models.webhooks.entities import PING, WebhookEvent, WebhookEventType

_NAME_BYTES: Final = 16


class WebhookReader(msgspec.Struct):
    """A reader. `id` is a pseudonym, the same in all events to this endpoint, another at other
    endpoints. `student_no` and `name` are included if the library allows it for this endpoint."""

    id: str
    student_no: str | UnsetType = UNSET
    name: str | UnsetType = UNSET


class WebhookReservation(msgspec.Struct):
    """A reservation at the moment of the event. `reader` is null after erasure of the reader's
    data. `area_id` is null if the seat is on no floor plan any more. `change` says what changed:
    ``rebooked`` (seat or time, before the start), ``moved`` (seat, during the stay) or
    ``end_moved`` (the end). `how` says how it ended. `begin` is deprecated and equals `start`.
    `seat` is a label for people; `venue`, `floor`, `floor_name` (empty if the floor has no name
    of its own), `area` and `no` are the facts in it. They are absent for an unknown seat and in
    events that version 0.2.0 stored."""

    id: str
    reader: WebhookReader | None
    venue_id: str
    area_id: str | None
    seat_id: str
    seat: str
    start: datetime
    begin: Annotated[datetime, Meta(extra_json_schema={"deprecated": True})]
    end: datetime
    state: str
    checked_in_at: datetime | UnsetType = UNSET
    ended_at: datetime | UnsetType = UNSET
    change: Literal["rebooked", "moved", "end_moved"] | UnsetType = UNSET
    how: (
        Literal["finished", "completed", "cancelled", "cancelled_by_library", "leave_expired"]
        | UnsetType
    ) = UNSET
    venue: str | UnsetType = UNSET
    floor: int | UnsetType = UNSET
    floor_name: str | UnsetType = UNSET
    area: str | UnsetType = UNSET
    no: str | UnsetType = UNSET


class WebhookRoomBooking(msgspec.Struct):
    """A booking of a study room at the moment of the event. `reader`: who has made it; null after
    erasure of the reader's data. `people`: the number of those who have confirmed, that reader
    included. `state`: ``requested`` if the library has yet to answer. `change` says what changed:
    ``rebooked`` (room or time, before the start) or ``end_moved``. `how` says how it ended.
    `venue`, `floor`, `floor_name` (empty if the floor has no name of its own) and `room` are absent
    for an unknown room."""

    id: str
    reader: WebhookReader | None
    venue_id: str
    room_id: str
    start: datetime
    end: datetime
    state: str
    people: int
    checked_in_at: datetime | UnsetType = UNSET
    ended_at: datetime | UnsetType = UNSET
    change: Literal["rebooked", "end_moved"] | UnsetType = UNSET
    how: (
        Literal[
            "declined", "cancelled", "cancelled_by_library", "released", "finished", "completed"
        ]
        | UnsetType
    ) = UNSET
    venue: str | UnsetType = UNSET
    floor: int | UnsetType = UNSET
    floor_name: str | UnsetType = UNSET
    room: str | UnsetType = UNSET


class WebhookRoomBlock(msgspec.Struct):
    """A block of a study room, by which the library keeps it for an event of its own, at the moment
    of the event. `series`: the same for blocks that were made together. `how` says how it ended:
    ``cancelled`` before its start, or ``finished`` early, at `ended_at`. `venue`, `floor`,
    `floor_name` (empty if the floor has no name of its own) and `room` are absent for an unknown
    room."""

    id: str
    series: str
    venue_id: str
    room_id: str
    start: datetime
    end: datetime
    title: str
    ended_at: datetime | UnsetType = UNSET
    how: Literal["cancelled", "finished"] | UnsetType = UNSET
    venue: str | UnsetType = UNSET
    floor: int | UnsetType = UNSET
    floor_name: str | UnsetType = UNSET
    room: str | UnsetType = UNSET


class WebhookSuspension(msgspec.Struct):
    """A suspension from booking, from `since`. `until` is null if it lasts until staff end it."""

    id: str
    reader: WebhookReader | None
    since: datetime
    until: datetime | None


class WebhookArea(msgspec.Struct):
    """An area that was taken out of use or brought back into use. `area` is its full name.
    Events that version 0.2.0 stored have only the first three fields."""

    area_id: str
    venue_id: str
    area: str
    venue: str | UnsetType = UNSET
    floor: int | UnsetType = UNSET
    floor_name: str | UnsetType = UNSET


class WebhookSeason(msgspec.Struct):
    """What a reader has of a season from now on, or has no more. `kind`: ``seats`` or ``lockers``;
    `thing`: the seat's id or the locker's number; `first`, `last`: the days of the season."""

    reader: WebhookReader | None
    season_id: str
    season: str
    kind: Literal["seats", "lockers"]
    thing: str
    first: str
    last: str


class WebhookPing(msgspec.Struct):
    """The data of a test event that a staff member has sent."""

    message: str


DATA: Final[Mapping[WebhookEventType, type[msgspec.Struct]]] = {
    kind: shape
    for kind in WebhookEventType
    for beginning, shape in (
        ("reservation.", WebhookReservation),
        ("room_booking.", WebhookRoomBooking),
        ("room_block.", WebhookRoomBlock),
        ("suspension.", WebhookSuspension),
        ("season.", WebhookSeason),
        ("area.", WebhookArea),
    )
    if kind.startswith(beginning)
}
"""The struct of the body's ``data``, by type of event."""


def reader_name(reader_id: ReaderId, key: bytes) -> str:
    """A reader's pseudonym for one endpoint. The endpoint's ``key`` keeps receivers from trying all
    student numbers. Two receivers of the same events can still match readers by event ids."""
    return "rdr_" + hmac.digest(key, reader_id.encode(), "sha256")[:_NAME_BYTES].hex()


def body_of(zone: Zone, event: WebhookEvent, reader_key: bytes, reader: Reader | None) -> bytes:
    """The body of the event's request. ``reader`` is set only if the endpoint receives personal
    data; without it, only the pseudonym is included.

    `event.facts` have the names of the struct's fields, except that a reservation event stores only
    `begin`, never `start`: `start` is set here, and both are sent.
    """
    facts: dict[str, Any] = {
        name: zone.local(value) if isinstance(value, datetime) else value
        for name, value in event.facts.items()
        # None is left out, except where the struct has null: without an end, without a plan.
        if value is not None or name in ("until", "area_id")
    }
    shape = DATA[event.type]
    if shape is WebhookReservation:
        facts["start"] = facts["begin"]
    if shape not in (WebhookArea, WebhookRoomBlock):
        facts["reader"] = _reader(event.reader_id, reader_key, reader)
    return _encoded(zone, event.type.value, event.at, shape(**facts))


def ping(zone: Zone, now: datetime) -> bytes:
    """The body of a test event."""
    return _encoded(zone, PING, now, WebhookPing("test"))


def _encoded(zone: Zone, type: str, at: datetime, data: msgspec.Struct) -> bytes:
    return msgspec.json.encode({"type": type, "timestamp": zone.local(at), "data": data})


def _reader(id: ReaderId | None, key: bytes, reader: Reader | None) -> WebhookReader | None:
    if id is None or id == ERASED_READER:
        return None
    name = reader_name(id, key)
    if reader is None:
        return WebhookReader(name)
    opened = reader.decrypt()
    return WebhookReader(name, opened.student_no, opened.name)
