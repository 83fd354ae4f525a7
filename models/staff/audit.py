"""Entries of the audit log: changes made by staff, and their views of personal data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final

from models.kernel.ids import ReaderId

JsonObject = Mapping[str, object]
DONE: Final = "done"
"""The `outcome` of an operation that succeeded."""
BY_READER: Final = "reader"
"""The `role` in entries of operations that a reader made with a code issued by staff."""


class AuditAction(StrEnum):
    """The kind of an operation that is recorded. The values are stored."""

    CHECK_IN = "check_in"
    LEAVE = "leave"
    FINISH = "finish"
    CANCEL = "cancel"
    MOVE = "move"
    ACCEPT_OFFER = "accept"
    DECLINE_OFFER = "decline"
    END_PARTY = "end_party"
    APPROVE_ROOM = "approve_room"
    DECLINE_ROOM = "decline_room"
    BLOCK_ROOM = "block_room"
    CHANGE_BLOCK = "change_block"
    END_BLOCK = "end_block"
    RESTORE_BLOCK = "restore_block"
    RESOLVE_REPORT = "resolve"
    REJECT_REPORT = "reject"
    WAIVE = "waive"
    WAIVE_ALL = "waive_all"
    DECIDE_APPEAL = "settle_appeal"
    UNBIND = "unbind"
    BOOK = "book"
    NOTICE = "notice"
    ANNOUNCE = "announce"
    ADD_DEVICE = "device"
    ROTATE_KEY = "rotate"
    PAIR_KIOSK = "pair"
    RETRY_DELIVERIES = "retry"
    ADD_WEBHOOK = "webhook_added"
    CHANGE_WEBHOOK = "webhook"
    ENABLE_WEBHOOK = "webhook_enabled"
    DISABLE_WEBHOOK = "webhook_disabled"
    ROTATE_WEBHOOK = "webhook_secret"
    END_WEBHOOK_SECRET = "webhook_secret_ended"
    DELETE_WEBHOOK = "webhook_deleted"
    RETRY_WEBHOOK = "webhook_retry"
    SUSPEND = "suspend"
    RELEASE = "release"
    SET_ACCOMMODATION = "allow"
    ADD_VISITOR = "visitor"
    CHANGE_VISIT = "stay"
    REVEAL_CODE = "code"
    ISSUE_REVIEW_CODE = "review_code"
    REVOKE_REVIEW_CODE = "revoke_review_code"
    USE_REVIEW_CODE = "use_review_code"
    CONFIRM_BINDING = "bind"
    REFUSE_BINDING = "refuse_binding"
    REPLY = "answer"
    FEEDBACK_NOTE = "feedback_note"
    CANNED_ANSWER = "canned_answer"
    CLOSE_FAULT = "close_fault"
    CHANGE_POLICY = "rules"
    CHANGE_PLAN = "plan"
    ADD_AREA = "area"
    CHANGE_AREA = "change_area"
    RETIRE_AREA = "retire_area"
    BRING_BACK_AREA = "bring_back_area"
    DELETE_AREA = "delete_area"
    CHANGE_DEVICE = "change_device"
    ORDER_DEVICES = "devices_ordered"
    RETIRE_DEVICE = "retire_device"
    BRING_BACK_DEVICE = "bring_back_device"
    DELETE_DEVICE = "delete_device"
    CHANGE_PICTURE = "picture"
    CHANGE_VENUE = "venue"
    SAVE_GROUP = "group"
    DELETE_GROUP = "delete_group"
    SET_MEMBERSHIP = "membership"
    IMPORT_MEMBERS = "members"
    GRANT_ROLE = "grant"
    CREATE_API_TOKEN = "api_token"
    REVOKE_API_TOKEN = "revoke_api_token"
    SECOND_FACTOR = "second_factor"
    RESET_SECOND_FACTOR = "reset_second_factor"
    ADD_VENUE = "venue_added"
    RENAME_VENUE = "venue_renamed"
    ORDER_VENUES = "venues_ordered"
    REMOVE_VENUE = "venue_removed"
    RETIRE_VENUE = "venue_retired"
    RESTORE_VENUE = "venue_restored"
    ADD_FEATURE = "feature_added"
    CHANGE_FEATURE = "feature"
    RETIRE_FEATURE = "feature_retired"
    RESTORE_FEATURE = "feature_restored"
    ADD_ROOM = "room_added"
    CHANGE_ROOM = "room"
    RETIRE_ROOM = "room_retired"
    RESTORE_ROOM = "room_restored"
    CHANGE_ROOM_CALENDAR = "room_calendar"
    CHANGE_PROFILE = "profile"
    ANNOUNCE_SEASON = "season"
    START_FREEZE_SEASON = "start_freeze_season"
    FREEZE_SEASON = "freeze_season"
    START_DRAW_SEASON = "start_draw_season"
    DRAW_SEASON = "draw_season"
    ABORT_SEASON = "abort_season"
    TAKE_BACK_SEASON = "take_back_season"
    SET_UP = "setup"
    RESOLVE_AFFECTED = "affected_bookings"
    LOOKED_UP = "look_up"
    REVEAL_NUMBER = "reveal_number"
    EXPORTED = "export"


class AuditKind(StrEnum):
    """The part of the log in which an entry is listed: changes, or views of personal data, which
    are many and would hide the changes. The values are stored."""

    CHANGE = "change"
    LOOK = "look"


_LOOKS: Final = frozenset({AuditAction.LOOKED_UP, AuditAction.REVEAL_NUMBER, AuditAction.EXPORTED})


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One operation in the audit log. `reader`: the reader whom it concerns. `before`: the state
    when the operation was requested. `after`: the state after the operation, or what a view
    showed; None if the operation was refused or its end is unknown. `outcome`: ``DONE``, the
    error code of a refusal, or "" if the end is unknown."""

    id: str
    at: datetime
    actor_id: ReaderId
    role: str
    action: AuditAction
    target: str
    reader: ReaderId | None = None
    reason: str = ""
    before: JsonObject = field(default_factory=dict)
    after: JsonObject | None = None
    outcome: str = ""

    @property
    def kind(self) -> AuditKind:
        return AuditKind.LOOK if self.action in _LOOKS else AuditKind.CHANGE


@dataclass(frozen=True, slots=True)
class AuditQuery:
    """A filter of audit entries; an empty field does not restrict them."""

    actor_id: str = ""
    action: str = ""
    reader: str = ""
    target: str = ""
    kind: str = ""
