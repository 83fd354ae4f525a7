"""Operations of the API: favourite seats."""

from __future__ import annotations

from typing import Final

from handlers.favourites import api
from handlers.http.endpoint import delete, get, post
from models.favourites.errors import TooManyFavourites
from models.kernel.errors import NotFound

ROUTES: Final = (
    get(
        "/favourites",
        api.list_own,
        "The reader's favourite seats, and when the last one can be had again",
    ),
    post(
        "/favourites",
        api.add,
        "One more favourite seat; it may be one already",
        errors=(NotFound, TooManyFavourites),
    ),
    delete("/favourites/{id}", api.remove, "No favourite any more", errors=(NotFound,)),
)
