"""What a WeChat user can hand in to be bound: six digits, a scanned code, a review code.

Six digits can be guessed, 128 bits cannot. So a scanned code binds at once and is not counted, and
wrong digits are: few of one WeChat user, and many of all of them together. The limit over all
closes nothing, since strangers could close it for everybody. Past it, right digits only make a
request, which counts when the reader has confirmed it on the page that shows the code.

Six digits live for ten minutes. Only the 128 bits of a review code live longer.
"""

from __future__ import annotations

import re
import secrets
from datetime import datetime, timedelta
from typing import Final

from models.identity.activation_code_repository import ActivationCodeRepository, BindingRequest
from models.kernel.ids import ReaderId
from models.staff.review_access import ReviewAccess
from models.storage.attempt_limiter import AttemptLimit, AttemptLimiter
from models.storage.encryption import token_hash

_WINDOW: Final = timedelta(minutes=10)
_PER_USER: Final = 5
"""Wrong digits of one WeChat user in ten minutes: the next ones are refused, for this user only."""
_ASK_PAST: Final = (
    # With 20 live codes, 100 wrong ones find one with a chance of 0.2 %, and 14,400 in the course
    # of a day with 25 %. So the day has a limit too: 1,000 find one with a chance of 2 %.
    AttemptLimit("activation:all", 100, _WINDOW),
    AttemptLimit("activation:day", 1000, timedelta(days=1)),
)
"""Wrong digits of everybody together: past one of these the reader is asked before it counts."""
_SECRET: Final = re.compile(r"[A-Za-z0-9_-]{22}")


class RedeemableCodes:
    """Finds the reader of a code, and uses the code up."""

    def __init__(
        self, codes: ActivationCodeRepository, review: ReviewAccess, attempts: AttemptLimiter
    ) -> None:
        self._codes, self._review, self._attempts = codes, review, attempts

    async def reader_of(self, secret: str, now: datetime) -> ReaderId | None:
        """Whose scanned code it is, or whose review code. Uses nothing up."""
        reader_id = await self._codes.reader_of(secret, now)
        return reader_id or await self._review.reader_of(secret, now)

    async def redeem(
        self, openid: str, session_id: str, code: str, now: datetime
    ) -> ReaderId | BindingRequest | None:
        """Whose code it was, for exactly one caller; where many have guessed digits, the request
        that now waits for the reader; None for a wrong one. Raises: TooManyAttempts."""
        if _SECRET.fullmatch(code):
            reader_id = await self._codes.redeem_secret(code, now)
            return reader_id or await self._review.redeem(code, now)
        return await self._redeem_digits(openid, session_id, code, now)

    async def _redeem_digits(
        self, openid: str, session_id: str, digits: str, now: datetime
    ) -> ReaderId | BindingRequest | None:
        """Counted as wrong first, and given back where they are right."""
        own = [AttemptLimit(f"activation:openid:{token_hash(openid)}", _PER_USER, _WINDOW)]
        await self._attempts.register(own, now)
        # Both are counted, whatever the first one says.
        past = [await self._attempts.count(limit, now) for limit in _ASK_PAST]
        found: ReaderId | BindingRequest | None = None
        if not any(past):
            found = await self._codes.redeem(digits, now)
        if found is None:
            number = f"{10 + secrets.randbelow(90)}"
            found = await self._codes.ask(digits, openid, session_id, number, now)
        if found is not None:
            await self._attempts.refund([*own, *_ASK_PAST])
        return found
