"""The picture of a study room: uploaded in the console, shown to readers, carried to another
database."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import aiohttp
import pytest
from PIL import Image

from miniapp_server.cli.library import library_of, take_in
from models.identity.roles import Role
from models.library.rooms import Room, RoomId
from models.transfer.library_file import from_text, to_text
from tests.api.browsing import Browser
from tests.api.console import log, staff
from tests.api.plan_pictures import drawing, file_of
from tests.living import Living

R201 = RoomId("r201")
PAGE = f"/console/room-settings/{R201}"
ALT = "长桌和八把椅子，墙上有“白板”"


def room(service: Living) -> Room:
    return service.inside.reference.rooms[R201]


async def send(
    service: Living, who: Browser, file: bytes = b"", operation: str = "put", **form: str
) -> Any:
    data = aiohttp.FormData(default_to_multipart=True)
    fields = {"csrf": await who.token("/contact"), "base": str(room(service).rev), "alt": ALT}
    for name, value in {**fields, "operation": operation, **form}.items():
        data.add_field(name, value)
    if file:
        data.add_field("file", io.BytesIO(file), filename="room.jpg")
    return await who.post(f"{PAGE}/picture", data, service.base)


async def fetched(service: Living, path: str) -> tuple[aiohttp.ClientResponse, bytes]:
    async with service.anonymous.session.get(service.base + path) as answer:
        return answer, await answer.read()


async def test_readers_see_a_small_upright_picture_without_metadata(service: Living) -> None:
    head, reader = await staff(service, Role.ADMINISTRATOR), Browser(await service.web_reader())
    assert "room-picture" not in (await reader.get("/rooms")).body
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "PhoneMaker"  # to be turned by a quarter
    done = await send(service, head, file_of(drawing(2000, 1000), "JPEG", exif=exif))
    assert done.headers["Location"] == f"{PAGE}?done=room"
    picture = room(service).picture
    assert picture is not None and (picture.width, picture.height, picture.alt) == (480, 960, ALT)
    path = f"/room-pictures/{picture.id}"
    answer, content = await fetched(service, path)
    image = Image.open(io.BytesIO(content))
    assert (answer.status, image.format, image.size) == (200, "JPEG", (480, 960))
    assert not image.getexif() and b"PhoneMaker" not in content and len(content) < 100_000
    assert "immutable" in answer.headers["Cache-Control"]
    for page in ("/rooms", f"/rooms/{R201}"):
        body = (await reader.get(page)).body
        assert f'src="{path}"' in body and f'alt="{ALT}"' in body, page
    (shown,) = [
        each["room"]["picture"]
        for each in (await reader.client.ok("GET", "/rooms", **reader.cookie))["items"]
        if each["room"]["id"] == R201
    ]
    assert shown == {"path": path, "width": 480, "height": 960, "alt": ALT}
    # A new picture has a new address; the one before is gone.
    assert (await send(service, head, file_of(drawing(300, 200)), alt="")).status == 303
    second = room(service).picture
    assert second is not None and second.id != picture.id
    assert (await fetched(service, path))[0].status == 404
    assert (await send(service, head, alt="窗边")).status == 303
    assert room(service).picture == replace(second, alt="窗边"), "words alone"
    assert (await send(service, head, operation="remove")).status == 303
    assert room(service).picture is None
    assert await service.db["room_pictures"].count_documents({}) == 0
    assert await log(service) == [("room", f"room:{R201}", "done")] * 4


@pytest.mark.whole
async def test_a_refused_picture_changes_nothing(service: Living) -> None:
    head = await staff(service, Role.ADMINISTRATOR)
    assert (await send(service, head, file_of(drawing(300, 200)))).status == 303
    before = room(service)
    for file, form, status, said in (
        (b"<svg/>", {}, 400, "PNG 或 JPEG"),
        (b"x" * (12 * 2**20 + 1), {}, 400, "最大 12 MB"),
        (file_of(drawing(30, 20)), {"base": "0"}, 409, "刚"),
        (file_of(drawing(30, 20)), {"alt": "x" * 101}, 400, "最多 100 字"),
        (b"", {"operation": "burn"}, 404, ""),
    ):
        refused = await send(service, head, file, **form)
        assert refused.status == status and said in refused.body, (form, refused.body)
    for who in (await staff(service), await staff(service, None)):
        assert (await send(service, who, file_of(drawing(30, 20)))).status == 403
    await service.inside.reference.refresh()
    assert room(service) == before and await service.db["room_pictures"].count_documents({}) == 1
    assert (await send(service, head, operation="remove")).status == 303
    assert (await send(service, head)).status == 400, "neither a file nor a picture"


@pytest.mark.whole
async def test_a_picture_goes_with_the_library_into_another_database(service: Living) -> None:
    head = await staff(service, Role.ADMINISTRATOR)
    assert (await send(service, head, file_of(drawing(300, 200)))).status == 303
    stored, reference = service.inside.stored, service.inside.reference
    carried = to_text(await library_of(stored, reference))
    for operation in ("remove", "put"):
        fresh = file_of(drawing(90, 90)) if operation == "put" else b""
        assert (await send(service, head, fresh, operation)).status == 303
        await take_in(service.app, from_text(carried.encode()), True, service.clock.now())
        picture = room(service).picture
        assert picture is not None and (picture.width, picture.alt) == (300, ALT)
        assert (await fetched(service, f"/room-pictures/{picture.id}"))[0].status == 200
        assert await service.db["room_pictures"].count_documents({}) == 1
    # A file without the picture leaves it.
    library = replace(from_text(carried.encode()), room_pictures=())
    await take_in(service.app, library, True, service.clock.now())
    assert room(service).picture is not None
