"""The handbook for librarians, opened by the "?" of each page of the console."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from handlers.http.language import language_of
from handlers.http.pages import PageRequest
from handlers.staff.handbook_chapters import FIRST, FOLDER, chapters, handbook_language
from handlers.staff.layout import render

_PICTURE_KEPT: Final = "private, max-age=3600"


async def handbook(visit: PageRequest) -> web.StreamResponse:
    """Shows the chapter that the URL names; without a name, the table of contents."""
    name = visit.request.match_info.get("chapter", FIRST)
    language = handbook_language(language_of(visit.request))
    chapter = chapters(language.tag).get(name)
    if chapter is None:
        raise web.HTTPNotFound
    return render(visit, "handbook", chapter=chapter, first=name == FIRST, written_in=language.html)


async def handbook_picture(visit: PageRequest) -> web.StreamResponse:
    file = FOLDER / "images" / f"{visit.request.match_info['picture']}.png"
    if not file.is_file():
        raise web.HTTPNotFound
    return web.FileResponse(file, headers={"Cache-Control": _PICTURE_KEPT})
