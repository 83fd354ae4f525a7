"""Signatures of Standard Webhooks, version 1 (standard-webhooks/spec, ``Signature scheme``)."""

from __future__ import annotations

import hmac
from base64 import b64decode, b64encode
from collections.abc import Sequence
from datetime import datetime

from models.webhooks.endpoint_repository import SECRET_PREFIX


def signed_headers(id: str, body: bytes, secrets: Sequence[str], now: datetime) -> dict[str, str]:
    """The three headers of a delivery, with a signature by each of the secrets."""
    timestamp = str(int(now.timestamp()))
    signed = f"{id}.{timestamp}.".encode() + body
    signatures = (
        hmac.digest(b64decode(secret.removeprefix(SECRET_PREFIX)), signed, "sha256")
        for secret in secrets
    )
    return {
        "webhook-id": id,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(f"v1,{b64encode(one).decode()}" for one in signatures),
    }
