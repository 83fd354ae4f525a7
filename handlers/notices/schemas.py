from __future__ import annotations

from datetime import datetime

from handlers.http.schemas import Response


class NoticeOut(Response):
    id: str
    title: str
    published_at: datetime
    pinned: bool


class NoticeDetail(NoticeOut):
    """A notice with its text. ``body_html``: HTML without scripts or external pictures."""

    body_html: str
