"""The mini-program's calls to WeChat: logins, messages, text checks, links and codes."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from wechatpy.exceptions import WeChatClientException

from models.kernel.errors import Throttled
from models.messages.channel_pause import PauseReason
from models.wechat.access_token_repository import AccessTokenStore
from notify.outgoing_calls import OutgoingCalls
from notify.wechat.access_tokens import TokenRequestFailed
from notify.wechat.client import ConnectionFailed, WeChatClient
from notify.wechat.errors import CodeInvalid, TokenUnavailable, WeChatUnavailable, WeChatUserBlocked
from notify.wechat.retry_policy import OUTCOMES, SendResult, SendStatus
from notify.wechat.service_messages import send_text
from notify.wechat.text_check_answers import TextCheckAnswer, judged, refused

_log = logging.getLogger(__name__)
MiniProgramState = Literal["formal", "trial", "developer"]
_VERSIONS: Final[Mapping[MiniProgramState, str]] = {
    "formal": "release",
    "trial": "trial",
    "developer": "develop",
}
_JS_CODE: Final = re.compile(r"[0-9A-Za-z_-]{1,128}")
_FIELD: Final = re.compile(r"data\.([a-z_]+[0-9]+)")
_CODE_ERRORS: Final = frozenset({40029, 40163})
_BLOCKED: Final = 40226
_MINUTE_QUOTA: Final = 45011
_SYSTEM_BUSY: Final = -1
LONGEST_LINK: Final = 30
"""A link into the mini-program is valid for at most this many days."""


@dataclass(frozen=True, slots=True)
class WeChatIdentity:
    """A logged-in mini-program user. `unionid` is None without a bound Open Platform account."""

    openid: str
    unionid: str | None


@dataclass(frozen=True, slots=True)
class UrlLink:
    """A link into the mini-program from outside WeChat, valid at least until ``until``."""

    url: str
    until: datetime


class MiniProgramClient:
    """One mini-program's calls to WeChat. An async context manager. A connection may take 3 s of
    ``timeout_seconds``. A login is tried again, after ``pause_seconds``, if WeChat was busy."""

    def __init__(
        self,
        *,
        base_url: str,
        appid: str,
        secret: str,
        shared_tokens: AccessTokenStore,
        timeout_seconds: float = 8,
        pause_seconds: float = 0.3,
    ) -> None:
        self._transport = WeChatClient(
            base_url=base_url,
            appid=appid,
            secret=secret,
            shared_tokens=shared_tokens,
            timeout_seconds=timeout_seconds,
        )
        self._pause_seconds = pause_seconds

    @property
    def calls(self) -> OutgoingCalls:
        return self._transport.calls

    async def __aenter__(self) -> MiniProgramClient:
        await self._transport.__aenter__()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self._transport.__aexit__(*exc_info)

    async def exchange_code(self, js_code: str) -> WeChatIdentity:
        """Exchanges a code of wx.login, which is valid once and for 5 minutes, for the identity
        of its user. Raises: CodeInvalid; WeChatUserBlocked; Throttled (too many logins of this
        user within a minute); WeChatUnavailable for any other failure."""
        if _JS_CODE.fullmatch(js_code) is None:
            raise CodeInvalid()
        try:
            try:
                answer = await self._transport.wxa.code_to_session(js_code)
            except WeChatClientException as error:
                if error.errcode != _SYSTEM_BUSY:
                    raise
                # With the same code: if it was used up after all, 40163 asks for a new login.
                await asyncio.sleep(self._pause_seconds)
                answer = await self._transport.wxa.code_to_session(js_code)
        except WeChatClientException as error:
            raise _login_error(error.errcode) from None
        openid = answer.get("openid") if isinstance(answer, dict) else None
        if not isinstance(openid, str) or not openid:
            raise _login_error(None)
        unionid = answer.get("unionid")
        return WeChatIdentity(openid, str(unionid) if unionid else None)

    async def link(
        self, page: str, query: str, days: int, state: MiniProgramState, now: datetime
    ) -> UrlLink:
        """Requests a link that opens ``page`` from outside WeChat, valid for ``days`` from
        ``now``, at most ``LONGEST_LINK``. Raises: WeChatUnavailable."""
        try:
            answer = await self._transport.wxa.url_link(page, query, days, _VERSIONS[state])
            return UrlLink(str(answer["url_link"]), now + timedelta(days=days))
        except (WeChatClientException, KeyError, TypeError) as error:
            code = getattr(error, "errcode", None)
            raise WeChatUnavailable(errcode=code) from error

    async def answers(self) -> bool:
        """Requests a token. True if WeChat answers, even with a refusal."""
        try:
            await self._transport.issue_token()
        except TokenRequestFailed as error:
            return error.errcode not in (None, _SYSTEM_BUSY)
        return True

    async def send_subscribe(
        self,
        openid: str,
        template_id: str,
        page: str | None,
        data: Mapping[str, str],
        miniprogram_state: MiniProgramState,
        lang: str = "zh_CN",
    ) -> SendResult:
        """Sends one subscribe message. Failures are results, not exceptions. Calls for one
        openid must not overlap (WeChat answers 43108). ``page`` has no leading slash. ``data``:
        formatted values by the template's keys (``thing1``)."""
        try:
            answer = await self._transport.wxa.send_subscribe_message(
                openid,
                template_id,
                {key: {"value": value} for key, value in data.items()},
                page=page,
                miniprogram_state=miniprogram_state,
                lang=lang,
            )
        except TokenUnavailable as error:
            outcome = SendStatus.TOKEN if error.lasting else SendStatus.BUSY
            return SendResult(outcome, error.errcode)
        except ConnectionFailed:
            return SendResult(SendStatus.BUSY)
        except WeChatClientException as error:
            return _send_failure(error, had_page=bool(page))
        return _sent(answer)

    async def send_text(self, openid: str, text: str) -> int | None:
        """Sends a text to a user who has written to the customer service. Returns WeChat's
        errcode (0: accepted), or None if the outcome is unknown."""
        return await send_text(self._transport, openid, text)

    async def check_text(self, openid: str, content: str) -> TextCheckAnswer:
        """Asks WeChat to check a text of at most ``LONGEST`` characters; returns its answer.
        Failures are answers, not exceptions. After any failure the call may be repeated."""
        try:
            return judged(await self._transport.wxa.check_text(openid, content))
        except TokenUnavailable as error:
            pause = PauseReason.TOKEN if error.lasting else None
            return TextCheckAnswer(code=error.errcode, pause=pause, away=not error.lasting)
        except WeChatClientException as error:
            return refused(error.errcode)

    async def entry_code(self, scene: str, state: MiniProgramState) -> bytes:
        """Requests a picture (PNG or JPEG) whose scan opens the mini-program with ``scene``: at
        most 32 visible characters without ``%``. Raises: WeChatUnavailable."""
        try:
            picture = await self._transport.wxa.entry_code(scene, _VERSIONS[state])
        except TokenUnavailable:
            raise
        except WeChatClientException as error:
            _log.warning("wechat_entry_code_refused", extra={"errcode": error.errcode})
            raise WeChatUnavailable() from None
        if not isinstance(picture, bytes) or not picture.startswith((b"\x89PNG", b"\xff\xd8\xff")):
            raise WeChatUnavailable()
        return picture


