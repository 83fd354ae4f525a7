from __future__ import annotations

from typing import Final

from aiohttp import web

from handlers.http.forms import Form
from handlers.http.keys import REFERENCE
from handlers.http.pages import PageRequest, form_text, redirect
from handlers.http.uploads import read_upload
from handlers.staff.forms import require_current
from handlers.staff.layout import staff_context
from models.identity.roles import Role
from models.kernel.errors import Malformed, NotFound
from models.library.errors import RoomChanged
from models.library.picture_upload import photo_in
from models.library.plan_picture import MOST_SENT
from models.library.staff.room_pictures import StaffRoomPictures
from models.library.staff.rooms import StaffStudyRooms
from models.staff.audit import AuditAction
from models.storage.confined import TooCostly

LARGEST_PICTURE_FORM: Final = MOST_SENT + 64 * 1024


async def change_picture(visit: PageRequest, form: Form) -> web.StreamResponse:
    """Sets the room's picture or its words, or removes it."""
    await visit[REFERENCE].refresh()
    context, pictures = staff_context(visit), visit[StaffRoomPictures]
    room, alt, file = visit[StaffStudyRooms].get(visit.id), form_text(form, "alt"), form.get("file")
    visit.require_in(room.venue_id, Role.ADMINISTRATOR)
    require_current(form, room.rev, RoomChanged)
    match form_text(form, "operation"):
        case "remove":
            await pictures.remove(context, room)
        case "put" if isinstance(file, bytes) and file:
            try:
                photo = await read_upload(visit.request, photo_in, file)
            except TooCostly as error:
                raise Malformed("file", "picture_too_costly") from error
            await pictures.put(context, room, photo, alt)
        case "put" if room.picture is not None:
            await pictures.describe(context, room, room.picture, alt)
        case "put":
            raise Malformed("file", "not_a_picture")
        case _:
            raise NotFound()
    return redirect(f"/console/room-settings/{room.id}?done={AuditAction.CHANGE_ROOM}")
