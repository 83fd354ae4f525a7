from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from handlers.texts.labels import FEATURE_TEXT
from languages.catalogue import LANGUAGES
from languages.text import _, _p, joined
from models.floor_files.table import Vocabulary
from models.kernel.text import CP1252, GB18030, UTF_8, UTF_16
from models.library.entities import SEAT_FEATURES

COLUMN_TEXT: Final[Mapping[str, str]] = {
    "area_id": _p("file", "区域编号"),
    "area": _p("file", "区域"),
    "venue": _p("file", "场馆"),
    "floor": _p("file", "楼层"),
    "seat": _p("file", "座位号"),
    "row": _p("file", "行"),
    "column": _p("file", "列"),
    "x": "x",
    "y": "y",
    **FEATURE_TEXT,
    "disabled": _p("file", "停用原因"),
    "disabled_from": _p("file", "停用从"),
    "disabled_until": _p("file", "停用到"),
    "kind": _p("file", "类型"),
    "w": _p("file", "宽"),
    "h": _p("file", "高"),
}
_ALSO: Final[Mapping[str, str]] = {
    "area id": "area_id",
    "id": "area_id",
    "area": "area",
    "区域名称": "area",
    "阅览室": "area",
    "room": "area",
    "venue": "venue",
    "校区": "venue",
    "floor": "floor",
    "层": "floor",
    "seat": "seat",
    "no": "seat",
    "number": "seat",
    "座位": "seat",
    "座号": "seat",
    "row": "row",
    "排": "row",
    "column": "column",
    "col": "column",
    "横坐标": "x",
    "纵坐标": "y",
    "插座": "power",
    "disabled": "disabled",
    "disabled from": "disabled_from",
    "disabled until": "disabled_until",
    "kind": "kind",
    "type": "kind",
    "width": "w",
    "height": "h",
}
FEATURE_COLUMNS: Final = joined(FEATURE_TEXT.values(), "、")
"""The names of the columns with seats' features, joined for a sentence."""
KIND_TEXT: Final[Mapping[str, str]] = {
    "seat": _p("file", "座位"),
    "area": _p("file", "区域"),
    "wall": _p("file", "墙"),
    "window": _p("file", "窗"),
    "bookshelf": _p("file", "书架"),
    "door": _p("file", "门"),
    "pillar": _p("file", "柱"),
    "kiosk": _p("file", "选座机"),
}
YES: Final = _("是")
YES_WORDS: Final = (str(YES), "yes", "y", "ja", "x", "true", "1")
NO_WORDS: Final = ("否", "no", "n", "nein", "false", "0")
FEATURE_WORDS: Final = _(
    "有的填 {yes}，没有的留空或填 {no}", yes=joined(YES_WORDS, "、"), no=joined(NO_WORDS, "、")
)
"""The words for yes and no that help and error texts list. docs/floor-files.md lists all words
that an import accepts."""


def column_words(texts: Mapping[str, str], also: Mapping[str, str]) -> dict[str, str]:
    """The names of a file's columns by what stands above them: their ``texts`` in each language,
    the names themselves, and other words."""
    return {
        **{
            language.say(text).lower(): name
            for language in LANGUAGES.values()
            for name, text in texts.items()
        },
        **{name.replace("_", " "): name for name in texts},
        **{name: name for name in texts},
        **also,
    }


WORDS: Final = Vocabulary(
    columns=column_words(COLUMN_TEXT, _ALSO),
    yes=frozenset(
        {
            *YES_WORDS,
            *("有", "√", "✓", "✔", "j", "wahr", "oui", "o", "vrai"),
            *("sí", "si", "sì", "sim", "da", "tak", "ano"),
        }
    ),
    no=frozenset(
        {
            *NO_WORDS,
            *("无", "没有", "-", "×", "✗", "falsch", "non", "faux", "nee", "não", "nie", "ne"),
        }
    ),
    kinds={
        language.say(text).lower(): kind
        for language in LANGUAGES.values()
        for kind, text in KIND_TEXT.items()
    }
    | {kind: kind for kind in KIND_TEXT},
)

