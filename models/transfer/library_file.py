"""A whole library as one JSON file: profile, venues, areas with plans and pictures, its own seat
features, study rooms, policy with opening hours, kiosks and gates without secrets, notices, reader
groups without members, and canned answers. It contains no readers or bookings. New entity fields
are included automatically."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass, replace
from typing import Any, Final

import msgspec

from models.feedback.entities import CannedAnswer
from models.gates.entities import Gate
from models.kernel.errors import Malformed
from models.library.entities import Area, AreaId, Kiosk, Seat, Venue
from models.library.plan_picture import PictureFile, PicturePlace
from models.library.rooms import Room, RoomId
from models.library.seat_features import SeatFeature
from models.notices.entities import Notice
from models.policy.entities import Policy
from models.policy.mapping import with_values_loaded
from models.profile.entities import LibraryProfile
from models.reader_groups.entities import ReaderGroup
from models.transfer.errors import TransferError

FORMAT: Final = 1
_NOT_CARRIED: Final[Mapping[type, frozenset[str]]] = {
    LibraryProfile: frozenset({"rev"}),
    Venue: frozenset({"rev"}),
    Room: frozenset({"rev", "picture"}),
    Area: frozenset({"rev", "removed_seats", "derived"}),
    Seat: frozenset({"area_id"}),
    Policy: frozenset({"version"}),
    Gate: frozenset({"last_seen_at", "complete_until", "clock_skew"}),
    Notice: frozenset({"rev"}),
    ReaderGroup: frozenset({"rev"}),
    CannedAnswer: frozenset({"rev"}),
}
"""The fields of each entity that the file omits: they have a meaning in one database only, or
follow from the entity's position in the file."""
_SHORT: Final = frozenset({Seat})
"""Entities whose fields with default values are omitted, since a library has thousands of them."""


@dataclass(frozen=True, slots=True)
class CarriedPicture:
    area_id: AreaId
    place: PicturePlace
    file: PictureFile


@dataclass(frozen=True, slots=True)
class CarriedRoomPicture:
    room_id: RoomId
    alt: str
    file: PictureFile


@dataclass(frozen=True, slots=True)
class LibraryFile:
    """The content of a library file. ``format`` increases if an older version could misread it."""

    format: int
    profile: LibraryProfile
    venues: tuple[Venue, ...]
    areas: tuple[Area, ...]
    policy: Policy
    kiosks: tuple[Kiosk, ...]
    gates: tuple[Gate, ...]
    notices: tuple[Notice, ...]
    reader_groups: tuple[ReaderGroup, ...] = ()
    canned_answers: tuple[CannedAnswer, ...] = ()
    plan_pictures: tuple[CarriedPicture, ...] = ()
    seat_features: tuple[SeatFeature, ...] = ()
    rooms: tuple[Room, ...] = ()
    room_pictures: tuple[CarriedRoomPicture, ...] = ()


def to_text(library: LibraryFile) -> str:
    """The text of the file; equal libraries give equal texts."""
    values = _values(library)
    return json.dumps(values, ensure_ascii=False, indent=1) + "\n"


def _values(value: Any) -> Any:
    if is_dataclass(value):
        kind = type(value)
        return {
            f.name: _values(getattr(value, f.name))
            for f in fields(value)
            if f.name not in _NOT_CARRIED.get(kind, ())
            and (kind not in _SHORT or f.default is MISSING or getattr(value, f.name) != f.default)
        }
    if isinstance(value, Mapping):
        return {str(key): _values(one) for key, one in value.items()}
    if isinstance(value, tuple):
        return [_values(one) for one in value]
    if isinstance(value, frozenset):
        return sorted(_values(one) for one in value)
    return msgspec.to_builtins(value)


def from_text(text: bytes) -> LibraryFile:
    """Parses a library file, without the checks of ``check_library``. Raises: TransferError."""
    try:
        values = msgspec.json.decode(text)
    except msgspec.DecodeError as error:
        raise TransferError(f"the file is not JSON: {error}") from error
    if not isinstance(values, dict) or values.get("format") != FORMAT:
        format_number = values.get("format") if isinstance(values, dict) else None
        raise TransferError(f"format: this version reads format {FORMAT}, not {format_number}")
    for area in values["areas"] if isinstance(values.get("areas"), list) else ():
        for name in ("seats", "retired_seats") if isinstance(area, dict) else ():
            for seat in area[name] if isinstance(area.get(name), list) else ():
                if isinstance(seat, dict):
                    seat["area_id"] = area.get("id")
    try:
        library = msgspec.convert(values, LibraryFile)
        policy = with_values_loaded(library.policy)
    except (msgspec.ValidationError, Malformed, ValueError, TypeError) as error:
        raise TransferError(str(error)) from error
    unknown = _unknown(values, library, "$")
    if unknown:
        raise TransferError(f"{unknown}: unknown to this version")
    areas = tuple(map(_own_seats_only, library.areas))
    return replace(library, areas=areas, policy=policy)


def _own_seats_only(area: Area) -> Area:
    return replace(area, removed_seats=(), rev=0)


def _unknown(sent: Any, read: Any, path: str) -> str:
    """The JSON path of the first field in ``sent`` that ``read`` (parsed) lacks; empty if none."""
    if is_dataclass(read) and isinstance(sent, dict):
        names = {f.name for f in fields(read)}
        for name, value in sent.items():
            if name not in names:
                return f"{path}.{name}"
            if path_of_field := _unknown(value, getattr(read, name), f"{path}.{name}"):
                return path_of_field
    elif isinstance(read, tuple) and isinstance(sent, list):
        for place, (value, one) in enumerate(zip(sent, read, strict=True)):
            if path_of_field := _unknown(value, one, f"{path}[{place}]"):
                return path_of_field
    return ""
