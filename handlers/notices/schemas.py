"""What notices answer."""

from __future__ import annotations

from datetime import datetime

from handlers.http.schemas import Response


class NoticeOut(Response):
    id: str
    title: str
    published_at: datetime
    pinned: bool


class NoticeDetail(NoticeOut):
    """``body_html`` holds no script and no picture from elsewhere."""

    body_html: str
