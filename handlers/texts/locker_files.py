from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from handlers.texts.floor_files import column_words
from languages.text import _, _p

LOCKER_COLUMN_TEXT: Final[Mapping[str, str]] = {
    "number": _p("file", "柜号"),
    "size": _p("file", "大小"),
}
"""The headings of a table of lockers, by the fields of a row."""
LOCKER_COLUMNS: Final = column_words(
    LOCKER_COLUMN_TEXT,
    {
        **dict.fromkeys(("储物柜", "存包柜", "柜子", "编号", "号码", "no", "no.", "id"), "number"),
        **dict.fromkeys(("locker", "locker no.", "locker number"), "number"),
        **dict.fromkeys(("尺寸", "规格", "柜型"), "size"),
    },
)
SHEET: Final = _p("file", "储物柜")
TEMPLATE_ROWS: Final = (("A-001", _("大")), ("A-002", _("小")), ("A-003", ""))
