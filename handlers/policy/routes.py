"""Operations of the API: the library."""

from __future__ import annotations

from typing import Final

from handlers.http.endpoint import Access, get
from handlers.policy import api

ROUTES: Final = (
    get(
        "/library",
        api.library,
        "What the library is called, for whom it is, and how to reach it",
        Access.SESSION,
        at_kiosk=True,
    ),
)
