"""What the library says of itself."""

from __future__ import annotations

from handlers.http.endpoint import ApiRequest
from handlers.http.keys import REFERENCE
from handlers.policy.schemas import LibraryOut


async def library(call: ApiRequest) -> LibraryOut:
    profile = call[REFERENCE].profile
    return LibraryOut(profile.name, profile.title, profile.audience, list(profile.contact))
