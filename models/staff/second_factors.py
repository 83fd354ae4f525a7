from __future__ import annotations

from collections.abc import Awaitable, Callable

from models.identity.roles import Role
from models.identity.second_factor_repository import SecondFactorRepository
from models.kernel.errors import NotFound
from models.kernel.ids import ReaderId
from models.readers.entities import Reader
from models.staff.audit import AuditAction
from models.staff.audit_log import AuditLog, StaffContext


class StaffSecondFactors:
    def __init__(
        self,
        audit: AuditLog,
        factors: SecondFactorRepository,
        sign_out: Callable[[ReaderId], Awaitable[None]],
    ) -> None:
        """``sign_out`` ends all sessions of a reader."""
        self._audit, self._factors, self._sign_out = audit, factors, sign_out

    async def has(self, reader: Reader) -> bool:
        return await self._factors.of(reader.id) is not None

    async def reset(self, ctx: StaffContext, reader: Reader, reason: str) -> None:
        """Removes the staff member's second factor and signs them out everywhere; they set up a
        new one at the next sign-in. Raises: NotFound if they have none."""
        ctx.require(None, Role.ADMINISTRATOR)
        async with self._audit.entry(
            ctx, AuditAction.RESET_SECOND_FACTOR, reader=reader.id, reason=reason
        ):
            if not await self._factors.remove(reader.id):
                raise NotFound()
            await self._sign_out(reader.id)
