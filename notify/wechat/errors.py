"""What can go wrong between us and WeChat, in the service's families."""

from __future__ import annotations

from models.kernel.errors import Forbidden, Unauthenticated, Unavailable


class CodeInvalid(Unauthenticated):
    """The wx.login code is unknown, expired or used: the client calls wx.login again."""

    code = "code_invalid"


class WeChatUserBlocked(Forbidden):
    """WeChat holds this user for a high risk and gives no identity."""

    code = "wechat_user_blocked"


class WeChatUnavailable(Unavailable):
    """WeChat does not answer, or not in a way that helps: try again later."""

    code = "wechat_unavailable"


class TokenUnavailable(WeChatUnavailable):
    """No access_token can be had just now; no call was made with one.

    ``errcode`` is WeChat's, or None when it did not answer. ``lasting`` means that a person has to
    act (a wrong secret, an address that is not on the list) or that WeChat refuses its own token.
    """

    def __init__(self, errcode: int | None, *, lasting: bool, retry_after: float = 2) -> None:
        super().__init__(retry_after)
        self.errcode = errcode
        self.lasting = lasting
