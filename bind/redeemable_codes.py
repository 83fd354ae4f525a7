"""Codes that bind a WeChat user to a reader: six digits, a scanned code or a review code.

Scanned codes and review codes have 128 bits: they cannot be guessed and need no confirmation. Six
digits can be guessed. They are valid for ten minutes, and a WeChat user who enters too many wrong
ones is refused for a while. Wrong digits are also counted over all users. Beyond a limit right
digits no longer bind, but create a request that the reader has to confirm on the page that shows
the code. Right digits are not refused: otherwise strangers could lock everyone out.
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
"""A WeChat user's six-digit codes are refused after this many wrong ones in ten minutes."""
_ASK_PAST: Final = (
    # With 20 live codes, 100 guesses hit one with a chance of 0.2 %, and 14,400 guesses in a day
    # with 25 %. So the day has a limit too: 1,000 guesses hit one with a chance of 2 %.
    AttemptLimit("activation:all", 100, _WINDOW),
    AttemptLimit("activation:day", 1000, timedelta(days=1)),
)
"""Limits of all users' wrong six-digit codes; beyond either limit readers confirm bindings."""
_SECRET: Final = re.compile(r"[A-Za-z0-9_-]{22}")


class RedeemableCodes:
    def __init__(
        self, codes: ActivationCodeRepository, review: ReviewAccess, attempts: AttemptLimiter
    ) -> None:
        self._codes, self._review, self._attempts = codes, review, attempts

    async def reader_of(self, secret: str, now: datetime) -> ReaderId | None:
        """The reader of a scanned or review code, which is not redeemed; None if it is invalid."""
        reader_id = await self._codes.reader_of(secret, now)
        return reader_id or await self._review.reader_of(secret, now)

    async def redeem(
        self, openid: str, session_id: str, code: str, now: datetime
    ) -> ReaderId | BindingRequest | None:
        """Redeems the code once. Returns the reader's id; a request for the reader's confirmation
        if guessing was detected; None if the code is wrong. Raises: TooManyAttempts."""
        if _SECRET.fullmatch(code):
            reader_id = await self._codes.redeem_secret(code, now)
            return reader_id or await self._review.redeem(code, now)
        return await self._redeem_digits(openid, session_id, code, now)

    async def _redeem_digits(
        self, openid: str, session_id: str, digits: str, now: datetime
    ) -> ReaderId | BindingRequest | None:
        """Redeems a six-digit code. It is counted as a wrong attempt until it proves right."""
        own = [AttemptLimit(f"activation:openid:{token_hash(openid)}", _PER_USER, _WINDOW)]
        await self._attempts.register(own, now)
        # Both limits count every attempt, also when the first one is exceeded.
        past = [await self._attempts.count(limit, now) for limit in _ASK_PAST]
        redeemed: ReaderId | BindingRequest | None = None
        if not any(past):
            redeemed = await self._codes.redeem(digits, now)
        if redeemed is None:
            number = f"{10 + secrets.randbelow(90)}"
            redeemed = await self._codes.ask(digits, openid, session_id, number, now)
        if redeemed is not None:
            await self._attempts.refund([*own, *_ASK_PAST])
        return redeemed
