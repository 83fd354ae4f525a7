"""Types of template fields, and the values that WeChat accepts in them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Mapping
from typing import Any, Final

from miniapp_server.sandbox.wechat_errors import WeChatError

_CLOCK = r"([01]?\d|2[0-3]):[0-5]\d(:[0-5]\d)?"
_DAY = r"(\d{4}年\d{1,2}月\d{1,2}日|\d{4}([-/.]\d{1,2}){1,2}|\d{1,2}-\d{1,2}|\d{1,2}月\d{1,2}日)"
_PATTERNS: Final[Mapping[str, re.Pattern[str]]] = {
    kind: re.compile(pattern, re.ASCII)
    for kind, pattern in {
        "number": r"-?\d+(\.\d+)?",
        "letter": r"[A-Za-z]+",
        "symbol": r"[^0-9A-Za-z\s\u3400-\u9fff]+",
        "character_string": r"[!-~]+",
        "time": rf"({_DAY} ?)?{_CLOCK}(~({_DAY} ?)?{_CLOCK})?",
        "date": rf"{_DAY}( ?{_CLOCK})?(~{_DAY}( ?{_CLOCK})?)?",
        "amount": r"[¥￥$€£]?\d{1,10}(\.\d+)?元?",
        "phone_number": r"[-+() 0-9]+",
        "car_number": r"[0-9A-Za-z\u4e00-\u9fff][0-9A-Za-z]*[0-9A-Za-z\u4e00-\u9fff]?",
        "phrase": r"[\u4e00-\u9fff]+",
        "name": r"[^\d]+",
    }.items()
}
_LONGEST: Final[Mapping[str, int]] = {
    "thing": 20,
    "number": 32,
    "letter": 32,
    "symbol": 5,
    "character_string": 32,
    "phone_number": 17,
    "car_number": 8,
    "phrase": 5,
}


def fits(kind: str, value: str) -> bool:
    """Whether WeChat accepts ``value`` in a field of type ``kind``."""
    is_known = kind in _PATTERNS or kind in _LONGEST or kind == "enum"
    if (
        not is_known
        or not value.strip()
        or any(unicodedata.category(char) == "Cc" for char in value)
    ):
        return False
    # Latin names may be twice as long as Chinese ones.
    longest = (20 if value.isascii() else 10) if kind == "name" else _LONGEST.get(kind, 64)
    pattern = _PATTERNS.get(kind)
    return len(value) <= longest and (pattern is None or pattern.fullmatch(value) is not None)


def checked_values(data: object) -> dict[str, str]:
    """A message's values by field key, checked by field type. Raises: WeChatError (47003)."""
    if not isinstance(data, dict) or not data:
        raise WeChatError(47003, " data is empty")
    values: dict[str, str] = {}
    for key, entry in data.items():
        value = entry.get("value") if isinstance(entry, dict) else None
        if value is None or value == "":
            raise WeChatError(47003, f" data.{key}.value is empty")
        kind = re.fullmatch(r"([a-z_]+)[0-9]+", key)
        if kind is None or not isinstance(value, str) or not fits(kind[1], value):
            raise WeChatError(47003, f" data.{key}.value invalid")
        values[key] = value
    return values


def listed_template(
    template_id: str, name: str, keys: Collection[str], long_term: bool
) -> dict[str, Any]:
    """A template as ``wxaapi/newtmpl/gettemplate`` returns it. Type 2 is for one message per
    consent, type 3 long-term."""
    return {
        "priTmplId": template_id,
        "title": name,
        "content": "".join(f"{key}:{{{{{key}.DATA}}}}\n" for key in keys),
        "example": "".join(f"{key}:1\n" for key in keys),
        "type": 3 if long_term else 2,
    }
