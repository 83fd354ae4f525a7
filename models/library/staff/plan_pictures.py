"""Changes of the picture that lies under an area's plan in the editor. Readers never see it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from models.identity.roles import Role
from models.library.entities import Area, AreaId
from models.library.errors import PictureChanged
from models.library.picture_repository import PlanPictureRepository
from models.library.plan_picture import PictureFile, PicturePlace, PlanPicture, fitted
from models.staff.audit import AuditAction, JsonObject
from models.staff.audit_log import AuditLog, StaffContext


class StaffPlanPictures:
    """``version`` is the one that the form was made from, empty where there was no picture. All
    raise PictureChanged where another one stands there; nothing has changed then."""

    def __init__(self, audit: AuditLog, pictures: PlanPictureRepository) -> None:
        self._audit, self._pictures = audit, pictures

    async def get(self, area_id: AreaId) -> PlanPicture | None:
        """The area's picture, if it has one."""
        return await self._pictures.get(area_id)

    async def content(self, area_id: AreaId, digest: str) -> tuple[bytes, str] | None:
        """The picture itself and its media type; None where the area has another one or none."""
        return await self._pictures.content(area_id, digest)

    async def put(self, ctx: StaffContext, area: Area, version: str, file: PictureFile) -> None:
        """The picture is the area's from now on; a new one lies where the old one did."""
        async with self._change(ctx, area, version) as old:
            if old is None:
                written = await self._pictures.add(area.id, file, fitted(area, file))
            else:
                written = await self._pictures.replace(old, file)
            if not written:
                raise PictureChanged()

    async def move(self, ctx: StaffContext, area: Area, version: str, place: PicturePlace) -> None:
        """The picture lies somewhere else, or is fainter."""
        async with self._change(ctx, area, version) as old:
            if old is None or not await self._pictures.move(old, place):
                raise PictureChanged()

    async def remove(self, ctx: StaffContext, area: Area, version: str) -> None:
        """The area has no picture any more."""
        async with self._change(ctx, area, version) as old:
            if old is None or not await self._pictures.remove(old):
                raise PictureChanged()

    @asynccontextmanager
    async def _change(
        self, ctx: StaffContext, area: Area, version: str
    ) -> AsyncIterator[PlanPicture | None]:
        """The picture of that version, which the block changes inside an entry. The version is
        compared once more where the change is written."""
        ctx.require(area.venue_id, Role.ADMINISTRATOR)
        old = await self._pictures.get(area.id)
        async with self._audit.entry(
            ctx, AuditAction.CHANGE_PICTURE, target=f"area:{area.id}", before=_facts(old)
        ) as entry:
            if (old.version if old else "") != version:
                raise PictureChanged()
            yield old
            entry.after = _facts(await self._pictures.get(area.id))


def _facts(picture: PlanPicture | None) -> JsonObject:
    """What the audit log keeps of it."""
    if picture is None:
        return {"picture": None, "picture_place": None}
    at = picture.place
    return {
        "picture": f"{picture.width} × {picture.height} ({picture.digest})",
        "picture_place": f"x {at.x}, y {at.y}, {at.width}, {at.opacity} %",
    }
