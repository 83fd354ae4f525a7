"""The buttons of the official account's menu."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

ENTRY: Final = "座位预约"
COMPANIONS: Final[Mapping[str, str]] = {
    "SEATS": "空位查询",
    "MINE": "我的预约",
    "HELP": "使用帮助",
}
"""Labels of the menu's further buttons, by the key that WeChat sends when one is tapped."""