def _login_error(errcode: int | None) -> Exception:
    if errcode in _CODE_ERRORS:
        return CodeInvalid()
    if errcode == _BLOCKED:
        return WeChatUserBlocked()
    if errcode == _MINUTE_QUOTA:
        return Throttled(60)
    if errcode in (None, _SYSTEM_BUSY):
        _log.warning("wechat_login_busy", extra={"errcode": errcode})
    else:
        # 40013, 40125, 41002, 41004, 41008 and unknown codes: the operator has to act.
        _log.error("wechat_login_refused", extra={"errcode": errcode, "alarm": True})
    return WeChatUnavailable()


def _send_failure(error: WeChatClientException, *, had_page: bool) -> SendResult:
    errcode = error.errcode
    if errcode is None:
        return SendResult(SendStatus.BUSY, unknown=True)
    outcome = OUTCOMES.get(errcode, SendStatus.OTHER)
    if outcome is SendStatus.BAD_PAGE and not had_page:
        outcome = SendStatus.OTHER  # leaving the page out does not help
    field = None
    if outcome is SendStatus.BAD_VALUE and (named := _FIELD.search(str(error.errmsg))):
        field = named[1]
    return SendResult(outcome, errcode, field=field)


def _sent(answer: Any) -> SendResult:
    if not isinstance(answer, dict) or answer.get("errcode") != 0:
        # Not the API's answer (a proxy's page, say): the outcome is unknown.
        return SendResult(SendStatus.BUSY, unknown=True)
    msgid = answer.get("msgid")
    return SendResult(SendStatus.SENT, 0, msgid=str(msgid) if msgid is not None else None)
