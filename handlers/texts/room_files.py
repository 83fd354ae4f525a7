from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from handlers.texts.floor_files import FEATURE_WORDS, NO_WORDS, WORDS, YES, column_words
from languages.catalogue import LANGUAGES
from languages.text import _, _p
from models.floor_files.room_table import RoomWords
from models.library.rooms import RequestAnswer

ROOM_COLUMN_TEXT: Final[Mapping[str, str]] = {
    "id": _p("file", "编号"),
    "venue": _p("file", "场馆"),
    "name": _p("file", "名称"),
    "floor": _p("file", "楼层"),
    "least": _p("file", "最少人数"),
    "most": _p("file", "最多人数"),
    "equipment": _p("file", "设备"),
    "hours": _p("file", "开放时间"),
    "min_minutes": _p("file", "最短分钟"),
    "max_minutes": _p("file", "最长分钟"),
    "step_minutes": _p("file", "间隔分钟"),
    "days_ahead": _p("file", "提前天数"),
    "bookings_a_week": _p("file", "每周次数"),
    "buffer_minutes": _p("file", "空出分钟"),
    "purpose_wanted": _p("file", "写用途"),
    "confirm_minutes": _p("file", "确认分钟"),
    "unanswered": _p("file", "审批"),
}
"""The headings of a table of rooms, by the fields of rooms and their rules."""
ROOM_LIST_ENDS: Final = r"[、，;；\n]+"
"""Matches what separates the names of rooms in a typed list. A name may contain a comma."""
_ALSO: Final[Mapping[str, str]] = {
    "venue id": "venue",
    "venue_id": "venue",
    "研修间": "name",
    "房间": "name",
    "room": "name",
    "层": "floor",
    "层数": "floor",
}
ANSWER_TEXT: Final[Mapping[RequestAnswer, str]] = {
    RequestAnswer.APPROVE: _p("file", "没有答复算同意"),
    RequestAnswer.DECLINE: _p("file", "没有答复算谢绝"),
}
NO_APPROVAL: Final = _p("file", "不需要")
NAME_IN: Final = _("名称（{tag}）")
CHANGED: Final = _("{field}：{before} → {after}")
ROOM_WORDS: Final = RoomWords(
    columns=column_words(ROOM_COLUMN_TEXT, _ALSO),
    yes=WORDS.yes,
    no=WORDS.no,
    answers={
        str(language.say(text)).lower(): answer
        for language in LANGUAGES.values()
        for answer, text in (*ANSWER_TEXT.items(), (None, NO_APPROVAL))
    }
    | {answer.value: answer for answer in RequestAnswer}
    | dict.fromkeys(NO_WORDS),
    dashes="[-–—至~～]",
    ends=r"[,，、;；\n]+",
)

# --- the template ---------------------------------------------------------------------------------
TEMPLATE_FIELDS: Final = tuple(name for name in ROOM_COLUMN_TEXT if name not in ("id", "venue"))
_BOARD: Final = _("白板、投影仪")
TEMPLATE_ROWS: Final = (
    (
        *(_("研修间201"), "2", "2", "4", _BOARD, "", "30", "240", "30", "7", "3"),
        *("0", "", "", ""),
    ),
    (
        *(_("研修间301"), "3", "4", "8", _BOARD, "09:00-21:00", "60", "180", "30", "14", "2"),
        *("30", YES, "120", ANSWER_TEXT[RequestAnswer.APPROVE]),
    ),
)
SHEET_TEXT: Final[Mapping[str, str]] = {
    "rooms": _p("several", "研修间"),
    "explained": _p("column", "说明"),
}
TEMPLATE_EXPLAINED: Final = (
    (_("列"), _("怎样填写")),
    (_("名称"), _("研修间的名称，最多 60 字。已有的研修间按名称认出，按文件更改；没有的新建。")),
    (_("名称:en"), _("可不填。研修间在其他语言里的名称，冒号后是语言代码，例如 en、zh-Hant。")),
    (_("楼层"), _("整数，地下为负数。新的研修间必填。")),
    (_("最少人数、最多人数"), _("整数。新的研修间必填。")),
    (_("设备"), _("可不填。几样设备用顿号隔开。")),
    (_("开放时间"), _("可不填，则和场馆一样。例如 09:00-21:00。")),
    (
        _("最短分钟、最长分钟、间隔分钟"),
        _("一次最短、最长多久，开始和结束隔多久；间隔是 30 的倍数。"),
    ),
    (_("提前天数、每周次数"), _("最多提前几天预约；每人每周最多几次，各研修间合计。")),
    (_("空出分钟"), _("用完后空出多久，供整理：0、30 或 60。")),
    (_("写用途"), _("{text}。", text=FEATURE_WORDS)),
    (
        _("确认分钟"),
        _("可不填。开始前多少分钟要有最少人数确认，不够就释放。"),
    ),
    (
        _("审批"),
        _(
            "填“{approve}”或“{decline}”，馆员就要答复每个申请；不填或填“{not_needed}”则不用。",
            approve=ANSWER_TEXT[RequestAnswer.APPROVE],
            decline=ANSWER_TEXT[RequestAnswer.DECLINE],
            not_needed=NO_APPROVAL,
        ),
    ),
    (_("场馆、编号"), _("可不填。有几个场馆时写场馆名称。")),
    (
        _("注意"),
        _("空格保持原样：已有的研修间不变，新的用常用的数字。文件里没有的研修间不受影响。"),
    ),
)
