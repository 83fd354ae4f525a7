"""What the library says of itself."""

from __future__ import annotations

from dataclasses import fields

from handlers.http.endpoint import ApiRequest
from handlers.http.keys import REFERENCE, SITE
from handlers.policy.schemas import KeepingOut, LibraryOut


async def library(call: ApiRequest) -> LibraryOut:
    profile, kept = call[REFERENCE].profile, call[SITE].keeping
    days = {field.name: getattr(kept, field.name).days for field in fields(kept)}
    return LibraryOut(
        profile.name, profile.title, profile.audience, list(profile.contact), KeepingOut(**days)
    )
