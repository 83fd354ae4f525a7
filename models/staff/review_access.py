"""Review access: how somebody at WeChat who reviews the mini-program gets in, without a campus
account. A visitor stands for them, and a code of 30 days binds one WeChat user to that visitor."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from models.identity.review_code_repository import ReviewCode, ReviewCodeRepository
from models.kernel.errors import NotFound, Overloaded
from models.kernel.ids import ReaderId
from models.kernel.time_range import local_date
from models.readers.entities import Reader
from models.staff.audit import AuditAction
from models.staff.audit_log import AuditedOperation, AuditLog, StaffContext, instant_text, nothing

LIFETIME: Final = timedelta(days=30)
"""A review takes days, and another version is reviewed again."""
_SECRET_BYTES: Final = 16


@dataclass(frozen=True, slots=True)
class IssuedCode:
    """What is shown once."""

    secret: str
    expires_at: datetime


class ReviewAccess:
    """Issues review codes, takes them back, and lets their one user in."""

    def __init__(self, audit: AuditLog, codes: ReviewCodeRepository) -> None:
        self._audit, self._codes = audit, codes

    async def latest(self, reader: Reader) -> ReviewCode | None:
        """What became of the visitor's last code."""
        return await self._codes.latest(reader.id) if reader.stay is not None else None

    async def issue(self, ctx: StaffContext, reader: Reader) -> IssuedCode:
        """A code for the visitor, in the place of a live one. Raises: NotFound where the visit is
        over, or it is no visitor."""
        if reader.stay is None or reader.stay.last < local_date(ctx.now):
            raise NotFound()

        async def work() -> IssuedCode:
            issued = IssuedCode(secrets.token_urlsafe(_SECRET_BYTES), ctx.now + LIFETIME)
            for _ in range(20):  # somebody else may issue one between the two
                await self._codes.revoke(reader.id)
                if await self._codes.issue(reader.id, issued.secret, ctx.now, issued.expires_at):
                    return issued
            raise Overloaded()

        return await self._audit.record(
            ctx, _operation(AuditAction.ISSUE_REVIEW_CODE, reader.id), work, _until
        )

    async def revoke(self, ctx: StaffContext, reader: Reader) -> None:
        """Take the code back that nobody has used. Raises: NotFound where there is none."""

        async def work() -> None:
            if not await self._codes.revoke(reader.id):
                raise NotFound()

        operation = _operation(AuditAction.REVOKE_REVIEW_CODE, reader.id)
        await self._audit.record(ctx, operation, work, nothing)

    async def is_open(self, now: datetime) -> bool:
        """Whether a code waits for its one user."""
        return await self._codes.is_any_live(now)

    async def reader_of(self, secret: str, now: datetime) -> ReaderId | None:
        """Whose live code it is. Uses nothing up."""
        return await self._codes.reader_of(secret, now)

    async def redeem(self, secret: str, now: datetime) -> ReaderId | None:
        """Use the code up, with an entry in the visitor's name. None where it is none, or somebody
        was faster."""
        reader_id = await self._codes.reader_of(secret, now)
        if reader_id is None:
            return None

        async def work() -> ReaderId:
            redeemed = await self._codes.redeem(secret, now)
            if redeemed is None:
                raise NotFound()
            return redeemed

        operation = _operation(AuditAction.USE_REVIEW_CODE, reader_id)
        try:
            return await self._audit.record_of_reader(reader_id, now, operation, work)
        except NotFound:
            return None


def _operation(action: AuditAction, reader_id: ReaderId) -> AuditedOperation:
    return AuditedOperation(action, f"reader:{reader_id}", reader_id)


def _until(issued: IssuedCode) -> Mapping[str, object]:
    return {"valid_until": instant_text(issued.expires_at)}
