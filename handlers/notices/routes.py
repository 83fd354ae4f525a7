"""Operations of the API: notices."""

from __future__ import annotations

from typing import Final

from handlers.http.endpoint import Access, get
from handlers.notices import api
from models.kernel.errors import NotAllowed, NotFound

ROUTES: Final = (
    get(
        "/notices",
        api.list_current,
        "What the library tells everybody",
        Access.SESSION,
        errors=(NotAllowed,),
    ),
    get(
        "/notices/{id}",
        api.get,
        "One notice",
        Access.SESSION,
        errors=(NotAllowed, NotFound),
    ),
)
