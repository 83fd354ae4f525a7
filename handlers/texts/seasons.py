from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from languages.text import _, _p
from models.seasons.entities import LossReason, SeasonKind, SeasonStage

STAGE_TEXT: Final[Mapping[SeasonStage, str]] = {
    SeasonStage.ANNOUNCED: _("尚未开放申请"),
    SeasonStage.APPLYING: _("正在申请"),
    SeasonStage.CLOSED: _("申请已截止"),
    SeasonStage.FROZEN: _("名单已封存，等待抽签"),
    SeasonStage.DRAWN: _("已抽签"),
    SeasonStage.ABORTED: _("已中止"),
    SeasonStage.VOID: _("作废：图书馆没有按期公布种子"),
}
KIND_TEXT: Final[Mapping[SeasonKind, str]] = {
    SeasonKind.SEATS: _p("in a sentence", "座位"),
    SeasonKind.LOCKERS: _("储物柜"),
}
LOCKERS: Final = _p("label", "储物柜")
"""Names lockers of which the place is not known, beside those of places."""
ANY_THING: Final = _("任意一个")
DONE_TEXT: Final[Mapping[str, str]] = {
    "apply": _("申请已记下。请保存凭证：以后只有它能证明哪一份申请是您的。"),
    "withdraw": _("申请已撤回。"),
    "give_up": _("已放弃。"),
    "swap": _("已请对方交换，对方同意后您会收到消息。"),
    "no_swap": _("已不再请求交换。"),
    "swapped": _("已交换。"),
}
LOSS_TEXT: Final[Mapping[LossReason, str]] = {
    LossReason.GIVEN_UP: _("已放弃"),
    LossReason.UNUSED: _("因闲置收回"),
    LossReason.TAKEN_BACK: _("由图书馆收回"),
    LossReason.CLEARED: _("已清空"),
}
NO_WISH: Final = _("请至少填写一个志愿，或选择任意一个")
WISHES_FULL: Final = _("志愿已满，“任意一个”也算一个：请去掉一个志愿，或不选任意一个")
EXPORT_HEADER: Final = (_("顺位"), _("姓名"), _("学号"), _("座位或储物柜"), _("权重"))
