"""Who speaks for a gate: a batch is signed with the gate's key.

``X-Gate-Signature`` is the hex HMAC-SHA256 of ``<X-Gate-Timestamp>.<body>``; the timestamp is in
Unix seconds, so a batch that was recorded is of no use five minutes later.
"""

from __future__ import annotations

import hmac
from datetime import UTC, datetime, timedelta
from typing import Final

from models.kernel.errors import Unauthenticated

LEEWAY: Final = timedelta(minutes=5)


def sign(key: str, timestamp: str, body: bytes) -> str:
    """The signature of a batch."""
    return hmac.digest(key.encode(), timestamp.encode() + b"." + body, "sha256").hex()


def verify(
    key: str | None, timestamp: str, signature: str, body: bytes, now: datetime
) -> timedelta:
    """How far the gate's clock is ahead. Raises: Unauthenticated for an unknown gate, a bad
    signature, or a time that is more than ``LEEWAY`` off."""
    expected = sign(key or "", timestamp, body)
    given = signature.lower().encode(errors="replace")
    if not hmac.compare_digest(expected.encode(), given) or not key:
        raise Unauthenticated()
    if not (timestamp.isascii() and timestamp.isdecimal() and len(timestamp) <= 11):
        raise Unauthenticated()
    off = datetime.fromtimestamp(int(timestamp), UTC) - now
    if abs(off) > LEEWAY:
        raise Unauthenticated()
    return off
