"""Why a room cannot be blocked on a day, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from handlers.texts.opening import in_brackets
from languages.text import Text, _
from models.kernel.errors import DomainError

_WHY: Final[Mapping[str, str]] = {
    "room_taken": _("已被占"),
    "closed": _("这段时间不开放{reason}"),
    "in_the_past": _("时间已过"),
    "off_grid": _("那天没有 {left_out}：时钟在这时拨快了"),
    "wrong_state": _("保存以后已取消"),
}
_BEGUN: Final = _("已经开始，只能改标题和结束时间")


def why_not(error: DomainError) -> Text | str:
    """The error of a planned day, in a few words."""
    if error.details.get("state") == "in_use":
        return _BEGUN
    facts = {"reason": in_brackets(str(error.details.get("reason", "")))}
    return _WHY[error.code].format_map({**error.details, **facts})
