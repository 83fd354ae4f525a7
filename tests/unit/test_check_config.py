"""What ``check-config`` thinks of settings and of releases, without asking anybody."""

from __future__ import annotations

import json
from datetime import date

import pytest

from miniapp_server.cli.check_config import Verdict, mongo_support, settings_rows, table
from miniapp_server.settings import SANDBOX_TEMPLATES, load
from tests.environments import REAL

TODAY = date(2026, 9, 7)


def test_settings_are_shown_without_secrets_and_thought_over() -> None:
    env = dict(REAL)
    env |= {"MONGO_URL": "mongodb://seats:mongo-pw@m1,m2/?replicaSet=seats"}
    env |= {"REDIS_URL": "redis://cache:6379/0", "CAS_LIBRARIAN_GRUOP": "staff"}
    env |= {
        "STAFF_LIBRARIANS": "20130001,20130002",
        "WECHAT_MP_APPID": "wxmp",
        "WECHAT_MP_SECRET": "mp",
    }
    del (templates := dict(SANDBOX_TEMPLATES))["MOVED"]
    env["WECHAT_TEMPLATES"] = json.dumps(templates)
    rows = settings_rows(load(env), env)
    told = table(rows)
    keys = env["ENCRYPTION_KEYS"][2:]
    for secret in ("mongo-pw", "wechat-secret", keys, "20130001", "template_id"):
        assert secret not in told, secret
    for shown in ("m1:27017,m2:27017 (replica set seats, user seats, no TLS)", "2 accounts"):
        assert shown in told
    odd = [(row.name, row.value, row.verdict) for row in rows if row.verdict is not Verdict.OK]
    assert odd == [
        ("MONGO_URL", "m1:27017,m2:27017", Verdict.WARNING),  # no TLS
        ("REDIS_URL", "cache:6379", Verdict.WARNING),  # no password
        ("REDIS_URL", "cache:6379", Verdict.WARNING),  # no TLS
        ("WECHAT_TEMPLATES", "MOVED", Verdict.WARNING),
        ("CAS_LIBRARIAN_GRUOP", "", Verdict.PROBLEM),
    ]
    for name in ("RESERVED", "SUSPENDED"):
        templates[name] = {**templates[name], "type": "long"}
    mixed = {**env, "WECHAT_TEMPLATES": json.dumps(templates)}
    (warned,) = [r for r in settings_rows(load(mixed), mixed) if "20002" in r.note]
    assert warned.value == "RESERVED, CHECK_IN_REMINDER, NO_SHOW", "SUSPENDED stands alone here"
    near = {**env, "MONGO_URL": "mongodb://127.0.0.1,[::1]:7/?replicaSet=s"}
    near |= {"REDIS_URL": "redis://localhost"}
    assert not [r for r in settings_rows(load(near), near) if r.name.endswith("_URL") and r.note]


@pytest.mark.parametrize(
    ("version", "verdict"),
    [
        ((5, 0, 31), Verdict.WARNING),
        ((6, 0, 27), Verdict.WARNING),  # its support has ended
        ((7, 0, 31), Verdict.WARNING),
        ((7, 0, 32), Verdict.OK),
        ((8, 0, 20), Verdict.WARNING),
        ((8, 0, 21), Verdict.OK),
        ((9, 0, 0), Verdict.OK),
    ],
)
def test_releases_of_mongodb(version: tuple[int, ...], verdict: Verdict) -> None:
    found, note = mongo_support(version, TODAY)
    assert found is verdict and (verdict is Verdict.OK or "8.0.21" in note or "7.0.32" in note)
