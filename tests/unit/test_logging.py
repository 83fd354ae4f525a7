"""Log lines are JSON without secrets."""

from __future__ import annotations

import io
import json
import logging
from typing import Any

import pytest

from miniapp_server.logging_config import JsonLines
from miniapp_server.redaction import MASK, redact

# The secret in each text is S3cret; everything else must stay.
_TEXTS = [
    (
        "https://x/cgi-bin/token?appid=wx&secret=S3cret&a=1",
        "https://x/cgi-bin/token?appid=wx&secret=***&a=1",
    ),
    ("url='https://x/send?access_token=S3cret'", "url='https://x/send?access_token=***'"),
    (
        "/sns/jscode2session?js_code=S3cret&grant_type=x",
        "/sns/jscode2session?js_code=***&grant_type=x",
    ),
    ("appsecret: S3cret, errcode: 40029", "appsecret: ***, errcode: 40029"),
    ('{"session_key":"S3cret==","openid":"S3cret"}', '{"session_key":"***","openid":"***"}'),
    ("{'sessionKey': 'S3cret', 'n': 1}", "{'sessionKey': '***', 'n': 1}"),
    (r"{\"openid\":\"S3cret\",\"n\":1}", r"{\"openid\":\"***\",\"n\":1}"),
    ("callback?code=S3cret&state=7", "callback?code=***&state=7"),
    (
        "service=https%3A%2F%2Fx%3Fticket%3DS3cret%26a%3D1",
        "service=https%3A%2F%2Fx%3Fticket%3D***%26a%3D1",
    ),
    ("/auth/cas?ticket=ST-17-S3cret", "/auth/cas?ticket=***"),
    ("unknown ticket ST-17-S3cret.cas", "unknown ticket ST-***"),
    ("client_secret=s3cret&code_verifier=v", "client_secret=***&code_verifier=***"),
    (
        '{"id_token": "e.y.J", "logout_token": "e.y.J"}',
        '{"id_token": "***", "logout_token": "***"}',
    ),
    ("Authorization: Bearer S3cret\nHost: x", "Authorization: ***\nHost: x"),
    ("{'Authorization': 'Bearer S3cret', 'Host': 'x'}", "{'Authorization': '***', 'Host': 'x'}"),
    ("got Bearer S3cret. there", "got Bearer *** there"),
    ("wrote seats_S3cretS3cretS3cret-S3cret_1 down", "wrote seats_*** down"),
    ("Cookie: seat_sid=S3cret; theme=S3cret", "Cookie: ***"),
    ("set-cookie: seat_sid=S3cret; HttpOnly", "set-cookie: ***"),
    ("X-Kiosk-Key: S3cret", "X-Kiosk-Key: ***"),
    ("student_no=S3cret seat=F3-001", "student_no=*** seat=F3-001"),
    ("https://x/k/k1?c=12345678", "https://x/k/k1?c=***"),
    ("https://x/bind?c=8c7-2Sd_ndV8uJVpLAmpLA", "https://x/bind?c=***"),
    (
        "mongodb://root:S3cret@db:27017/?replicaSet=rs0",
        "mongodb://root:***@db:27017/?replicaSet=rs0",
    ),
    ("redis://:S3cret@cache:6379/0", "redis://:***@cache:6379/0"),
    ("rediss://u:p@S3cret@cache/0", "rediss://u:***@cache/0"),
    ("<FromUserName><![CDATA[S3cret]]></FromUserName>", "<FromUserName>***]]></FromUserName>"),
    ("token=S3cret", "token=***"),
    ("GET https://x/calendar/8c7-S3cret_9.ics HTTP/1.1", "GET https://x/calendar/*** HTTP/1.1"),
    # Nothing secret, nothing masked.
    ("errcode=40029 barcode=12 http://127.0.0.1:8080/plan?area=F3", None),
    ("/calendar/{token}.ics in models/calendar_feed/calendar.py", None),
    ("seat_taken by r:65f0:2026-05-01:17", None),
]


@pytest.mark.parametrize(("text", "expected"), _TEXTS)
def test_secrets_are_masked_in_text(text: str, expected: str | None) -> None:
    masked = redact(text)
    assert masked == (text if expected is None else expected)
    assert redact(masked) == masked, "masking twice changes nothing"


class _Log:
    def __init__(self) -> None:
        self._stream = io.StringIO()
        handler = logging.StreamHandler(self._stream)
        handler.setFormatter(JsonLines())
        self.logger = logging.Logger("notify.wechat")
        self.logger.addHandler(handler)

    def line(self) -> dict[str, Any]:
        (text,) = self._stream.getvalue().splitlines()
        return dict(json.loads(text))


def test_a_line_has_time_level_logger_event_and_fields() -> None:
    log = _Log()
    log.logger.info("message_sent", extra={"reservation": "65f0", "attempts": 2, "ok": True})
    line = log.line()
    assert line.pop("ts").endswith("Z")
    assert line == {
        "level": "info",
        "logger": "notify.wechat",
        "event": "message_sent",
        "reservation": "65f0",
        "attempts": 2,
        "ok": True,
    }


@pytest.mark.parametrize(
    "name",
    [
        *("access_token", "secret", "appsecret", "js_code", "session_key", "sessionKey"),
        *("openid", "code", "ticket", "token", "authorization", "Cookie", "X-Kiosk-Key"),
        *("student_no", "studentNo", "password", "seat_sid"),
    ],
)
def test_a_field_is_masked_by_its_name_at_any_depth(name: str) -> None:
    log = _Log()
    log.logger.info("event", extra={name: 20260001, "body": {"list": [{name: "S3cret"}]}})
    line = log.line()
    assert line[name] == MASK
    assert line["body"] == {"list": [{name: MASK}]}


def test_fields_arguments_and_exceptions_are_masked_in_their_text() -> None:
    log = _Log()
    try:
        try:
            raise ValueError("GET https://x/?access_token=S3cret")
        except ValueError as cause:
            raise RuntimeError("mongodb://u:S3cret@h/ refused") from cause
    except RuntimeError:
        fields = {"url": "?code=S3cret", "error": ValueError("token=S3cret")}
        log.logger.exception("failed %s", "?secret=S3cret", extra=fields)
    line = log.line()
    assert "S3cret" not in json.dumps(line)
    assert line["event"] == "failed ?secret=***"
    assert "RuntimeError: mongodb://u:***@h/ refused" in line["exception"]
    assert "?access_token=***" in line["exception"]


def test_invalid_log_arguments_do_not_leak_secrets() -> None:
    log = _Log()
    log.logger.warning("event %d", "S3cret")
    assert log.line()["event"] == "event %d"
