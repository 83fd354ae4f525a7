from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from aiohttp import web

from bind.providers.base import IdentityProvider

ConsentHook = Callable[[str, Mapping[str, str]], Awaitable[None]]
"""Called with a mini-program user's openid, and the user's answers (accept, reject) by template."""

CAMPUS_APP: Final[web.AppKey[IdentityProvider | None]] = web.AppKey("campus_app")
ON_CONSENT_REPORTED: Final[web.AppKey[ConsentHook]] = web.AppKey("on_consent_reported")
"""Key of a function to call after a client has reported consents. Only the sandbox sets it."""
