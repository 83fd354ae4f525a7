"""Why a change of a notice is refused."""

from __future__ import annotations

from models.kernel.errors import Conflict


class NoticeChanged(Conflict):
    """Somebody else has changed the notice meanwhile."""

    code = "notice_changed"
