"""Operations of the API: notices."""

from __future__ import annotations

from typing import Final

from handlers.http.endpoint import Access, get
from handlers.notices import api
from models.identity.api_tokens import Scope
from models.kernel.errors import NotAllowed, NotFound

ROUTES: Final = (
    get(
        "/notices",
        api.list_current,
        "What the library tells everybody",
        Access.SESSION,
        scope=Scope.CATALOG_READ,
        errors=(NotAllowed,),
    ),
    get(
        "/notices/{id}",
        api.get,
        "One notice",
        Access.SESSION,
        scope=Scope.CATALOG_READ,
        errors=(NotAllowed, NotFound),
    ),
)
