from __future__ import annotations

from typing import Final

from handlers.texts.console_labels import ACTION_LABELS
from languages.text import _
from models.staff.audit import AuditAction

_SERVED: Final = frozenset(
    {
        *(AuditAction.CHECK_IN, AuditAction.LEAVE, AuditAction.FINISH, AuditAction.CANCEL),
        *(AuditAction.MOVE, AuditAction.ACCEPT_OFFER, AuditAction.DECLINE_OFFER),
        *(
            AuditAction.END_PARTY,
            AuditAction.APPROVE_ROOM,
            AuditAction.DECLINE_ROOM,
            AuditAction.BLOCK_ROOM,
            AuditAction.CHANGE_BLOCK,
            AuditAction.END_BLOCK,
            AuditAction.RESTORE_BLOCK,
            AuditAction.RESOLVE_REPORT,
            AuditAction.REJECT_REPORT,
            AuditAction.CLOSE_FAULT,
        ),
        *(AuditAction.WAIVE, AuditAction.UNBIND, AuditAction.BOOK, AuditAction.SUSPEND),
        *(AuditAction.RELEASE, AuditAction.ADD_VISITOR, AuditAction.CONFIRM_BINDING),
        *(AuditAction.REFUSE_BINDING, AuditAction.REVOKE_REVIEW_CODE),
    }
)
"""Actions for single readers, which save nothing."""
_SHOWN_TO_READERS: Final = frozenset(
    {
        *(AuditAction.CHANGE_PLAN, AuditAction.CHANGE_AREA, AuditAction.RETIRE_AREA),
        *(AuditAction.BRING_BACK_AREA, AuditAction.SAVE_GROUP, AuditAction.DELETE_GROUP),
        *(AuditAction.ADD_FEATURE, AuditAction.CHANGE_FEATURE, AuditAction.RETIRE_FEATURE),
        *(AuditAction.RESTORE_FEATURE, AuditAction.NOTICE, AuditAction.CHANGE_PROFILE),
        *(AuditAction.RENAME_VENUE, AuditAction.ORDER_VENUES, AuditAction.RETIRE_VENUE),
        *(AuditAction.ADD_ROOM, AuditAction.CHANGE_ROOM, AuditAction.RETIRE_ROOM),
        *(AuditAction.RESTORE_ROOM, AuditAction.RESTORE_VENUE, AuditAction.CHANGE_VENUE),
    }
)


def saved_text(action: str) -> str:
    """The line about a form that has just taken effect; empty if ``action`` is no action of the
    audit log."""
    if action not in set(AuditAction):
        return ""
    what = ACTION_LABELS[AuditAction(action)]
    if action in _SERVED:
        return _("已办理：{what}", what=what)
    if action in _SHOWN_TO_READERS:
        return _("已保存：{what}，读者的页面几秒内更新。", what=what)
    return _("已保存：{what}。", what=what)
