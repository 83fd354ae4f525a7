"""The judgement of ``check-config`` on settings and releases, without connecting anywhere."""

from __future__ import annotations

import json
from datetime import date

import pytest

from miniapp_server.cli.check_config import settings_rows
from miniapp_server.cli.settings import load
from miniapp_server.cli.verdicts import Row, Verdict, table
from miniapp_server.sandbox.defaults import SANDBOX_TEMPLATES
from miniapp_server.settings import SettingsError
from tests.environments import REAL

TODAY = date(2026, 9, 7)


def test_settings_are_listed_without_secrets_and_checked() -> None:
    env = dict(REAL)
    env |= {"MONGO_URL": "mongodb://seats:mongo-pw@m1,m2/?replicaSet=seats"}
    env |= {"REHEARSAL_MONGO_URL": "mongodb://seats:mongo-pw@m3/?replicaSet=seats"}
    env |= {"REDIS_URL": "redis://cache:6379/0", "CAS_LIBRARIAN_GRUOP": "staff"}
    env |= {
        "STAFF_LIBRARIANS": "20130001,20130002",
        "WECHAT_MP_APPID": "wxmp",
        "WECHAT_MP_SECRET": "mp",
    }
    del (templates := dict(SANDBOX_TEMPLATES))["MOVED"]
    env["WECHAT_TEMPLATES"] = json.dumps(templates)
    rows = settings_rows(load(env), env)
    listing = table(rows)
    keys = env["ENCRYPTION_KEYS"][2:]
    for secret in ("mongo-pw", "wechat-secret", keys, "20130001", "template_id"):
        assert secret not in listing, secret
    for text in ("m1:27017,m2:27017 (replica set seats, user seats, no TLS)", "2 accounts"):
        assert text in listing
    odd = [(row.name, row.value, row.verdict) for row in rows if row.verdict is not Verdict.OK]
    assert odd == [
        ("MONGO_URL", "m1:27017,m2:27017", Verdict.WARNING),  # no TLS
        ("REDIS_URL", "cache:6379", Verdict.WARNING),  # no password
        ("REDIS_URL", "cache:6379", Verdict.WARNING),  # no TLS
        ("TRUSTED_PROXIES", "", Verdict.WARNING),  # https, and no proxy is named
        ("STAFF_ADMINISTRATORS", "", Verdict.WARNING),
        ("BACKUP_TO", "", Verdict.WARNING),
        ("WECHAT_TEMPLATES", "MOVED", Verdict.WARNING),
        ("CAS_LIBRARIAN_GRUOP", "", Verdict.PROBLEM),
    ]
    near = {**env, "MONGO_URL": "mongodb://127.0.0.1,[::1]:7/?replicaSet=s"}
    near |= {"REDIS_URL": "redis://localhost"}
    assert not [r for r in settings_rows(load(near), near) if r.name.endswith("_URL") and r.note]


SOUND = {
    **REAL,
    "TRUSTED_PROXIES": "127.0.0.1",
    "STAFF_ADMINISTRATORS": "20130009",
    "BACKUP_TO": "/mnt/backup/seats",
    "BACKUP_RECIPIENTS": "age1head, age1deputy",
}


@pytest.mark.parametrize(
    ("change", "name", "words"),
    [
        ({"TRUSTED_PROXIES": "0.0.0.0/0"}, "TRUSTED_PROXIES", "is very wide"),
        ({"TRUSTED_PROXIES": "::/0"}, "TRUSTED_PROXIES", "is very wide"),
        ({"TRUSTED_PROXIES": ""}, "TRUSTED_PROXIES", "name the proxy"),
        ({"MONITORS": "0.0.0.0/0"}, "MONITORS", "is very wide"),
        ({"WEBHOOK_ALLOWED_NETWORKS": "0.0.0.0/0"}, "WEBHOOK_ALLOWED_NETWORKS", "is very wide"),
        ({"WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8"}, "WEBHOOK_ALLOWED_NETWORKS", "own services"),
        ({"WEBHOOK_ALLOWED_NETWORKS": "169.254.0.0/16"}, "WEBHOOK_ALLOWED_NETWORKS", "services"),
        ({"HOST": "0.0.0.0"}, "HOST", "plain http"),
        ({"CAS_BASE_URL": "http://cas.example.edu/cas"}, "CAS_BASE_URL", "use https"),
        ({"STAFF_ADMINISTRATORS": ""}, "STAFF_ADMINISTRATORS", "without an administrator"),
        ({"BACKUP_TO": ""}, "BACKUP_TO", "another machine"),
        ({"BACKUP_RECIPIENTS": "age1REPLACE-ME"}, "BACKUP_RECIPIENTS", "your own"),
        ({"WECHAT_SECRET": "SECRET"}, "WECHAT_SECRET", "your own"),
        ({"WECHAT_APPID": "wx0123456789abcdef"}, "WECHAT_APPID", "your own"),
        ({"REDIS_URL": "rediss://:PASSWORD@127.0.0.1"}, "REDIS_URL", "your own"),
    ],
)
def test_an_implausible_setting_is_a_warning(change: dict[str, str], name: str, words: str) -> None:
    def doubts(env: dict[str, str]) -> list[Row]:
        return [row for row in settings_rows(load(env), env) if row.verdict is Verdict.WARNING]

    near = {"MONGO_URL": "mongodb://127.0.0.1/?replicaSet=s", "REDIS_URL": "redis://127.0.0.1"}
    assert doubts({**SOUND, **near}) == []
    (row,) = doubts({**SOUND, **near, **change})
    assert row.name == name and words in row.note, row


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"PUBLIC_BASE_URL": ""}, "PUBLIC_BASE_URL is required"),
        ({"PUBLIC_BASE_URL": "http://seats.example.edu"}, "must begin with https://"),
        ({"RATE_LIMIT_SCALE": "1000"}, "for load tests"),
        ({"ENCRYPTION_KEYS": f"{REAL['ENCRYPTION_KEYS']},{REAL['ENCRYPTION_KEYS']}"}, "once"),
    ],
)
def test_a_setting_that_exposes_readers_is_refused(change: dict[str, str], words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        load({**REAL, **change})


def test_a_rate_limit_scale_is_accepted_on_a_loopback_address() -> None:
    local = {"PUBLIC_BASE_URL": "http://127.0.0.1:8080", "RATE_LIMIT_SCALE": "1000"}
    assert load({**REAL, **local}).throttle_scale == 1000
