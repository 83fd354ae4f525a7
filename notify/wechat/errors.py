from __future__ import annotations

from models.kernel.errors import Forbidden, Unauthenticated, Unavailable


class CodeInvalid(Unauthenticated):
    """The wx.login code is unknown, expired or used: the client calls wx.login again."""

    code = "code_invalid"


class WeChatUserBlocked(Forbidden):
    """WeChat rates this user as a high risk and returns no identity."""

    code = "wechat_user_blocked"


class WeChatUnavailable(Unavailable):
    """WeChat gives no usable answer for now."""

    code = "wechat_unavailable"


class TokenUnavailable(WeChatUnavailable):
    """No access_token is available; no call was made with one. ``errcode``: WeChat's, None
    without an answer. ``lasting``: a person has to act, or WeChat refuses its own token."""

    def __init__(self, errcode: int | None, *, lasting: bool, retry_after: float = 2) -> None:
        super().__init__(retry_after)
        self.errcode = errcode
        self.lasting = lasting
