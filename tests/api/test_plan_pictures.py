"""The plan picture over HTTP: accepted files, stored content, access, and concurrent changes."""

from __future__ import annotations

import asyncio
import io
import struct
import zlib
from collections.abc import Callable
from typing import Any

import aiohttp
import pytest
from PIL import Image, PngImagePlugin

from models.identity.roles import Role
from models.library.plan_picture import LONGEST_SIDE, MOST_BYTES, MOST_SENT
from models.staff.audit import AuditQuery
from tests.api.browsing import Browser
from tests.api.console import log, post, staff
from tests.api.plan_pictures import HALL, drawing, file_of, send
from tests.living import Living


async def stored(service: Living) -> list[Any]:
    return list(await service.inside.db["plan_pictures"].find().to_list(None))


async def image_of(who: Browser, picture: dict[str, Any]) -> Image.Image:
    """The picture as a browser gets it."""
    answer = await raw(who, picture["url"])
    assert answer.status == 200 and answer.headers["X-Content-Type-Options"] == "nosniff"
    return Image.open(io.BytesIO(await answer.read()))


async def raw(who: Browser, path: str, **headers: str) -> aiohttp.ClientResponse:
    client = who.client
    return await client.session.get(client.service.base + path, headers=who.cookie | headers)


async def test_a_plan_picture_is_uploaded_moved_replaced_and_removed(service: Living) -> None:
    head, viewer = await staff(service, Role.ADMINISTRATOR), await staff(service, Role.VIEWER)
    made = (await send(service, head, file_of(drawing(1720, 1160)))).body["picture"]
    assert (made["x"], made["y"], made["width"], made["opacity"]) == (0, 0, 860, 50)
    assert (await image_of(viewer, made)).size == (1720, 1160)
    assert made["url"] in (await viewer.get(HALL)).body

    where: dict[str, Any] = {"x": -30, "y": 12, "width": 900, "opacity": 35}
    moved = (await send(service, head, path="/place", version=made["version"], **where)).body
    assert moved["picture"] == made | where | {"version": moved["picture"]["version"]}
    other = await send(
        service, head, file_of(drawing(400, 200), "JPEG"), version=moved["picture"]["version"]
    )
    new = other.body["picture"]
    assert {name: new[name] for name in where} == where and new["url"] != made["url"]
    assert (await image_of(head, new)).size == (400, 200)
    assert (await raw(head, made["url"])).status == 404, "it is nowhere any more"

    # A browser keeps it for ever, and asks nobody who is not of the staff.
    answer = await raw(head, new["url"])
    assert "immutable" in answer.headers["Cache-Control"] and answer.content_type == "image/jpeg"
    again = await raw(head, new["url"], **{"If-None-Match": answer.headers["ETag"]})
    assert again.status == 304 and await again.read() == b""
    student = Browser(await service.web_reader())
    assert (await student.get(new["url"])).status == 403

    gone = await send(service, head, path="/remove", version=new["version"])
    assert gone.body == {"picture": None} and await stored(service) == []
    assert await log(service) == [("picture", "area:2f-hall", "done")] * 4
    query = AuditQuery(action="picture")
    (_, replaced, *_), _ = await service.inside.stored.audit_log.page_of(query, 0, 9)
    assert str(replaced.before["picture"]).startswith("1720 × 1160")
    assert replaced.after is not None
    assert str(replaced.after["picture"]).startswith("400 × 200")
    assert "更改底图" in (await head.get("/console/audit")).body


def chunk(kind: bytes, data: bytes) -> bytes:
    checked = kind + data
    return struct.pack(">I", len(data)) + checked + struct.pack(">I", zlib.crc32(checked))


