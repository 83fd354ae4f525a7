"""Uploads of plan pictures to the console."""

from __future__ import annotations

import io
from typing import Any

import aiohttp
from PIL import Image, ImageDraw

from tests.api.browsing import Browser
from tests.living import Living

HALL = "/console/plans/2f-hall"
PICTURE = f"{HALL}/picture"


def drawing(width: int = 860, height: int = 580) -> Image.Image:
    image = Image.new("RGB", (width, height), "white")
    ImageDraw.Draw(image).rectangle(
        (width // 8, height // 8, width // 2, height // 2), fill="black"
    )
    return image


def file_of(image: Image.Image, format: str = "PNG", **more: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, format, **more)
    return file.getvalue()


async def send(
    service: Living, who: Browser, file: bytes | None = None, path: str = "", **fields: Any
) -> Any:
    data = aiohttp.FormData(default_to_multipart=True)
    data.add_field("csrf", fields.pop("csrf", None) or await who.token("/contact"))
    for name, value in fields.items():
        data.add_field(name, str(value))
    if file is not None:
        data.add_field("file", io.BytesIO(file), filename="floor.png")
    return await who.post(PICTURE + path, data, service.base)
