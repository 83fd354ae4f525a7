from __future__ import annotations

from aiohttp import web

from handlers.http.uploads import LARGEST_FORM
from handlers.library.console.room_files import (
    add_several,
    import_page,
    import_rooms,
    several_rooms,
    template,
)
from handlers.library.console.room_pictures import LARGEST_PICTURE_FORM, change_picture
from handlers.library.console.room_places import change_place, room_place
from handlers.library.console.rooms import (
    add_room,
    change_calendar,
    change_room,
    new_room,
    room,
    room_settings,
)
from handlers.seat_labels.console import room_labels
from handlers.staff.permissions import staff_form, staff_page
from models.identity.roles import Role


def room_settings_routes() -> list[web.RouteDef]:
    here, head = "/console/room-settings", Role.ADMINISTRATOR
    return [
        web.get(here, staff_page(room_settings)),
        web.get(f"{here}/new", staff_page(new_room, head)),
        web.get(f"{here}/several", staff_page(several_rooms, head)),
        web.post(f"{here}/several", staff_form(add_several, head, page=several_rooms)),
        web.get(f"{here}/import", staff_page(import_page, head)),
        web.post(
            f"{here}/import",
            staff_form(import_rooms, head, max_bytes=LARGEST_FORM, multipart=True),
        ),
        web.get(f"{here}/import/template.xlsx", staff_page(template, head)),
        web.get(f"{here}/labels", staff_page(room_labels, head)),
        web.get(f"{here}/{{id}}", staff_page(room)),
        web.post(here, staff_form(add_room, head, page=new_room)),
        web.post(f"{here}/{{id}}", staff_form(change_room, head, page=room)),
        web.get(f"{here}/{{id}}/place", staff_page(room_place, head)),
        web.post(f"{here}/{{id}}/place", staff_form(change_place, head, page=room_place)),
        web.post(
            f"{here}/{{id}}/picture",
            staff_form(change_picture, head, LARGEST_PICTURE_FORM, multipart=True, page=room),
        ),
        web.post(f"{here}/{{id}}/calendar", staff_form(change_calendar, head, page=room)),
    ]
