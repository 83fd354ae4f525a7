"""A stand-in for WeChat's text check, version 2 (wxa/msg_sec_check)."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any, Final

from miniapp_server.sandbox.wechat_errors import WeChatError

_LONGEST: Final = 2500
_SCENES: Final = (1, 2, 3, 4)
_MARKS: Final[Mapping[str, tuple[str, int]]] = {
    # WeChat's own example of a text that breaks the rules, and words for trying it out.
    "特3456书yuuo莞6543李zxcz蒜7782法fgnv级": ("risky", 20001),
    "sandbox-risky": ("risky", 20003),
    "sandbox-review": ("review", 20003),
}
_NORMAL: Final = 100


def checked_text(body: Mapping[str, Any]) -> tuple[str, str]:
    """Checks the request's body. Returns the openid and the text to check. Raises: WeChatError."""
    openid, content = body.get("openid"), body.get("content")
    if body.get("version") != 2 or body.get("scene") not in _SCENES:
        raise WeChatError(40097)
    if not isinstance(openid, str) or not openid.startswith("o-"):
        raise WeChatError(40003)
    if not isinstance(content, str) or not 0 < len(content) <= _LONGEST:
        raise WeChatError(40097)
    return openid, content


def suggestion_on(content: str) -> dict[str, object]:
    suggest, label = next(
        (verdict for mark, verdict in _MARKS.items() if mark in content), ("pass", _NORMAL)
    )
    result = {"suggest": suggest, "label": label}
    strategy = {"strategy": "content_model", "errcode": 0, **result, "prob": 90}
    return {
        "errcode": 0,
        "errmsg": "ok",
        "detail": [strategy, {"strategy": "keyword", "errcode": 0}],
        "trace_id": f"{secrets.token_hex(4)}-{secrets.token_hex(4)}-{secrets.token_hex(4)}",
        "result": result,
    }