def claims(width: int, height: int) -> bytes:
    """A tiny PNG whose header claims this size."""
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = ((b"IHDR", head), (b"IDAT", zlib.compress(b"\0" * 1000)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts)


def with_long_text() -> bytes:
    """A PNG of 20 KB with a text of 20 MB."""
    png = file_of(drawing(10, 10))
    bomb = chunk(b"zTXt", b"Comment\0\0" + zlib.compress(b" " * 20_000_000))
    return png[:33] + bomb + png[33:]


HOSTILE: dict[str, tuple[str, Callable[[], bytes]]] = {
    "nothing": ("不是能读取的", lambda: b""),
    "svg": ("不是能读取的", lambda: b'<svg xmlns="http://www.w3.org/2000/svg"><script/></svg>'),
    "html": ("不是能读取的", lambda: b"<!doctype html><script>alert(1)</script>"),
    "gif": ("不是能读取的", lambda: file_of(drawing(), "GIF")),
    "webp": ("不是能读取的", lambda: file_of(drawing(), "WEBP")),
    "broken off": ("不是能读取的", lambda: file_of(drawing())[:700]),
    "damaged": ("不是能读取的", lambda: file_of(drawing()).replace(b"IDAT", b"IDXT")),
    "head alone": ("不是能读取的", lambda: b"\x89PNG\r\n\x1a\n"),
    "36 million pixels": ("像素太多", lambda: file_of(Image.new("L", (6000, 6000)))),
    "100 million pixels": ("像素太多", lambda: claims(10_000, 10_000)),
    "a bomb": ("像素太多", lambda: claims(60_000, 60_000)),
    "a bomb of text": ("不是能读取的", with_long_text),
    "over 12 MB": ("最大 12 MB", lambda: b"\x89PNG\r\n\x1a\n" + b"\0" * MOST_SENT),
}


@pytest.mark.whole
async def test_an_invalid_picture_is_refused(service: Living) -> None:
    head = await staff(service, Role.ADMINISTRATOR)
    made = (await send(service, head, file_of(drawing()))).body["picture"]
    before = await stored(service)
    form = {"version": made["version"], "csrf": await head.token("/contact")}
    for case, (said, make) in HOSTILE.items():
        file = await asyncio.to_thread(make)  # some take a while, in which the service answers
        answer = await send(service, head, file, **form)
        assert answer.status == 400 and said in answer.body["error"], (case, answer.body)
    large = await send(service, head, b"\0" * 13 * 2**20, **form)
    assert large.status == 413
    wrong: list[dict[str, Any]] = [
        {"x": "a"},
        {"x": 10**9},
        {"width": 0},
        {"opacity": 0},
        {"y": ""},
    ]
    place: dict[str, Any] = {"x": 0, "y": 0, "width": 860, "opacity": 50}
    for fields in wrong:
        answer = await send(service, head, path="/place", **form | place | fields)
        assert answer.status == 400 and "底图的位置" in answer.body["error"], fields
    nowhere = await head.post("/console/plans/nowhere/picture", form | {"x": "0"}, service.base)
    assert nowhere.status == 404 and await stored(service) == before


@pytest.mark.whole
async def test_a_photograph_is_stored_upright_smaller_and_without_metadata(service: Living) -> None:
    head = await staff(service, Role.ADMINISTRATOR)
    notes = Image.Exif()
    notes[0x010E] = "taken by somebody"
    notes[0x0112] = 6  # the camera was held upright
    sent = file_of(drawing(4000, 3000), "JPEG", exif=notes, comment=b"and said")
    made = (await send(service, head, sent + b"<script>")).body["picture"]
    image = await image_of(head, made)
    assert image.size == (LONGEST_SIDE * 3 // 4, LONGEST_SIDE), "upright, and smaller"
    content = (await stored(service))[0]["content"]
    assert not image.getexif() and b"somebody" not in content and b"<script>" not in content

    detailed = file_of(Image.effect_noise((4000, 3000), 60).convert("RGB"), "JPEG", quality=92)
    assert len(detailed) > 8 * 2**20
    made = (await send(service, head, detailed, version=made["version"])).body["picture"]
    (document,) = await stored(service)
    assert (document["width"], len(document["content"]) < MOST_BYTES) == (LONGEST_SIDE, True)

    text = PngImagePlugin.PngInfo()
    text.add_text("Author", "somebody else")
    for mode in ("RGBA", "LA", "P", "I;16", "1", "L"):
        sent = file_of(Image.new(mode, (60, 40)), pnginfo=text)
        made = (await send(service, head, sent, version=made["version"])).body["picture"]
        image = await image_of(head, made)
        assert image.mode == "RGB" and image.info == {}, mode
        assert b"somebody" not in (await stored(service))[0]["content"]
        if mode in ("RGBA", "LA"):
            assert image.getpixel((5, 5)) == (255, 255, 255), "what was transparent is white"


@pytest.mark.whole
async def test_the_second_of_two_changes_of_a_picture_is_a_conflict(service: Living) -> None:
    first, second = [await staff(service, Role.ADMINISTRATOR) for _ in range(2)]
    made = (await send(service, first, file_of(drawing()))).body["picture"]
    refused = await send(service, second, file_of(drawing(50, 50)), version="")
    assert refused.status == 409 and "刚刚被其他人" in refused.body["error"]
    assert refused.body["picture"] == made, "and shown what stands there"
    where: dict[str, Any] = {"x": 1, "y": 1, "width": 500, "opacity": 50}
    moved = (await send(service, first, path="/place", version=made["version"], **where)).body
    forms: dict[str, dict[str, Any]] = {"/place": where, "/remove": {}, "": {}}
    for path, fields in forms.items():
        file = None if path else file_of(drawing(50, 50))
        answer = await send(service, second, file, path, version=made["version"], **fields)
        assert answer.status == 409, path
    (document,) = await stored(service)
    assert document["version"] == moved["picture"]["version"] and document["width"] == 860


async def test_a_picture_is_deleted_with_its_area(service: Living) -> None:
    head = await staff(service, Role.ADMINISTRATOR)
    await send(service, head, file_of(drawing()))
    for base, verb in enumerate(("retire", "delete")):
        assert len(await stored(service)) == 1, "a retired area keeps it"
        form = {"base": str(base), "confirmed": "yes"}
        done = await post(service, head, f"{HALL}/{verb}", **form)
        assert done.status == 303, done.body
    assert await stored(service) == []
