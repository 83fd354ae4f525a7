"""Review access: WeChat's reviewer of the mini-program signs in as a visitor by a one-time code."""

from __future__ import annotations

import secrets
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from models.identity.review_code_repository import ReviewCode, ReviewCodeRepository
from models.kernel.errors import Busy, NotFound
from models.kernel.ids import ReaderId
from models.readers.entities import Reader
from models.staff.audit import AuditAction
from models.staff.audit_log import AuditLog, StaffContext, instant_text

LIFETIME: Final = timedelta(days=30)
"""A review code is valid this long. A review takes days, and each new version is reviewed again."""
_SECRET_BYTES: Final = 16


@dataclass(frozen=True, slots=True)
class IssuedCode:
    """A new review code, which is shown once."""

    secret: str
    expires_at: datetime


class ReviewAccess:
    def __init__(self, audit: AuditLog, codes: ReviewCodeRepository) -> None:
        self._audit, self._codes = audit, codes

    async def latest(self, reader: Reader) -> ReviewCode | None:
        """The latest review code issued for this visitor, with its state; None if there is none."""
        return await self._codes.latest(reader.id) if reader.stay is not None else None

    async def issue(self, ctx: StaffContext, reader: Reader) -> IssuedCode:
        """Issues a review code for a visitor; an earlier unused one ends. Raises: NotFound if
        the reader is no visitor or the visit is over."""
        if reader.stay is None or reader.stay.last < ctx.zone.day(ctx.now):
            raise NotFound()
        issued = IssuedCode(secrets.token_urlsafe(_SECRET_BYTES), ctx.now + LIFETIME)
        async with self._audit.entry(ctx, AuditAction.ISSUE_REVIEW_CODE, reader=reader.id) as entry:
            entry.after = {"valid_until": instant_text(ctx.zone, issued.expires_at)}
            for _ in range(20):  # another administrator may issue one in between
                await self._codes.revoke(reader.id)
                if await self._codes.issue(reader.id, issued.secret, ctx.now, issued.expires_at):
                    return issued
            raise Busy()

    async def revoke(self, ctx: StaffContext, reader: Reader) -> None:
        """Ends the visitor's unused code. Raises: NotFound if there is none."""
        async with self._audit.entry(ctx, AuditAction.REVOKE_REVIEW_CODE, reader=reader.id):
            if not await self._codes.revoke(reader.id):
                raise NotFound()

    async def is_open(self, now: datetime) -> bool:
        """True if any valid review code has not been redeemed."""
        return await self._codes.is_any_live(now)

    async def reader_of(self, secret: str, now: datetime) -> ReaderId | None:
        """The visitor for whom this code was issued; None if invalid. Leaves the code unused."""
        return await self._codes.reader_of(secret, now)

    async def redeem(self, secret: str, now: datetime) -> ReaderId | None:
        """Redeems the code, with an audit entry. Returns the visitor's id; None if invalid."""
        reader_id = await self._codes.reader_of(secret, now)
        if reader_id is None:
            return None
        with suppress(NotFound):
            async with self._audit.entry_of_reader(reader_id, now, AuditAction.USE_REVIEW_CODE):
                redeemed = await self._codes.redeem(secret, now)
                if redeemed is None:
                    raise NotFound()
            return redeemed
        return None
