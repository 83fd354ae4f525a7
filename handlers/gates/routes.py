"""Operations of the API: gates and their events."""

from __future__ import annotations

from typing import Final

from handlers.gates import api
from handlers.http.endpoint import Access, get, post

ROUTES: Final = (
    get(
        "/gate-records",
        api.list_own,
        "The reader's passages through the gates, the newest first",
    ),
    post(
        "/gate/events",
        api.report_events,
        "Passages that a gate reports, signed",
        Access.GATE,
        verify_before_parsing=api.verify_signature,
    ),
)
