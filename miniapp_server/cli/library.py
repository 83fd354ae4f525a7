from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import msgspec
from aiohttp import web

from handlers.http.keys import REFERENCE
from handlers.texts.wording import PLACEHOLDER_NAMES
from miniapp_server.cli.application import application, csv_rows
from miniapp_server.cli.command import CommandError, Env
from miniapp_server.clock import real_now
from miniapp_server.keys import RESOURCES
from miniapp_server.repositories import Repositories
from models.library.entities import Area, AreaId
from models.library.picture_upload import photo_in, picture_in
from models.library.rooms import Room, RoomRules
from models.policy.validation import without_deleted_venues
from models.profile.errors import ZoneFixed
from models.profile.logo import logo_of
from models.reader_groups.entities import ReaderGroup
from models.reference_data import ReferenceData
from models.transfer.errors import TransferError
from models.transfer.library_file import (
    FORMAT,
    CarriedPicture,
    CarriedRoomPicture,
    LibraryFile,
    from_text,
    to_text,
)
from models.transfer.repository import TransferRepository
from models.transfer.rules import check_library, check_rooms, named

_MOST_NOTICES = 1000
_ROOM_COLUMNS = {"id", "venue_id", "name", "floor", "least", "most"}


async def carry(env: Env, what: Literal["export", "import"], file: Path, replaces: bool) -> None:
    """Write the library to a new file, or import one from a file. ``replaces``: an import may
    replace the existing library. Raises: CommandError."""
    if what == "export":
        if replaces:
            raise CommandError("--replace is allowed only with import")
        await _export(env, file)
    else:
        await _import(env, file, replaces)


async def library_of(stored: Repositories, reference: ReferenceData) -> LibraryFile:
    catalog = reference.catalog
    areas = {area.id: area for area in catalog.known_areas}
    notices, _ = await stored.notices.all(0, _MOST_NOTICES)
    return LibraryFile(
        format=FORMAT,
        profile=reference.profile,
        venues=tuple(catalog.venues.values()),
        areas=tuple(areas.values()),
        policy=without_deleted_venues(reference.policy, catalog.venues),
        kiosks=(*catalog.kiosks.values(), *catalog.retired_kiosks.values()),
        gates=tuple(await stored.gates.all()),
        notices=tuple(sorted(notices, key=lambda notice: notice.id)),
        reader_groups=tuple(_carried(group, areas) for group in reference.groups.by_id.values()),
        canned_answers=tuple(await stored.canned_answers.all()),
        plan_pictures=tuple(
            CarriedPicture(picture.area_id, picture.place, file)
            for picture, file in await stored.plan_pictures.all_with_content()
            if picture.area_id in areas
        ),
        seat_features=catalog.features.all,
        rooms=tuple(_without_deleted_groups(r, reference) for r in reference.rooms.values()),
        room_pictures=await _room_pictures(stored, reference),
    )


async def _room_pictures(
    stored: Repositories, reference: ReferenceData
) -> tuple[CarriedRoomPicture, ...]:
    carried = []
    for room in reference.rooms.values():
        if room.picture is not None and (file := await stored.room_pictures.file(room.picture)):
            carried.append(CarriedRoomPicture(room.id, room.picture.alt, file))
    return tuple(carried)


def _without_deleted_groups(room: Room, reference: ReferenceData) -> Room:
    groups = tuple(sorted(reference.groups.known(room.rules.groups)))
    return replace(room, rules=replace(room.rules, groups=groups))


def _carried(group: ReaderGroup, areas: Mapping[AreaId, Area]) -> ReaderGroup:
    """The reader group for the file: without areas and seats that the file does not contain."""
    seats = {s.id for area in areas.values() for s in (*area.seats, *area.retired_seats)}
    return replace(group, areas=group.areas & areas.keys(), seats=group.seats & seats)


async def _export(env: Env, file: Path) -> None:
    async with application(env) as app:
        library = await library_of(app[RESOURCES].repositories, app[REFERENCE])
    text = to_text(library)
    try:
        with file.open("x", encoding="utf-8") as out:
            out.write(text)
    except FileExistsError as error:
        raise CommandError(f"{file} already exists: name another file") from error
    except OSError as error:
        raise CommandError(f"{file}: {error.strerror}") from error
    print(f"{file}: {_summary(library)}")


def _read(file: Path) -> LibraryFile:
    """Reads and parses the file of a library. Raises: CommandError."""
    try:
        return from_text(file.read_bytes())
    except OSError as error:
        raise CommandError(f"{file}: {error.strerror}") from error
    except TransferError as error:
        raise CommandError(f"{file}: {error}") from error


