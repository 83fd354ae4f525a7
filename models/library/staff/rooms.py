from __future__ import annotations

from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import fields, replace

from models.affected_bookings.rooms import AffectedRooms
from models.identity.roles import Role
from models.kernel.errors import NotFound
from models.library.errors import RoomChanged
from models.library.names import check_names, names_text
from models.library.room_repository import RoomRepository
from models.library.rooms import LONGEST_ROOM_NAME, Room, RoomId, RoomPicture, RoomPlace, check_room
from models.reference_data import ReferenceData
from models.staff.audit import AuditAction, JsonObject
from models.staff.audit_log import AuditLog, StaffContext


class StaffStudyRooms:
    """Adds, changes, retires and restores study rooms. After an error (RoomChanged, VenueChanged,
    Malformed, OtherVenue) nothing has changed."""

    def __init__(
        self,
        audit: AuditLog,
        rooms: RoomRepository,
        reference: ReferenceData,
        affected: AffectedRooms,
    ) -> None:
        self._audit, self._rooms, self._reference = audit, rooms, reference
        self._affected = affected

    def get(self, id: str) -> Room:
        """The room, also a retired one. Raises: NotFound."""
        room = self._reference.rooms.get(RoomId(id))
        if room is None:
            raise NotFound()
        return room

    async def add(self, ctx: StaffContext, room: Room) -> None:
        """Adds the room. Its id is made with the form, so a form sent twice adds one room."""
        await self._write(ctx, (AuditAction.ADD_ROOM, None, room))

    async def change(
        self,
        ctx: StaffContext,
        old: Room,
        new: Room,
        action: AuditAction = AuditAction.CHANGE_ROOM,
        reason: str = "",
    ) -> None:
        """Replaces ``old``. Bookings keep the rules by which they were made. ``reason``: with it
        those are cancelled for which ``new`` is closed or retired; without one they stay."""
        await self._write(ctx, (action, old, replace(new, rev=old.rev + 1)), reason=reason)

    async def change_several(
        self, ctx: StaffContext, rooms: Sequence[tuple[Room | None, Room]]
    ) -> None:
        """Adds the new rooms, each without an old one, and replaces the old ones by the next
        revisions beside them: all or none."""
        actions = {True: AuditAction.ADD_ROOM, False: AuditAction.CHANGE_ROOM}
        await self._write(ctx, *((actions[old is None], old, new) for old, new in rooms))

    async def _write(
        self,
        ctx: StaffContext,
        *changes: tuple[AuditAction, Room | None, Room],
        reason: str = "",
    ) -> None:
        for _, _, new in changes:
            ctx.require(new.venue_id, Role.ADMINISTRATOR)
            check_room(new)
            check_names("names", new.names, LONGEST_ROOM_NAME)
        async with AsyncExitStack() as stack:
            entries = [
                await stack.enter_async_context(
                    self._audit.entry(
                        ctx,
                        action,
                        target=f"room:{new.id}",
                        reason=reason,
                        before=self._facts(old) if old is not None else {},
                    )
                )
                for action, old, new in changes
            ]
            rooms = [new for _, _, new in changes]
            affected = [
                booking
                for room in (rooms if reason else ())
                for booking in await self._affected.find_affected(ctx.now, room=room)
            ]
            if not await self._rooms.write(*rooms):
                raise RoomChanged()
            await self._reference.refresh()
            for entry, room in zip(entries, rooms, strict=True):
                entry.after = self._facts(room)
            if affected:
                done = await self._affected.cancel(affected, reason, ctx.actor, ctx.now)
                entry = entries[0]
                entry.after = {**entry.after, "cancelled": done.cancelled, "left": done.left}

    def _facts(self, room: Room) -> JsonObject:
        hours = [f"{clock:%H:%M}" for clock in room.hours or ()]
        rules = {field.name: getattr(room.rules, field.name) for field in fields(room.rules)}
        groups = self._reference.groups
        return {
            "name": room.name,
            "names": names_text(room.names),
            "venue": room.venue_id,
            "floor": room.floor,
            "least": room.least,
            "most": room.most,
            "equipment": "; ".join(room.equipment),
            "hours": "–".join(hours),
            **rules,
            "groups": "; ".join(groups.by_id[id].name for id in groups.known(room.rules.groups)),
            "room_picture": _picture_text(room.picture),
            "room_place": _place_text(room.place),
            "retired": room.retired,
        }


def _picture_text(picture: RoomPicture | None) -> str | None:
    if picture is None:
        return None
    return f"{picture.width} × {picture.height} ({picture.id}) {picture.alt}".rstrip()


def _place_text(place: RoomPlace | None) -> str | None:
    if place is None:
        return None
    return f"{place.area_id}: x {place.x}, y {place.y}, {place.w} × {place.h}"
