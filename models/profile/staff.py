from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, replace

from models.identity.roles import Role
from models.profile.entities import LibraryProfile, SetupProgress, SetupStep, StepMark
from models.profile.errors import ProfileChanged, SetupChanged
from models.profile.repository import ProfileRepository
from models.profile.rules import check_profile
from models.reference_data import ReferenceData
from models.staff.audit import AuditAction, JsonObject
from models.staff.audit_log import AuditLog, StaffContext


class StaffProfile:
    def __init__(
        self, audit: AuditLog, profiles: ProfileRepository, reference: ReferenceData
    ) -> None:
        self._audit, self._profiles, self._reference = audit, profiles, reference

    async def change(
        self,
        ctx: StaffContext,
        old: LibraryProfile,
        new: LibraryProfile,
        placeholders: Collection[str],
    ) -> None:
        """Replaces the library's profile ``old`` by ``new``. ``placeholders``: the names of
        policy values that its texts may contain. Raises: Malformed; ProfileChanged if another
        change came first; ZoneFixed if the time zone would change and there is an area or a
        booking. After an error nothing has changed."""
        ctx.require(None, Role.ADMINISTRATOR)
        check_profile(new, placeholders)
        async with self._audit.entry(
            ctx, AuditAction.CHANGE_PROFILE, target="profile", before=_changed(old, new)
        ) as entry:
            if not await self._profiles.save(replace(new, rev=old.rev + 1)):
                raise ProfileChanged()
            await self._reference.refresh()
            entry.after = _changed(new, old)

    async def begin_setup(self, ctx: StaffContext) -> None:
        """Begins the first run. Raises: SetupChanged if it has begun already."""
        await self._go_on(ctx, 0, "begun")

    async def mark_step(self, ctx: StaffContext, rev: int, step: SetupStep, mark: StepMark) -> None:
        """Marks a step of the first run as done or to be done later. Raises: SetupChanged if
        another change came first (``rev`` is not the stored one)."""
        await self._go_on(ctx, rev, mark.value, step, mark)

    async def finish_setup(self, ctx: StaffContext, rev: int) -> None:
        """Ends the first run. Raises: SetupChanged if ``rev`` is no longer the stored one."""
        await self._go_on(ctx, rev, "all_done", finished=True)

    async def _go_on(
        self,
        ctx: StaffContext,
        rev: int,
        mark_text: str,
        step: SetupStep | None = None,
        mark: StepMark | None = None,
        finished: bool = False,
    ) -> None:
        ctx.require(None, Role.ADMINISTRATOR)
        async with self._audit.entry(ctx, AuditAction.SET_UP, target="setup") as entry:
            before = await self._profiles.setup()
            marks = {**before.marks, **({step: mark} if step and mark else {})}
            after = SetupProgress(marks, before.finished or finished, rev + 1)
            # Compared with the revision of the caller's page, not with the one just read.
            if before.rev != rev or not await self._profiles.save_setup(after):
                raise SetupChanged()
            await self._reference.refresh()
            entry.after = ({"step": step.value} if step else {}) | {"mark": mark_text}


def _changed(one: LibraryProfile, other: LibraryProfile) -> JsonObject:
    """For the audit log: the values of ``one`` that differ from ``other``; a logo by file name."""
    mine, theirs = asdict(one), asdict(other)
    changed = {name: v for name, v in mine.items() if v != theirs[name] and name != "rev"}
    if "logo" in changed:
        changed["logo"] = one.logo_name
    if "contact" in changed:
        changed["contact"] = "\n".join(one.contact)
    return changed