async def _import(env: Env, file: Path, replaces: bool) -> None:
    library, now = _read(file), real_now()
    async with application(env) as app:
        try:
            await take_in(app, library, replaces, now)
        except TransferError as error:
            raise CommandError(f"{file}: {error}") from error
    print(f"{file}: {_summary(library)}")
    print("New kiosks and gates get their keys in the console, under /console/devices.")


async def take_in(
    app: web.Application, library: LibraryFile, replaces: bool, now: datetime
) -> None:
    """Import the library, after checking all of it. ``replaces``: the import may replace the
    existing library. Raises: TransferError."""
    check_library(library, app[REFERENCE].profile, PLACEHOLDER_NAMES, now.year)
    library = _redrawn(library)
    try:
        await TransferRepository(app[RESOURCES].db).put(library, replaces, now)
    except ZoneFixed as error:
        zone = error.details["zone"]
        raise TransferError(
            f"profile.zone: the library has areas or bookings, so it stays {zone}"
        ) from error
    await app[REFERENCE].refresh()


async def add_rooms(env: Env, file: Path) -> None:
    """Add the rooms of a CSV file to the library, or replace those with the same ids. Raises:
    CommandError."""
    rows = csv_rows(file, _ROOM_COLUMNS)
    async with application(env) as app:
        library = await library_of(app[RESOURCES].repositories, app[REFERENCE])
        ids = {group.name: group.id for group in library.reader_groups}
        rooms = [_room_of(row, ids) for row in rows]
        others = {room.id: room for room in library.rooms} | {room.id: room for room in rooms}
        try:
            if len({room.id for room in rooms}) < len(rooms):
                raise TransferError("rooms: an id appears twice")
            check_rooms(replace(library, rooms=tuple(others.values())))
        except TransferError as error:
            raise CommandError(f"{file}: {error}") from error
        await app[RESOURCES].repositories.rooms.put(rooms)
    print(f"{file}: {len(rooms)} rooms")


def _room_of(row: Mapping[str, str], group_ids: Mapping[str, str]) -> Room:
    """The room of a row, whose columns are the fields of ``Room`` and ``RoomRules``. An empty
    cell stands for the default; 白板;投影仪 and 09:00-21:00 are equipment and hours. Groups are
    named; ``group_ids``: their ids by name. Raises: CommandError."""
    values: dict[str, Any] = {name: cell for name, cell in row.items() if name and cell}
    if "equipment" in values:
        values["equipment"] = values["equipment"].split(";")
    if "hours" in values:
        values["hours"] = [f"{clock}:00" for clock in values["hours"].split("-")]
    if "groups" in values:
        names = [name.strip() for name in values["groups"].split(";")]
        for name in names:
            if name not in group_ids:
                raise CommandError(f"room {values.get('id')}: no reader group {name}")
        values["groups"] = [group_ids[name] for name in names]
    rules = {f.name: values.pop(f.name) for f in fields(RoomRules) if f.name in values}
    if unknown := values.keys() - {f.name for f in fields(Room)}:
        raise CommandError(f"no room has {', '.join(sorted(unknown))}")
    try:
        return msgspec.convert({**values, "rules": rules}, Room, strict=False)
    except msgspec.ValidationError as error:
        raise CommandError(f"room {values.get('id')}: {error}") from error


def _redrawn(library: LibraryFile) -> LibraryFile:
    """The library with its logo and pictures reduced to their pixels, as uploads in the console
    are. Raises: TransferError."""
    profile, pictures = library.profile, list[CarriedPicture]()
    photos = list[CarriedRoomPicture]()
    if profile.logo:
        with named("profile"):
            profile = replace(profile, logo=logo_of(profile.logo))
    for picture in library.plan_pictures:
        with named(f"plan_pictures[{picture.area_id}]"):
            pictures.append(replace(picture, file=picture_in(picture.file.content)))
    for photo in library.room_pictures:
        with named(f"room_pictures[{photo.room_id}]"):
            photos.append(replace(photo, file=photo_in(photo.file.content)))
    return replace(
        library, profile=profile, plan_pictures=tuple(pictures), room_pictures=tuple(photos)
    )


def _summary(library: LibraryFile) -> str:
    seats = sum(len(area.seats) for area in library.areas)
    return (
        f"{len(library.venues)} venues, {len(library.areas)} areas, {seats} seats, "
        f"{len(library.kiosks)} kiosks, {len(library.gates)} gates, {len(library.notices)} notices"
    )
