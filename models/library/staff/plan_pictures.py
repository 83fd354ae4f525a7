"""Changes the picture under an area's plan, which is shown in the editor. Readers never see it."""

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
    """Stores, moves and removes the pictures under plans. ``version``: the version of the
    picture that the staff member's form showed, "" if it showed none. If the stored picture has
    another version, a change raises PictureChanged without effect."""

    def __init__(self, audit: AuditLog, pictures: PlanPictureRepository) -> None:
        self._audit, self._pictures = audit, pictures

    async def get(self, area_id: AreaId) -> PlanPicture | None:
        return await self._pictures.get(area_id)

    async def content(self, area_id: AreaId, digest: str) -> tuple[bytes, str] | None:
        """The bytes and media type of the area's picture; None unless it has this ``digest``."""
        return await self._pictures.content(area_id, digest)

    async def put(self, ctx: StaffContext, area: Area, version: str, file: PictureFile) -> None:
        """Stores the picture at the earlier picture's place; a first one is fitted to the plan."""
        async with self._change(ctx, area, version) as old:
            if old is None:
                written = await self._pictures.add(area.id, file, fitted(area, file))
            else:
                written = await self._pictures.replace(old, file)
            if not written:
                raise PictureChanged()

    async def move(self, ctx: StaffContext, area: Area, version: str, place: PicturePlace) -> None:
        async with self._change(ctx, area, version) as old:
            if old is None or not await self._pictures.move(old, place):
                raise PictureChanged()

    async def remove(self, ctx: StaffContext, area: Area, version: str) -> None:
        async with self._change(ctx, area, version) as old:
            if old is None or not await self._pictures.remove(old):
                raise PictureChanged()

    @asynccontextmanager
    async def _change(
        self, ctx: StaffContext, area: Area, version: str
    ) -> AsyncIterator[PlanPicture | None]:
        """A context manager for a change, with an audit entry. It checks that the present
        picture has the version ``version`` and yields it; the caller's write has to check the
        version again."""
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
    if picture is None:
        return {"picture": None, "picture_place": None}
    at = picture.place
    return {
        "picture": f"{picture.width} × {picture.height} ({picture.digest})",
        "picture_place": f"x {at.x}, y {at.y}, {at.width}, {at.opacity} %",
    }
