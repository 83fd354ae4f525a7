"""Review access: how somebody at WeChat who reviews the mini-program gets in, without a campus
account. A visitor stands for them, and a code of 30 days binds one WeChat user to that visitor."""

from __future__ import annotations

import secrets
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from models.identity.review_code_repository import ReviewCode, ReviewCodeRepository
from models.kernel.errors import Busy, NotFound
from models.kernel.ids import ReaderId
from models.kernel.time_range import local_date
from models.readers.entities import Reader
from models.staff.audit import AuditAction
from models.staff.audit_log import AuditLog, StaffContext, instant_text

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
        """The code for the visitor, in the place of a live one. Raises: NotFound where the visit is
        over, or it is no visitor."""
        if reader.stay is None or reader.stay.last < local_date(ctx.now):
            raise NotFound()
        issued = IssuedCode(secrets.token_urlsafe(_SECRET_BYTES), ctx.now + LIFETIME)
        async with self._audit.entry(ctx, AuditAction.ISSUE_REVIEW_CODE, reader=reader.id) as entry:
            entry.after = {"valid_until": instant_text(issued.expires_at)}
            for _ in range(20):  # somebody else may issue one between the two
                await self._codes.revoke(reader.id)
                if await self._codes.issue(reader.id, issued.secret, ctx.now, issued.expires_at):
                    return issued
            raise Busy()

    async def revoke(self, ctx: StaffContext, reader: Reader) -> None:
        """The code that nobody has used is worth nothing. Raises: NotFound where there is none."""
        async with self._audit.entry(ctx, AuditAction.REVOKE_REVIEW_CODE, reader=reader.id):
            if not await self._codes.revoke(reader.id):
                raise NotFound()

    async def is_open(self, now: datetime) -> bool:
        """Whether a code waits for its one user."""
        return await self._codes.is_any_live(now)

    async def reader_of(self, secret: str, now: datetime) -> ReaderId | None:
        """Whose live code it is. Uses nothing up."""
        return await self._codes.reader_of(secret, now)

    async def redeem(self, secret: str, now: datetime) -> ReaderId | None:
        """The visitor whose code it was: it is used up, with an entry in the visitor's name. None
        where it is none, or somebody was faster."""
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
