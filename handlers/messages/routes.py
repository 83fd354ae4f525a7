"""Operations of the API: a reader's messages."""

from __future__ import annotations

from typing import Final

from handlers.http.endpoint import get, post
from handlers.messages import api

ROUTES: Final = (
    get("/messages", api.list_own, "What the reader was told, the newest first"),
    post("/messages/read", api.mark_read, "Mark messages as read"),
)
