from __future__ import annotations

from datetime import datetime

from handlers.http.schemas import Response


class NoticeOut(Response):
    id: str
    title: str
    published_at: datetime
    pinned: bool


class NoticeDetail(NoticeOut):
    """``body_html``: without scripts and external pictures."""

    body_html: str
