from __future__ import annotations

from aiohttp import web

from handlers.http.forms import Form
from handlers.http.keys import REFERENCE
from handlers.http.pages import PageRequest, done, form_text
from handlers.http.return_to import is_own_path
from models.favourites.service import FavouriteSeats
from models.library.entities import SeatId


async def change_favourite(visit: PageRequest, form: Form) -> web.StreamResponse:
    """Adds (form field ``on``) or removes a favourite seat (常用座位), then shows the seat."""
    favourites = visit[FavouriteSeats]
    if form_text(form, "on"):
        await favourites.add(visit.reader.id, visit.id, visit.now)
    else:
        await favourites.remove(visit.reader.id, visit.id)
    area_id = visit[REFERENCE].seat(SeatId(visit.id)).area_id
    back = form_text(form, "back")
    here = f"/areas/{area_id}?"
    own = back.startswith(here) and is_own_path(back)
    return done(visit, back if own else f"{here}seat={visit.id}")
