"""Mini-program codes: fetched from WeChat once, then served from the database."""

from __future__ import annotations

import io

import zxingcpp
from PIL import Image

from handlers.http.keys import service_key
from notify.wechat.mini_program_codes import MiniProgramCodes
from tests.living import Living


async def _picture(service: Living, place: str) -> tuple[int, bytes]:
    async with service.anonymous.session.get(f"{service.base}/mini-code/{place}") as answer:
        return answer.status, await answer.read()


async def _wechat(service: Living, **modes: object) -> None:
    await service.anonymous.ok("POST", "//sandbox/wechat/_mode", modes)


async def test_a_code_is_fetched_from_wechat_once_and_served_without_it(service: Living) -> None:
    status, drawn = await _picture(service, "2f-south")
    assert status == 200
    (read,) = zxingcpp.read_barcodes(Image.open(io.BytesIO(drawn)))
    assert read.text == "sandbox:k=2f-south"
    await _wechat(service, getwxacodeunlimit={"errcode": -1})
    assert await _picture(service, "2f-south") == (200, drawn)
    service.app[service_key(MiniProgramCodes)]._cache.clear()  # as after a restart
    assert await _picture(service, "2f-south") == (200, drawn)
    assert await service.db["mini_program_codes"].count_documents({}) == 1

    # One that is not drawn yet cannot be had now; WeChat is left alone for a minute.
    assert (await _picture(service, "web"))[0] == 503
    await _wechat(service)
    assert (await _picture(service, "web"))[0] == 503
    service.app[service_key(MiniProgramCodes)]._failed_at = None  # the minute is over
    assert (await _picture(service, "web"))[0] == 200
    assert (await _picture(service, "elsewhere"))[0] == 404
