"""Signatures of gate event batches, made with the gate's key.

``X-Gate-Signature`` is the hex HMAC-SHA256 of ``<X-Gate-Timestamp>.<body>``. The timestamp is in
Unix seconds. An old timestamp is refused, so a recorded batch cannot be replayed later.
"""

from __future__ import annotations

import hmac
from datetime import UTC, datetime, timedelta
from typing import Final

from models.kernel.errors import Unauthenticated

LEEWAY: Final = timedelta(minutes=5)


def sign(key: str, timestamp: str, body: bytes) -> str:
    return hmac.digest(key.encode(), timestamp.encode() + b"." + body, "sha256").hex()


def verify(
    key: str | None, timestamp: str, signature: str, body: bytes, now: datetime
) -> timedelta:
    """Verifies the signature of a batch of gate events. Returns how far the gate's clock is
    ahead of this service's. Raises: Unauthenticated for an unknown gate (``key`` is None), a bad
    signature, or a timestamp that is more than ``LEEWAY`` off."""
    expected = sign(key or "", timestamp, body)
    presented = signature.lower().encode(errors="replace")
    if not hmac.compare_digest(expected.encode(), presented) or not key:
        raise Unauthenticated()
    if not (timestamp.isascii() and timestamp.isdecimal() and len(timestamp) <= 11):
        raise Unauthenticated()
    off = datetime.fromtimestamp(int(timestamp), UTC) - now
    if abs(off) > LEEWAY:
        raise Unauthenticated()
    return off
