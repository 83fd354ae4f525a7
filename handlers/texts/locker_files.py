from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from handlers.texts.floor_files import column_words
from languages.text import _, _p

LOCKER_COLUMN_TEXT: Final[Mapping[str, str]] = {
    "number": _p("file", "柜号"),
    "size": _p("file", "大小"),
    "place": _p("file", "位置"),
    "row": _p("file", "第几层"),
}
"""The headings of a table of lockers, by the fields of a row."""
LOCKER_COLUMNS: Final = column_words(
    LOCKER_COLUMN_TEXT,
    {
        **dict.fromkeys(("储物柜", "存包柜", "柜子", "编号", "号码", "no", "no.", "id"), "number"),
        **dict.fromkeys(("locker", "locker no.", "locker number"), "number"),
        **dict.fromkeys(("尺寸", "规格", "柜型"), "size"),
        **dict.fromkeys(("地点", "柜组", "location", "where"), "place"),
        **dict.fromkeys(("层", "排", "行", "tier"), "row"),
    },
)
SHEET: Final = _p("file", "储物柜")
TEMPLATE_ROWS: Final = (
    ("A-001", _("大"), _("一层大厅"), "1"),
    ("A-002", _("小"), _("一层大厅"), "2"),
    ("A-003", "", "", ""),
)
