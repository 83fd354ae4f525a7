"""What a fault report takes and answers."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta

from handlers.http.schemas import Request, Response


class ReportFault(Request):
    """``kind``: what is broken. ``text``: one line about it; needed where the kind is ``other``."""

    kind: Literal["chair", "desk", "socket", "lamp", "other"]
    text: Annotated[str, Meta(max_length=200)] = ""


class FaultReportOut(Response):
    """The report is kept until the library has looked after it; a message says what came of it."""

    id: str
    seat_id: str
    kind: str
    text: str
    at: datetime
