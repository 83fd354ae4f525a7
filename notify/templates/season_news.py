"""The messages to applicants of a season: what they got, or that it was aborted, or that they were
left out when the list was frozen; and what changes for holders later."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from languages.text import _
from models.messages.entities import Message
from models.seasons.entities import NewsKind, SeasonKind

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
CHANGES: Final[Mapping[NewsKind, tuple[str, Mapping[SeasonKind, str]]]] = {
    NewsKind.GOT: (
        _("候补到了"),
        {
            SeasonKind.SEATS: _(
                "“{season}”候补到您了，您分到的座位：{thing}，{from_day}至{last}。"
            ),
            SeasonKind.LOCKERS: _("“{season}”候补到您了，您分到的储物柜：{thing}，到{last}为止。"),
        },
    ),
    NewsKind.WARNED: (
        _("座位闲置"),
        {
            SeasonKind.SEATS: _(
                "您的学期座位 {thing} 已连续 {days} 天没有使用。"
                "再有一天没来，座位就转给候补的读者。"
                "来不了的日子请先取消，取消的不算；有特殊情况请申诉。"
            )
        },
    ),
    NewsKind.LOST: (
        _("已收回"),
        {
            SeasonKind.SEATS: _(
                "您在“{season}”里的座位 {thing} 已收回，转给候补的读者。如有疑问请到服务台。"
            ),
            SeasonKind.LOCKERS: _("您在“{season}”里的储物柜 {thing} 已收回。如有疑问请到服务台。"),
        },
    ),
    NewsKind.SWAP_ASKED: (
        _("有人想和您交换"),
        {
            SeasonKind.SEATS: _(
                "有读者想用自己的座位换您的 {thing}。是否同意，请到“学期座位与储物柜”里决定。"
            ),
            SeasonKind.LOCKERS: _(
                "有读者想用自己的储物柜换您的 {thing}。是否同意，请到“学期座位与储物柜”里决定。"
            ),
        },
    ),
    NewsKind.SWAPPED: (
        _("已交换"),
        {
            SeasonKind.SEATS: _("已交换，从{from_day}起您的座位是：{thing}。"),
            SeasonKind.LOCKERS: _("已交换，您的储物柜是：{thing}。"),
        },
    ),
    NewsKind.ENDING: (
        _("请按期清空储物柜"),
        {SeasonKind.LOCKERS: _("储物柜 {thing} 用到{last}，请最晚在{until}清空。")},
    ),
    NewsKind.OVERDUE: (
        _("请清空储物柜"),
        {SeasonKind.LOCKERS: _("储物柜 {thing} 已到期，请最晚在{until}清空，之后由图书馆清理。")},
    ),
}
"""The title and the text for each change since the draw, by what is given."""
ABORTED: Final = _("“{season}”已由图书馆中止，不再抽签。原因：{reason}")

VOID: Final = _("“{season}”的抽签作废：图书馆没有按期公布种子。如有疑问请到服务台。")


def season_page(message: Message) -> str:
    """The path of the page of the season that the message is about; empty if it is about none."""
    id = message.facts.get(SEASON)
    return f"/seasons/{id}" if id is not None else ""
