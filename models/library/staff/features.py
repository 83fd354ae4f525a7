from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from models.identity.roles import Role
from models.kernel.errors import NotFound
from models.library.errors import FeaturesChanged
from models.library.feature_rules import check_features, moved_up, with_changed, with_new
from models.library.repository import CatalogRepository
from models.library.seat_features import SeatFeature, SeatFeatures
from models.reference_data import ReferenceData
from models.staff.audit import AuditAction, JsonObject
from models.staff.audit_log import AuditLog, StaffContext


class StaffSeatFeatures:
    """Adds, changes, orders, retires and restores the library's own seat features. After an error
    (FeaturesChanged, Malformed, NotFound) nothing has changed. ``reserved``: see
    ``check_features``."""

    def __init__(
        self, audit: AuditLog, catalogs: CatalogRepository, reference: ReferenceData
    ) -> None:
        self._audit, self._catalogs, self._reference = audit, catalogs, reference

    def get(self, id: str) -> SeatFeature:
        """Raises: NotFound."""
        feature = next((one for one in self._current.all if one.id == id), None)
        if feature is None:
            raise NotFound()
        return feature

    async def add(self, ctx: StaffContext, feature: SeatFeature, reserved: Collection[str]) -> None:
        """Adds the feature as the last one, with an id made from its names."""
        new = with_new(self._current, feature)
        check_features(new, reserved)
        await self._write(ctx, AuditAction.ADD_FEATURE, new, new.all[-1].id, None)

    async def change(
        self, ctx: StaffContext, feature: SeatFeature, reserved: Collection[str]
    ) -> None:
        """Changes names, icon and filter of the feature with this id."""
        new = with_changed(self._current, feature)
        check_features(new, reserved)
        await self._write(ctx, AuditAction.CHANGE_FEATURE, new, feature.id, self.get(feature.id))

    async def put_up(self, ctx: StaffContext, id: str) -> None:
        """Moves the feature before the one that precedes it."""
        old = self.get(id)
        new = moved_up(self._current, id)
        await self._write(ctx, AuditAction.CHANGE_FEATURE, new, id, old)

    async def set_retired(self, ctx: StaffContext, id: str, retired: bool) -> None:
        """Retires or restores the feature. Seats keep it in both cases."""
        old = self.get(id)
        new = with_changed(self._current, replace(old, retired=retired))
        check_features(new, ())
        action = AuditAction.RETIRE_FEATURE if retired else AuditAction.RESTORE_FEATURE
        await self._write(ctx, action, new, id, old)

    @property
    def _current(self) -> SeatFeatures:
        return self._reference.catalog.features

    async def _write(
        self,
        ctx: StaffContext,
        action: AuditAction,
        new: SeatFeatures,
        id: str,
        old: SeatFeature | None,
    ) -> None:
        ctx.require(None, Role.ADMINISTRATOR)
        before = self._facts(old) if old is not None else {}
        async with self._audit.entry(ctx, action, target=f"feature:{id}", before=before) as entry:
            if not await self._catalogs.replace_features(new):
                raise FeaturesChanged()
            await self._reference.refresh()
            entry.after = self._facts(self.get(id))

    def _facts(self, feature: SeatFeature) -> JsonObject:
        return {
            "position": self._current.all.index(feature) + 1,
            "names": ", ".join(f"{tag}: {name}" for tag, name in feature.names.items()),
            "icon": feature.icon,
            "filter": feature.filter,
            "retired": feature.retired,
        }
