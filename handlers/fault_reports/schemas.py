from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta

from handlers.http.schemas import Request, Response


class ReportFault(Request):
    """A fault at a seat. ``text``: a description in one line, required if ``kind`` is ``other``."""

    kind: Literal["chair", "desk", "socket", "lamp", "other"]
    text: Annotated[str, Meta(max_length=200)] = ""


class FaultReportOut(Response):
    """A fault report that is still open. The reader gets its outcome as a message."""

    id: str
    seat_id: str
    kind: str
    text: str
    at: datetime
