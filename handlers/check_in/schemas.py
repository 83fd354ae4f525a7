from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from handlers.http.schemas import ClockTime, Request, Response
from handlers.seat_map.schemas import Choice


class EndsOut(Response):
    ends: list[Choice]


class ScanRequest(Request):
    qr: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=1024,
            description="the whole scanned text, or the scan note returned by POST /scans",
        ),
    ]


class OtherEnd(Request):
    end: ClockTime
