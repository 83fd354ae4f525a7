"""The messages to applicants of a season: what they got, or that it was aborted, or that they were
left out when the list was frozen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from languages.text import _
from models.messages.entities import Message
from models.seasons.entities import SeasonKind

SEASON: Final = "season"
"""The fact of such a message that names the season."""
PAGE_TITLE: Final = _("学期座位与储物柜")
RESULT: Final = _("抽签的结果")
NOT_DRAWN: Final = _("没有参加抽签")
NO_DRAW: Final = _("抽签已中止")
"""The titles."""
LEFT_OUT: Final = _(
    "“{season}”的名单已封存。封存时您不在可以申请的读者之中，您的申请没有参加抽签。"
    "如有疑问请到服务台。"
)
GOT: Final[Mapping[SeasonKind, str]] = {
    SeasonKind.SEATS: _(
        "“{season}”已抽签，您分到的座位：{thing}，{first}至{last}。"
        "抽签可以在“学期座位与储物柜”里核对。"
    ),
    SeasonKind.LOCKERS: _(
        "“{season}”已抽签，您分到的储物柜：{thing}，{first}至{last}。"
        "抽签可以在“学期座位与储物柜”里核对。"
    ),
}
WAITS: Final = _(
    "“{season}”已抽签，您没有分到，在候补的名单上是第 {place} 位"
    "（抽签第 {rank} 位，共 {count} 份申请）。抽签可以在“学期座位与储物柜”里核对。"
)
ABORTED: Final = _("“{season}”已由图书馆中止，不再抽签。原因：{reason}")


def season_page(message: Message) -> str:
    """The path of the page of the season that the message is about; empty if it is about none."""
    id = message.facts.get(SEASON)
    return f"/seasons/{id}" if id is not None else ""
