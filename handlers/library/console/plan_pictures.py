"""The picture under a floor plan in the editor. The picture's forms are answered with JSON
instead of a new page, so that an unsaved drawing is not lost."""

from __future__ import annotations

from typing import Any, Final

from aiohttp import web

from handlers.http.errors import status_of
from handlers.http.forms import Form
from handlers.http.keys import REFERENCE
from handlers.http.pages import PageRequest, Posted, form_text
from handlers.http.request_body import MAX_BODY_BYTES
from handlers.http.uploads import read_upload
from handlers.staff.layout import staff_context
from handlers.staff.permissions import staff_form, staff_page
from handlers.staff.sent_forms import error_text
from models.identity.roles import Role
from models.kernel.errors import Conflict, Malformed, NotFound
from models.library.entities import Area
from models.library.picture_upload import picture_in
from models.library.plan_picture import FARTHEST, MOST_SENT, PicturePlace, check_place
from models.library.staff.plan_pictures import StaffPlanPictures
from models.storage.confined import TooCostly

_FORM_BYTES: Final = MOST_SENT + 64 * 1024
_HEADERS: Final = {
    "Cache-Control": "private, max-age=31536000, immutable",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "X-Content-Type-Options": "nosniff",
}


def picture_routes() -> list[web.RouteDef]:
    """The picture's routes. Viewers of the venue may see the picture, administrators change it."""
    here = "/console/plans/{id}/picture"
    return [
        web.get(here + "/{digest}", staff_page(_content)),
        web.post(here, _form(_put, max_bytes=_FORM_BYTES)),
        web.post(here + "/place", _form(_move)),
        web.post(here + "/remove", _form(_remove)),
    ]


def _form(posted: Posted, max_bytes: int = MAX_BODY_BYTES) -> Any:
    """Wraps a handler so that a refusal is answered with JSON: the error in words and, after a
    concurrent change, the current picture."""

    async def answered(visit: PageRequest, form: Form) -> web.StreamResponse:
        try:
            return await posted(visit, form)
        except (Conflict, Malformed) as error:
            body: dict[str, Any] = {"error": error_text(visit, error)}
            if isinstance(error, Conflict):  # the picture as it is now
                body["picture"] = await described(visit, await _area(visit))
            return web.json_response(body, status=status_of(type(error)))

    return staff_form(answered, Role.ADMINISTRATOR, max_bytes, multipart=True)


async def described(visit: PageRequest, area: Area) -> dict[str, Any] | None:
    picture = await visit[StaffPlanPictures].get(area.id)
    if picture is None:
        return None
    return {
        "version": picture.version,
        "url": f"/console/plans/{area.id}/picture/{picture.digest}",
        "ratio": picture.height / picture.width,
        "x": picture.place.x,
        "y": picture.place.y,
        "width": picture.place.width,
        "opacity": picture.place.opacity,
    }


async def _content(visit: PageRequest) -> web.StreamResponse:
    digest = visit.request.match_info["digest"]
    area = visit[REFERENCE].area(visit.id)
    visit.require_in(area.venue_id)
    stored = await visit[StaffPlanPictures].content(area.id, digest)
    if stored is None:
        raise NotFound()
    headers = {**_HEADERS, "ETag": f'"{digest}"'}
    if visit.request.headers.get("If-None-Match") == headers["ETag"]:
        return web.Response(status=304, headers=headers)
    content, kind = stored
    return web.Response(body=content, content_type=kind, headers=headers)


async def _put(visit: PageRequest, form: Form) -> web.StreamResponse:
    area, sent = await _area(visit), form.get("file")
    if not isinstance(sent, bytes):
        raise Malformed("file", "not_a_picture")
    try:
        file = await read_upload(visit.request, picture_in, sent)
    except TooCostly as error:
        raise Malformed("file", "picture_too_costly") from error
    await visit[StaffPlanPictures].put(staff_context(visit), area, form_text(form, "version"), file)
    return await _picture_response(visit, area)


async def _move(visit: PageRequest, form: Form) -> web.StreamResponse:
    area = await _area(visit)
    try:
        place = PicturePlace(
            **{name: int(form_text(form, name)) for name in ("x", "y", "width", "opacity")}
        )
    except ValueError as error:
        raise Malformed("place", "picture_place", most=FARTHEST) from error
    check_place(place)
    await visit[StaffPlanPictures].move(
        staff_context(visit), area, form_text(form, "version"), place
    )
    return await _picture_response(visit, area)


async def _remove(visit: PageRequest, form: Form) -> web.StreamResponse:
    area = await _area(visit)
    await visit[StaffPlanPictures].remove(staff_context(visit), area, form_text(form, "version"))
    return await _picture_response(visit, area)


async def _area(visit: PageRequest) -> Area:
    """The area that the URL names, as it is stored now. Raises: NotFound, OtherVenue."""
    await visit[REFERENCE].refresh()
    area = visit[REFERENCE].area(visit.id)
    visit.require_in(area.venue_id, Role.ADMINISTRATOR)
    return area


async def _picture_response(visit: PageRequest, area: Area) -> web.Response:
    return web.json_response({"picture": await described(visit, area)})
