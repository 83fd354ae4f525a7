"""Operations of the API: violations and appeals."""

from __future__ import annotations

from typing import Final

from handlers.http.endpoint import get, post
from handlers.violations import api
from models.kernel.errors import NotFound
from models.violations.errors import NothingToAppeal

ROUTES: Final = (
    get("/violations", api.list_own, "The reader's violations and where they stand"),
    post(
        "/violations/{id}/appeal",
        api.appeal,
        "Say why it was no violation",
        errors=(NotFound, NothingToAppeal),
    ),
)
