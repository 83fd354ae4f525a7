"""Changes of the picture that lies under an area's plan in the editor. Readers never see it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from models.identity.roles import Role
from models.library.entities import Area, AreaId
from models.library.errors import PictureChanged
from models.library.picture_repository import PlanPictureRepository
from models.library.plan_picture import PictureFile, PicturePlace, PlanPicture, fitted
from models.staff.audit import AuditAction, JsonObject
from models.staff.audit_log import AuditedOperation, AuditLog, StaffContext, as_it_is


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

        async def change(old: PlanPicture | None) -> bool:
            if old is None:
                return await self._pictures.add(area.id, file, fitted(area, file))
            return await self._pictures.replace(old, file)

        await self._record(ctx, area, version, change)

    async def move(self, ctx: StaffContext, area: Area, version: str, place: PicturePlace) -> None:
        """Put the picture somewhere else, or make it fainter."""

        async def change(old: PlanPicture | None) -> bool:
            return old is not None and await self._pictures.move(old, place)

        await self._record(ctx, area, version, change)

    async def remove(self, ctx: StaffContext, area: Area, version: str) -> None:
        """Take it away."""

        async def change(old: PlanPicture | None) -> bool:
            return old is not None and await self._pictures.remove(old)

        await self._record(ctx, area, version, change)

    async def _record(
        self,
        ctx: StaffContext,
        area: Area,
        version: str,
        change: Callable[[PlanPicture | None], Awaitable[bool]],
    ) -> None:
        ctx.require(area.venue_id, Role.ADMINISTRATOR)
        old = await self._pictures.get(area.id)

        async def work() -> JsonObject:
            # The version is compared once more where it is written.
            if (old.version if old else "") != version or not await change(old):
                raise PictureChanged()
            return _facts(await self._pictures.get(area.id))

        operation = AuditedOperation(
            AuditAction.CHANGE_PICTURE, f"area:{area.id}", None, "", _facts(old)
        )
        await self._audit.record(ctx, operation, work, as_it_is)


def _facts(picture: PlanPicture | None) -> JsonObject:
    """What the audit log keeps of it."""
    if picture is None:
        return {"picture": None, "picture_place": None}
    at = picture.place
    return {
        "picture": f"{picture.width} × {picture.height} ({picture.digest})",
        "picture_place": f"x {at.x}, y {at.y}, {at.width}, {at.opacity} %",
    }
