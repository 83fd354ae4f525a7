"""The pictures of study rooms, for everybody who has the address: WeChat loads them without a
session."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from handlers.http.deadline import ANSWER_WITHIN_S, read_within
from handlers.http.keys import LOAD_SHEDDER, service_key
from models.kernel.errors import NotFound
from models.library.room_picture_repository import RoomPictureRepository

_HEADERS: Final = {
    "Cache-Control": "public, max-age=31536000, immutable",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "X-Content-Type-Options": "nosniff",
}


async def picture(request: web.Request) -> web.StreamResponse:
    """The picture with the id in the URL, which browsers keep. Raises: NotFound, Busy,
    Unavailable."""
    admission, id = request.app[LOAD_SHEDDER], request.match_info["id"]
    headers = {**_HEADERS, "ETag": f'"{id}"'}
    admission.begin_read()
    try:
        pictures = request.app[service_key(RoomPictureRepository)]
        stored = await read_within(ANSWER_WITHIN_S, pictures.content(id))
    finally:
        admission.end_read()
    if stored is None:
        raise NotFound()
    if request.headers.get("If-None-Match") == headers["ETag"]:
        return web.Response(status=304, headers=headers)
    content, kind = stored
    return web.Response(body=content, content_type=kind, headers=headers)
