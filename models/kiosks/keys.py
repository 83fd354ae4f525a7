from __future__ import annotations

import secrets

import pyotp


def new_secret() -> str:
    """Makes a secret for a kiosk's codes: 160 random bits in base32, as RFC 4226 recommends."""
    return pyotp.random_base32(32)


def new_key() -> str:
    return secrets.token_urlsafe(32)
