from __future__ import annotations

from models.kernel.errors import Conflict


class NoticeChanged(Conflict):
    code = "notice_changed"
