"""What people who work for the library have changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from models.kernel.ids import ReaderId

JsonObject = Mapping[str, object]
"""JSON values: texts, numbers, booleans, and None."""


class AuditAction(StrEnum):
    """What was done. The value is stored."""

    CHECK_IN = "check_in"
    LEAVE = "leave"
    FINISH = "finish"
    CANCEL = "cancel"
    MOVE = "move"
    RESOLVE_REPORT = "resolve"
    WAIVE = "waive"
    WAIVE_ALL = "waive_all"
    DECIDE_APPEAL = "settle_appeal"
    UNBIND = "unbind"
    BOOK = "book"
    NOTICE = "notice"
    ADD_DEVICE = "device"
    ROTATE_KEY = "rotate"
    RETRY_DELIVERIES = "retry"
    SUSPEND = "suspend"
    RELEASE = "release"
    SET_ACCOMMODATION = "allow"
    ADD_VISITOR = "visitor"
    CHANGE_VISIT = "stay"
    REVEAL_CODE = "code"
    CONFIRM_BINDING = "bind"
    REFUSE_BINDING = "refuse_binding"
    REPLY = "answer"
    CHANGE_POLICY = "rules"
    CHANGE_PLAN = "plan"
    ADD_AREA = "area"
    RESOLVE_AFFECTED = "misfits"


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """``reader`` is whom it concerns. ``before`` is how it was when it was asked for, ``after``
    how it was then; None where it was refused (``outcome`` is the code) or nobody saw the end of
    it (``outcome`` is empty)."""

    id: str
    at: datetime
    actor_id: ReaderId
    role: str
    action: AuditAction
    target: str
    reader: ReaderId | None
    reason: str
    before: JsonObject
    after: JsonObject | None
    outcome: str
