"""Keys of devices and secrets of kiosk codes."""

from __future__ import annotations

import secrets

import pyotp


def new_secret() -> str:
    """A kiosk's secret: 160 bits in base32, as RFC 4226 recommends."""
    return pyotp.random_base32(32)


def new_key() -> str:
    """A device's key to this API."""
    return secrets.token_urlsafe(32)