# --- templates ------------------------------------------------------------------------------------
TEMPLATE_FIELDS: Final = (
    *("area", "floor", "seat", "row", "column"),
    *SEAT_FEATURES,
)
_EAST: Final = _("五层东区")
_WEST: Final = _("五层西区")
TEMPLATE_ROWS: Final = (
    (_EAST, "5", "A-1", "1", "1", YES, YES, "", ""),
    (_EAST, "5", "A-2", "1", "2", YES, "", "", ""),
    (_EAST, "5", "A-3", "2", "1", "", "", "", YES),
    (_WEST, "5", "001", "1", "1", YES, "", YES, ""),
)
ENCODING_TEXT: Final[Mapping[str, str]] = {
    UTF_8: "UTF-8",
    GB18030: _("GB18030（中文）"),
    CP1252: _("Windows-1252（西欧）"),
    UTF_16: _("UTF-16（Excel 的 Unicode 文本）"),
}
SHEET_TEXT: Final[Mapping[str, str]] = {"seats": _("座位"), "explained": _p("column", "说明")}
TEMPLATE_EXPLAINED: Final = (
    (_("列"), _("怎样填写")),
    (_("区域"), _("区域的名称，最多 40 字。已有的区域按名称认出，按文件更改；没有的新建。")),
    (
        _("区域:en"),
        _("可不填。区域在其他语言里的名称，冒号后是语言代码，例如 en、zh-Hant。"),
    ),
    (_("楼层"), _("整数，地下为负数。新区域必填，也可以在上传时统一填写。")),
    (
        _("座位号"),
        _("1–20 个字母或数字，中间可以有 - . / 或空格。同一区域内不能重复，不分大小写。"),
    ),
    (_("行、列"), _("从 1 起的整数，座位按行和列排开。空出一行或一列就是过道。")),
    ("x、y", _("代替行和列：座位左上角的位置，座位边长 40。")),
    (FEATURE_COLUMNS, _("{text}。", text=FEATURE_WORDS)),
    (_("停用原因、停用从、停用到"), _("可不填。日期例如 2026-09-01。")),
    (_("场馆、区域编号"), _("可不填。有几个场馆时写场馆名称。")),
    (
        _("类型、宽、高"),
        _(
            "可不填。墙、窗、书架、门、柱、选座机也可以各占一行，填 x、y、宽、高；"
            "“区域”一行的宽和高是整个平面图的大小。"
        ),
    ),
    (
        _("注意"),
        _("文件里写到的区域，以文件为准：没有写的座位会移除。确认前先显示预览，不会改动任何数据。"),
    ),
)

# --- errors ---------------------------------------------------------------------------------------
PROBLEM_TEXT: Final[Mapping[str, str]] = {
    "file_missing": _("请选择文件"),
    "file_too_large": _("文件最大 {most} MB"),
    "not_text": _("不是文本文件，请另存为 CSV（UTF-8）或 XLSX"),
    "encoding_unknown": _("认不出文字的编码，请在“文字编码”中选择，或者另存为 XLSX 后再上传"),
    "not_a_table": _("不是表格，请另存为 CSV（UTF-8）或 XLSX"),
    "not_a_workbook": _("工作簿打不开，请另存为 XLSX 或 CSV 后再试"),
    "too_costly": _("文件太复杂，没有读完，什么也没有改动。请只保留要导入的表，另存为 CSV 后再试"),
    "not_json": _("不是完整的 JSON 文件，第 {line} 行有错误"),
    "not_a_plan_file": _("不是平面图文件，{where} 处不符合格式"),
    "not_a_layout": _("不是 layoutByDate 文件，{where} 处不符合格式"),
    "layout_key": _("格子“{key}”应为行号加三位列号"),
    "layout_without_seats": _("没有座位"),
    "no_rows": _("没有座位"),
    "columns_missing": _("第一行应为列名，至少有“区域”和“座位号”"),
    "column_twice": _("有两列都是“{column}”"),
    "too_many_lines": _("最多 {most} 行"),
    "too_many_areas": _("一个文件最多 {most} 个区域"),
    "too_many_seats_in_file": _("一个文件最多 {most} 个座位"),
    "formula": _("有公式，请复制后粘贴为数值"),
    "area_missing": _("缺少区域"),
    "seat_missing": _("缺少座位号"),
    "half_a_place": _("位置不完整：x 和 y，或者行和列，都要填"),
    "fixture_place": _("标记的 x、y、宽、高都要填"),
    "not_a_number": _("“{column}”应为不超过 {most} 的整数，而不是“{text}”"),
    "not_yes_or_no": _("“{column}”不能是“{text}”：{words}"),
    "not_a_day": _("“{column}”应为日期，例如 2026-09-01，而不是“{text}”"),
    "area_twice": _("区域“{area}”出现了两次"),
    "area_id_deleted": _("编号 {id} 属于已删除的区域，请换一个编号"),
    "area_of_another_venue": _("区域“{area}”在另一个场馆，不能用文件移过去"),
    "area_not_one": _("有几个区域都叫“{area}”，请填写楼层、场馆或区域编号"),
    "area_out_of_use": _("区域“{area}”已停用，请先恢复使用"),
    "area_id_format": _("区域编号“{id}”应为 2–30 个小写字母、数字或连字符"),
    "venue_unknown": _("没有场馆“{venue}”"),
    "new_area_without_name": _("新区域 {id} 缺少名称"),
    "new_area_without_floor": _("新区域“{area}”缺少楼层"),
    "new_seat_without_place": _("新座位 {no} 缺少位置：请填写行和列，或者 x 和 y"),
}
"""Errors in an imported file, by code. Errors that any floor plan can have are in
``errors.REASONS``."""
LINE_TEXT: Final = _("第 {line} 行：{what}")
AREA_TEXT: Final = _("{area}：{what}")
