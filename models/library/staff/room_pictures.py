from __future__ import annotations

from dataclasses import replace

from models.identity.roles import Role
from models.kernel.errors import DomainError
from models.library.plan_picture import PictureFile
from models.library.room_picture_repository import RoomPictureRepository
from models.library.rooms import Room, RoomPicture
from models.library.staff.rooms import StaffStudyRooms
from models.staff.audit_log import StaffContext
from models.storage.mongo import new_id


class StaffRoomPictures:
    """Sets and removes the pictures of study rooms. A picture's content is stored before the room
    names it, and the one before is deleted afterwards: a room never names a picture that is not
    there. Raise: RoomChanged, Malformed, OtherVenue, when the room stays as it is."""

    def __init__(self, rooms: StaffStudyRooms, pictures: RoomPictureRepository) -> None:
        self._rooms, self._pictures = rooms, pictures

    async def put(self, ctx: StaffContext, old: Room, file: PictureFile, alt: str) -> None:
        ctx.require(old.venue_id, Role.ADMINISTRATOR)
        picture = RoomPicture(new_id(), file.width, file.height, alt)
        await self._pictures.add(picture.id, old.id, file)
        try:
            await self._rooms.change(ctx, old, replace(old, picture=picture))
        except DomainError:
            await self._pictures.remove(picture.id)
            raise
        if old.picture is not None:
            await self._pictures.remove(old.picture.id)

    async def describe(self, ctx: StaffContext, old: Room, picture: RoomPicture, alt: str) -> None:
        """Changes the words of the room's ``picture``."""
        await self._rooms.change(ctx, old, replace(old, picture=replace(picture, alt=alt)))

    async def remove(self, ctx: StaffContext, old: Room) -> None:
        await self._rooms.change(ctx, old, replace(old, picture=None))
        if old.picture is not None:
            await self._pictures.remove(old.picture.id)
