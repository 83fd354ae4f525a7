from __future__ import annotations

from models.kernel.errors import Forbidden, Unauthenticated, Unavailable


class CodeInvalid(Unauthenticated):
    """The code of wx.login is unknown, expired or used. The client has to call wx.login again."""

    code = "code_invalid"


class WeChatUserBlocked(Forbidden):
    """WeChat rates this user as a high risk and returns no identity."""

    code = "wechat_user_blocked"


class WeChatUnavailable(Unavailable):
    """WeChat gives no usable answer for now."""

    code = "wechat_unavailable"


class TokenUnavailable(WeChatUnavailable):
    """No access_token is available, so the call was not made. ``errcode``: WeChat's, None
    without an answer. ``lasting``: waiting does not help, because a person has to act or because
    WeChat refuses even the token that it has just issued."""

    def __init__(self, errcode: int | None, *, lasting: bool, retry_after: float = 2) -> None:
        super().__init__(retry_after)
        self.errcode = errcode
        self.lasting = lasting
