"""Reads the demo library's files and writes what is missing of them to the database."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from pathlib import Path
from typing import Any, Final

import msgspec

from miniapp_server.repositories import Repositories
from models.gates.entities import Gate, GateId
from models.kiosks.keys import new_key, new_secret
from models.library.entities import (
    Area,
    AreaId,
    Fixture,
    Kiosk,
    KioskId,
    Seat,
    SeatId,
    Venue,
    VenueId,
)
from models.library.rooms import Room
from models.notices.entities import Notice
from models.policy.entities import Policy
from models.profile.entities import LibraryProfile
from models.reference_data import ReferenceData

DATA: Final = Path(__file__).parent / "demo_library"

UPPER_FLOORS_MAX_MINUTES: Final = 360


class SeedError(Exception):
    """The files of the demo library cannot be read; the text is one line."""


@dataclass(frozen=True, slots=True)
class LibraryData:
    profile: Mapping[str, Any]
    """The library's names; all other fields of its profile keep their defaults."""
    venue: Venue
    areas: tuple[Area, ...]
    kiosks: tuple[Kiosk, ...]
    rooms: tuple[Room, ...]
    gates: tuple[Gate, ...]
    notices: tuple[Notice, ...]


def read(folder: Path = DATA) -> LibraryData:
    """Reads the demo library: library.json and one plan for each area. Raises: SeedError."""
    try:
        zone = LibraryProfile().clock
        top = json.loads((folder / "library.json").read_text(encoding="utf-8"))
        venue = Venue(VenueId(top["venue"]["id"]), top["venue"]["name"])
        areas = tuple(_area(folder, venue, order, a) for order, a in enumerate(top["areas"]))
        kiosks = tuple(
            Kiosk(KioskId(k["id"]), venue.id, k["name"], k["kind"]) for k in top["kiosks"]
        )
        rooms = tuple(
            msgspec.convert({**room, "venue_id": venue.id}, Room) for room in top["rooms"]
        )
        notices = tuple(
            Notice(
                id=n["id"],
                title=n["title"],
                body="\n".join(n["body"]),
                published_at=zone.instant(date.fromisoformat(n["published"]), time(8)),
                pinned=n["pinned"],
            )
            for n in top["notices"]
        )
        gates = tuple(Gate(GateId(g["id"]), venue.id, g["name"]) for g in top["gates"])
        return LibraryData(top["profile"], venue, areas, kiosks, rooms, gates, notices)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SeedError(f"cannot read the library in {folder}: {error!r}") from error


def _area(folder: Path, venue: Venue, order: int, head: dict[str, Any]) -> Area:
    plan = json.loads((folder / "plans" / f"{head['id']}.json").read_text(encoding="utf-8"))
    area_id = AreaId(head["id"])
    return Area(
        id=area_id,
        venue_id=venue.id,
        name=head["name"],
        floor=head["floor"],
        order=order,
        width=plan["width"],
        height=plan["height"],
        seats=tuple(_seat(area_id, seat) for seat in plan["seats"]),
        fixtures=tuple(Fixture(**mark) for mark in plan["marks"]),
    )


def _seat(area_id: AreaId, seat: dict[str, Any]) -> Seat:
    properties = {name: value for name, value in seat.items() if name != "no"}
    return Seat(
        id=SeatId(f"{area_id}-{seat['no']}"), area_id=area_id, number=seat["no"], **properties
    )


def default_policy(data: LibraryData) -> Policy:
    """Version 1 of the demo library's policy: areas above the second floor allow longer stays."""
    longer = {
        area.id: {"max_minutes": UPPER_FLOORS_MAX_MINUTES} for area in data.areas if area.floor > 2
    }
    return Policy(version=1, areas=longer)


async def seed(
    stored: Repositories, reference: ReferenceData, data: LibraryData, now: datetime
) -> tuple[dict[str, str], dict[str, str]]:
    """Writes what is missing of the demo library. Returns new keys of kiosks and gates, by id."""
    if await stored.profiles.load() is None:
        await stored.profiles.add_missing(replace(reference.default_profile, **data.profile))
    await stored.gates.put(data.gates)
    await stored.catalogs.add_missing([data.venue], data.areas, data.kiosks, data.rooms)
    await stored.policies.add_missing(default_policy(data), now)
    for notice in data.notices:
        await stored.notices.add(notice)
    fresh: dict[str, str] = {}
    for kiosk in data.kiosks:
        if await stored.kiosks.kiosk_secret(kiosk.id) is None:
            fresh[kiosk.id] = new_key()
            await stored.kiosks.issue_kiosk_key(kiosk.id, fresh[kiosk.id], new_secret(), now)
    gates: dict[str, str] = {}
    for gate in data.gates:
        if await stored.gates.key(gate.id) is None:
            gates[gate.id] = new_key()
            await stored.gates.issue_key(gate.id, gates[gate.id])
    await reference.refresh()
    return fresh, gates
