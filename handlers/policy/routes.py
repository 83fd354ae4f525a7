"""Operations of the API: the library."""

from __future__ import annotations

from typing import Final

from handlers.http.endpoint import Access, get
from handlers.policy import api
from models.identity.api_tokens import Scope

ROUTES: Final = (
    get(
        "/library",
        api.library,
        "What the library is called, for whom it is, and how to reach it",
        Access.SESSION,
        at_kiosk=True,
        scope=Scope.CATALOG_READ,
    ),
)
